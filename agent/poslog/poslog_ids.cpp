#include "agent/poslog/poslog_ids.h"

#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

constexpr std::size_t kIdMax = 64;
constexpr std::size_t kTerminalMax = 32;
constexpr std::string_view kHashed = "poslog:";

bool stays(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

std::string shortened(std::string text, std::size_t most, std::size_t digits) {
  if (text.size() <= most) return text;
  return std::string(kHashed) + to_hex(sha256(text)).substr(0, digits);
}

}  // namespace

std::string poslog_identifier(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (stays(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'_', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::string poslog_document_id(const PoslogKey& key) {
  return shortened(poslog_identifier(key.store) + ":" + poslog_identifier(key.workstation) + ":" +
                       poslog_identifier(key.sequence) + ":" + poslog_identifier(key.day),
                   kIdMax, 56);
}

std::string poslog_terminal(std::string_view workstation) {
  return shortened(poslog_identifier(workstation), kTerminalMax, 24);
}

}  // namespace tillsync
