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
         is_visible_ascii(path);
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
  Reply reply;

  void finish() { then(std::move(reply)); }
  void finish_as(Outcome outcome) {
    reply.outcome = std::move(outcome);
    finish();
  }
  /// Without a program the rule says what an answer means.
  void finish_by_rule() {
    const int status = reply.answer.status;
    if (status < 200 || status >= 300 || spec.answer) return finish_as(classify(reply.answer));
    reply.said = json::Object{};
    finish();
  }
  void understand(Result<json::Value> said) {
    if (!said) return finish_as(outcome_of_unread(said.error(), reply.answer, what + " answer"));
    if (said->is_null()) return finish_by_rule();  // the program leaves it to the rule
    reply.said = std::move(*said);
    finish();
  }
};

void Requester::send(const RequestSpec& spec, std::string what, const MappingInput& input,
                     std::function<void(Reply)> then) const {
  auto exchange = std::make_shared<Exchange>(Exchange{spec, std::move(what), input, std::move(then), {}});
  mapping_.run(spec.programs.request, input.str(), [this, exchange](Result<json::Value> made) {
    auto request =
        made ? maker_.make(exchange->spec, *made) : Result<std::optional<http::Request>>(made.error());
    if (!request) {
      exchange->reply.ran_too_long = request.error().code == "jq-timeout";
      return exchange->finish_as(outcome_of_unmade(request.error(), exchange->what));
    }
    if (!*request) {
      exchange->reply.passed_over = true;
      return exchange->finish();
    }
    transmit(exchange, std::move(**request));
  });
}

void Requester::transmit(std::shared_ptr<Exchange> exchange, http::Request request) const {
  CentralSession(credentials_, *client_)
      .send_counted(std::move(request), [this, exchange](CentralSession::Sent sent) {
        exchange->reply.usage.requests = sent.requests;
        if (auto* outcome = std::get_if<Outcome>(&sent.result))
          return exchange->finish_as(std::move(*outcome));
        exchange->reply.refuse_credential = [credentials = credentials_, generation = sent.generation] {
          credentials->refused(generation);
        };
        read_answer(exchange, std::get<http::Exchange>(std::move(sent.result)));
      });
}

void Requester::read_answer(const std::shared_ptr<Exchange>& exchange, http::Exchange result) const {
  Reply& reply = exchange->reply;
  auto* answer = std::get_if<http::Answer>(&result);
  if (answer == nullptr) return exchange->finish_as(classify(result));
  reply.answer = std::move(*answer);
  // A credential that was refused is the target's word on us, whatever a program would make of it.
  const bool reads = exchange->spec.answer && reply.answer.status != 401;
  if (connector_->limits.report) return run_report(exchange, reads);
  reply.usage.left = limits_told(reply.answer);
  if (!reads) return exchange->finish_by_rule();
  run_answer(exchange);
}

void Requester::run_answer(const std::shared_ptr<Exchange>& exchange) const {
  MappingInput input = exchange->input;
  input.json("answer", answer_json(exchange->reply.answer));
  mapping_.run(exchange->spec.programs.answer, input.str(),
               [exchange](Result<json::Value> said) { exchange->understand(std::move(said)); });
}

/// What is left, and what the answer means, in one run.
void Requester::run_report(const std::shared_ptr<Exchange>& exchange, bool reads) const {
  MappingInput input = exchange->input;
  input.json("answer", answer_json(exchange->reply.answer));
  mapping_.run(reads ? exchange->spec.programs.answer_with_report : connector_->report_program, input.str(),
               [this, exchange, reads](Result<json::Value> both) {
                 if (both) exchange->reply.usage.left = limits_said(both->find("left"));
                 if (!reads) return exchange->finish_by_rule();
                 // A report that ends its run (halt, too slow) must not be the answer's fault.
                 if (!both) return run_answer(exchange);
                 const json::Value* said = both->find("said");
                 exchange->understand(said == nullptr ? json::Value() : *said);
               });
}

}  // namespace tillsync
