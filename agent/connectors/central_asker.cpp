#include "agent/connectors/central_asker.h"

#include <optional>
#include <utility>

#include "agent/connectors/central_session.h"
#include "agent/connectors/classify.h"

namespace tillsync {
namespace {

constexpr std::chrono::milliseconds kGivenUpEvery{200};

}  // namespace

CentralAsker::CentralAsker(std::string target, std::string what, std::string code,
                           std::unique_ptr<http::Client> client, std::shared_ptr<Credentials> credentials,
                           std::function<bool()> given_up)
    : target_(std::move(target)),
      what_(std::move(what)),
      code_(std::move(code)),
      client_(std::move(client)),
      credentials_(std::move(credentials)),
      given_up_(std::move(given_up)) {}

Result<http::Answer> CentralAsker::ask(const http::Request& request) {
  auto answer = once(request);
  if (answer && answer->status == 401) answer = once(request);
  if (answer && answer->status == 401) return useless(*answer);
  return answer;
}

Result<http::Answer> CentralAsker::once(const http::Request& request) {
  std::optional<CentralSession::Result> result;
  CentralSession(credentials_, *client_).send(request, [&](CentralSession::Result got) {
    result = std::move(got);
  });
  while (!result) {  // ends: every exchange has its time-out
    if (given_up_ && given_up_()) {
      client_->cancel_all();
    } else {
      client_->wait(given_up_ ? kGivenUpEvery : std::chrono::seconds(60));
    }
  }
  if (const auto* outcome = std::get_if<Outcome>(&*result))
    return unavailable(*outcome, ErrorKind::kUnavailable);
  auto& exchange = std::get<http::Exchange>(*result);
  if (const auto* failure = std::get_if<http::Failure>(&exchange)) {
    return unavailable(classify(exchange),
                       failure->code == "timeout" ? ErrorKind::kTimeout : ErrorKind::kUnavailable);
  }
  return std::move(std::get<http::Answer>(exchange));
}

Error CentralAsker::useless(const http::Answer& answer, ErrorKind kind) const {
  return unavailable(classify(answer), kind);
}

Error CentralAsker::unavailable(const Outcome& outcome, ErrorKind kind) const {
  return {kind, code_, "target " + target_ + " cannot " + what_ + ": " + outcome.reason};
}

Error CentralAsker::of_target(const Error& error) const {
  return {error.kind, error.code, "target " + target_ + ": " + error.detail};
}

}  // namespace tillsync
