#include "agent/connectors/central_session.h"

#include "agent/connectors/plain_text.h"

namespace tillsync {
namespace {

constexpr std::size_t kBlottedBytesMin = 6;  ///< a shorter secret would tear holes into plain words

}  // namespace

void CentralSession::send(http::Request request, std::function<void(Result)> then) const {
  send(std::move(request),
       [then = std::move(then)](Result result, std::uint64_t) { then(std::move(result)); });
}

void CentralSession::send(http::Request request, std::function<void(Result, std::uint64_t)> then) const {
  credentials_->obtain([credentials = credentials_, client = client_, request = std::move(request),
                        then = std::move(then)](Credentials::Obtained obtained) mutable {
    if (auto* outcome = std::get_if<Outcome>(&obtained)) return then(std::move(*outcome), 0);
    const auto& authorization = std::get<Authorization>(obtained);
    authorization.apply(request);
    client->start(std::move(request), [credentials, then = std::move(then), secret = authorization.secret,
                                       generation = authorization.generation](http::Exchange exchange) {
      if (auto* answer = std::get_if<http::Answer>(&exchange); answer != nullptr && answer->status >= 400) {
        if (answer->status == 401) credentials->refused(generation);
        if (secret.size() >= kBlottedBytesMin) replace_all(answer->body, secret, "***");
      }
      then(std::move(exchange), generation);
    });
  });
}

}  // namespace tillsync
