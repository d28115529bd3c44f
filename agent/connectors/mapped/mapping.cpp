#include "agent/connectors/mapped/mapping.h"

#include <algorithm>
#include <map>

#include "agent/connectors/plain_text.h"
#include "platform/crypto/sha256.h"

namespace tillsync {
namespace {

constexpr json::ParseLimits kAnswerLimits{.depth_max = 64};
/// Of an answer that is no JSON: an error page.
constexpr std::size_t kTextBytesMax = 64 * 1024;

void append_header(std::string& all, std::string_view value, std::string_view separator) {
  if (!all.empty()) all += separator;
  all += value;
}

}  // namespace

void MappingInput::begin(std::string_view name) {
  if (members_.size() > 1) members_ += ',';
  json::quote_to(members_, name);
  members_ += ':';
}

MappingInput& MappingInput::json(std::string_view name, std::string_view text) {
  begin(name);
  members_ += text;
  return *this;
}

MappingInput& MappingInput::value(std::string_view name, const json::Value& value) {
  begin(name);
  json::dump_to(members_, value);
  return *this;
}

MappingInput& MappingInput::text(std::string_view name, std::string_view text) {
  begin(name);
  json::quote_to(members_, text);
  return *this;
}

bool is_json(std::string_view text) {
  return !text.empty() && json::parse(text, kAnswerLimits).has_value();
}

std::string delivery_json(const OutgoingDelivery& delivery) {
  MappingInput input;
  input.text("reference", delivery.reference());
  input.text("idempotency_key", delivery.idempotency_key());
  input.text("step", delivery.key.step);
  input.text("store", delivery.store);
  input.value("sequence", json::Value(delivery.key.document.value));
  input.text("id", delivery.document_id);
  input.text("type", type_name(delivery.type));
  input.value("attempt", json::Value(delivery.attempt));
  input.text("correlation_id", bounded_utf8(delivery.correlation_id, kTextBytesMax));
  input.text("document_digest", to_hex(sha256(delivery.document)));
  return input.str();
}

std::string answer_json(const http::Answer& answer) {
  std::map<std::string, std::string> headers;
  std::string cookies;
  for (const auto& [name, value] : answer.headers) {
    const std::string text = one_line(value, kTextBytesMax);
    append_header(headers[name], text, ", ");
    if (name == "set-cookie") append_header(cookies, std::string_view(text).substr(0, text.find(';')), "; ");
  }
  json::Object by_name;
  for (auto& [name, value] : headers) by_name.emplace_back(name, std::move(value));
  MappingInput input;
  input.value("status", json::Value(answer.status));
  input.value("headers", json::Value(std::move(by_name)));
  input.text("cookies", cookies);
  const bool json = is_json(answer.body);
  input.json("body", json ? std::string_view(answer.body) : "null");
  input.text("text", json ? std::string() : bounded_utf8(answer.body, kTextBytesMax));
  return input.str();
}

void Mapping::run(std::string program, std::string input, Then then) const {
  mapper_->run(std::move(program), std::move(input),
               [post = post_, then = std::move(then)](Result<std::string> output) {
                 post([then, output = std::move(output)] {
                   if (!output) return then(output.error());
                   auto value = json::parse(*output, kAnswerLimits);
                   if (!value) {
                     return then(Error{ErrorKind::kInvalid, "jq-output",
                                       "the program's output cannot be read: " + value.error().detail});
                   }
                   then(std::move(*value));
                 });
               });
}

}  // namespace tillsync
