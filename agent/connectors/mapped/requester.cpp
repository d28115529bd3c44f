#include "agent/connectors/mapped/requester.h"

#include <algorithm>

#include "agent/connectors/central_profile.h"
#include "agent/connectors/central_session.h"
#include "agent/connectors/classify.h"
#include "agent/connectors/mapped/verdict.h"
#include "agent/connectors/plain_text.h"

namespace tillsync {
namespace {

constexpr std::size_t kPathBytesMax = 16 * 1024;

Error wrong(const std::string& detail) {
  return {ErrorKind::kInvalid, "connector-request", detail};
}

bool fits_url(std::string_view path) {
  return path.starts_with('/') && !path.starts_with("//") && path.size() <= kPathBytesMax &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<std::string> form_body(const json::Value& fields) {
  const json::Object* object = fields.as_object();
  if (object == nullptr) return wrong("a form's body must be an object of strings");
  std::string body;
  for (const auto& [name, value] : *object) {
    const std::string* text = value.as_string();
    if (text == nullptr) return wrong("a form's field " + name + " must be a string");
    if (!body.empty()) body += '&';
    body += percent_encoded(name) + "=" + percent_encoded(*text);
  }
  return body;
}

Result<std::string> body_text(RequestSpec::BodyKind kind, const json::Value& body) {
  using Kind = RequestSpec::BodyKind;
  if (kind == Kind::kJson) return json::dump(body);
  if (kind == Kind::kForm) return form_body(body);
  const std::string* text = body.as_string();
  if (text == nullptr) return wrong("a text body must be a string, not " + std::string(body.kind_name()));
  return *text;
}

std::string_view media_type(RequestSpec::BodyKind kind) {
  using Kind = RequestSpec::BodyKind;
  if (kind == Kind::kJson) return "application/json";
  if (kind == Kind::kForm) return "application/x-www-form-urlencoded";
  return "text/plain; charset=utf-8";
}

bool has_header(const http::Request& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    });
  });
}

Result<void> add_headers(const json::Value& made, http::Request& request) {
  const json::Value* headers = made.find("headers");
  const json::Array* pairs = headers == nullptr ? nullptr : headers->as_array();
  if (pairs == nullptr) return ok();
  for (const auto& pair : *pairs) {
    const json::Array* both = pair.as_array();
    if (both == nullptr || both->size() != 2 || both->at(0).as_string() == nullptr ||
        both->at(1).as_string() == nullptr)
      return wrong("a header must be text");
    request.headers.emplace_back(*both->at(0).as_string(), *both->at(1).as_string());
  }
  return ok();
}

}  // namespace

RequestMaker::RequestMaker(const TargetSettings& settings) : settings_(settings) {}

Result<std::optional<http::Request>> RequestMaker::make(const RequestSpec& spec,
                                                        const json::Value& made) const {
  const json::Value* when = made.find("when");
  const bool* sends = when == nullptr ? nullptr : when->as_bool();
  if (sends == nullptr) return wrong("`when` must give true or false");
  if (!*sends) return std::optional<http::Request>();
  const std::string path(made.text_of("path"));
  if (!fits_url(path)) return wrong("the path must begin with one / and hold only what a URL may");
  std::string_view base = settings_.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  http::Request request = request_for(settings_, spec.method, std::string(base) + path);
  if (auto added = add_headers(made, request); !added) return added.error();
  if (const json::Value* body = made.find("body"); body != nullptr && spec.body) {
    auto text = body_text(spec.body_kind, *body);
    if (!text) return text.error();
    request.body = std::move(*text);
    if (!has_header(request, "content-type"))
      request.headers.emplace_back("Content-Type", media_type(spec.body_kind));
  }
  return std::optional(std::move(request));
}

struct Requester::Exchange {
  const RequestSpec& spec;
  std::string what;
  MappingInput input;
  std::function<void(Reply)> then;
  std::uint64_t generation = 0;
};

void Requester::send(const RequestSpec& spec, std::string what, const MappingInput& input,
                     std::function<void(Reply)> then) const {
  auto exchange = std::make_shared<Exchange>(Exchange{spec, std::move(what), input, std::move(then)});
  mapping_.run(request_program(*connector_, spec), input.str(), [this, exchange](Result<json::Value> made) {
    auto request =
        made ? maker_.make(exchange->spec, *made) : Result<std::optional<http::Request>>(made.error());
    Reply reply;
    if (!request) {
      reply.outcome = outcome_of_unmade(request.error(), exchange->what);
      return exchange->then(std::move(reply));
    }
    if (!*request) {
      reply.passed_over = true;
      return exchange->then(std::move(reply));
    }
    transmit(exchange, std::move(**request));
  });
}

void Requester::transmit(std::shared_ptr<Exchange> exchange, http::Request request) const {
  CentralSession(credentials_, *client_)
      .send(std::move(request), [this, exchange](CentralSession::Result result, std::uint64_t generation) {
        exchange->generation = generation;
        if (auto* outcome = std::get_if<Outcome>(&result)) {
          Reply reply;
          reply.outcome = std::move(*outcome);
          return exchange->then(std::move(reply));
        }
        read_answer(exchange, std::get<http::Exchange>(std::move(result)));
      });
}

void Requester::read_answer(const std::shared_ptr<Exchange>& exchange, http::Exchange result) const {
  auto reply = std::make_shared<Reply>();
  auto* answer = std::get_if<http::Answer>(&result);
  const bool success = answer != nullptr && answer->status >= 200 && answer->status < 300;
  if (success && !exchange->spec.answer) {
    reply->said = json::Object{};
    reply->answer = std::move(*answer);
    return exchange->then(std::move(*reply));
  }
  // A credential that was refused is the target's word on us, whatever a program would make of it.
  if (answer == nullptr || answer->status == 401 || !exchange->spec.answer) {
    reply->outcome = classify(result);
    if (answer != nullptr) reply->answer = std::move(*answer);
    return exchange->then(std::move(*reply));
  }
  reply->answer = std::move(*answer);
  reply->refuse_credential = [credentials = credentials_, generation = exchange->generation] {
    credentials->refused(generation);
  };
  MappingInput input = exchange->input;
  input.json("answer", answer_json(reply->answer));
  mapping_.run(
      answer_program(*connector_, exchange->spec), input.str(), [exchange, reply](Result<json::Value> said) {
        if (!said) {
          reply->outcome = outcome_of_unread(said.error(), reply->answer, exchange->what + " answer");
        } else if (said->is_null()) {
          reply->outcome = classify(reply->answer);  // the program leaves it to the rule
        } else {
          reply->said = std::move(*said);
        }
        exchange->then(std::move(*reply));
      });
}

}  // namespace tillsync
