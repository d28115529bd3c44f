#include "agent/connectors/blot.h"

#include <algorithm>

#include "agent/connectors/plain_text.h"
#include "platform/crypto/base64.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

constexpr std::size_t kSecretBytesMin = 6;

std::string in_json(const std::string& text) {
  std::string quoted;
  json::quote_to(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

Blot::Blot(const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin) continue;
    for (std::string& form :
         std::vector<std::string>{secret, in_json(secret), percent_encoded(secret), to_base64(secret)}) {
      if (std::find(forms_.begin(), forms_.end(), form) == forms_.end()) forms_.push_back(std::move(form));
    }
  }
  std::stable_sort(forms_.begin(), forms_.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

void Blot::out_of(std::string& text) const {
  for (const std::string& form : forms_) replace_all(text, form, "***");
}

void Blot::out_of(http::Answer& answer) const {
  out_of(answer.body);
  for (auto& [name, value] : answer.headers) out_of(value);
}

void add_words(std::vector<std::string>& secrets, const std::string& value) {
  constexpr std::size_t kWordBytesMin = 12;  // a shorter one may be a word of the language
  for (std::size_t from = 0; from < value.size();) {
    const std::size_t end = std::min(value.find_first_of(" ;=,:", from), value.size());
    if (end - from >= kWordBytesMin) secrets.push_back(value.substr(from, end - from));
    from = end + 1;
  }
}

}  // namespace tillsync
