#include "agent/connectors/central_session.h"

#include "agent/connectors/target_usage.h"

namespace tillsync {
void CentralSession::send(http::Request request, std::function<void(Result)> then) const {
  send_counted(std::move(request), [then = std::move(then)](Sent sent) { then(std::move(sent.result)); });
}

void CentralSession::send_counted(http::Request request, std::function<void(Sent)> then) const {
  credentials_->obtain([credentials = credentials_, client = client_, request = std::move(request),
                        then = std::move(then)](Credentials::Obtained obtained) mutable {
    if (auto* outcome = std::get_if<Outcome>(&obtained))
      return then({std::move(*outcome), 0, credentials->take_requests()});
    const auto& authorization = std::get<Authorization>(obtained);
    authorization.apply(request);
    client->start(std::move(request), [credentials, then = std::move(then), blot = authorization.blot,
                                       generation = authorization.generation](http::Exchange exchange) {
      if (auto* answer = std::get_if<http::Answer>(&exchange)) {
        if (answer->status == 401) credentials->refused(generation);
        if (blot) blot->out_of(*answer);
      }
      const int requests = requests_in(exchange) + credentials->take_requests();
      then({std::move(exchange), generation, requests});
    });
  });
}

}  // namespace tillsync
