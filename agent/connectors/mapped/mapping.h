// jq programs for a connector: what they get, and their outputs brought back to the connector's own thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/connectors/mapped/connector.h"
#include "outbox/delivery/target_port.h"
#include "platform/base/time.h"
#include "platform/http/client.h"
#include "platform/jq/mapper.h"
#include "platform/json/json.h"

namespace tillsync {

/// The input of a program: an object, put together member by member. Values that are JSON already go in as
/// they are.
class MappingInput {
 public:
  MappingInput& json(std::string_view name, std::string_view text);
  MappingInput& value(std::string_view name, const json::Value& value);
  MappingInput& text(std::string_view name, std::string_view text);
  std::string str() const { return members_ + "}"; }

 private:
  void begin(std::string_view name);
  std::string members_ = "{";
};

/// `delivery` and `document` of one delivery, each as JSON text.
std::string delivery_json(const OutgoingDelivery& delivery);
/// `{"status","headers","cookies","body","text"}`: `headers` by name in lower case, several of a name joined
/// by ", "; `cookies` what Set-Cookie told, fit for a Cookie header; `body` null where it is no JSON, and
/// then `text` has it.
std::string answer_json(const http::Answer& answer);

/// Whether a program finds it as `.answer.body`.
bool is_json(std::string_view text);

class Mapping {
 public:
  /// Runs an event later on the thread that owns the connector.
  using Post = std::function<void(std::function<void()>)>;
  using Then = std::function<void(Result<json::Value>)>;

  Mapping(jq::Mapper& mapper, Post post) : mapper_(&mapper), post_(std::move(post)) {}

  /// `then` runs once, later, by Post. Errors are jq::Mapper's.
  void run(std::string program, std::string input, Then then) const;

 private:
  jq::Mapper* mapper_;
  Post post_;
};

}  // namespace tillsync
