#include "agent/connectors/mapped/rehearsal.h"

#include "agent/connectors/blot.h"
#include "agent/connectors/connector_factory.h"
#include "agent/connectors/mapped/event_inbox.h"
#include "agent/connectors/plain_text.h"

namespace tillsync {
namespace {

constexpr std::string_view kHidden = "***";
/// Where nothing is really sent no secret is read.
constexpr std::string_view kNoSecret = "SECRET";

bool is_credential(std::string_view header) {
  return header == "Authorization" || header == "Cookie" || header.find("Token") != std::string_view::npos ||
         header.find("Key") != std::string_view::npos;
}

bool is_hidden(std::string_view header) {
  return is_credential(header) && header != "Idempotency-Key" && !header.ends_with("-Idempotency-Key");
}

/// Writes down what passes.
class WireTap final : public http::Transport {
 public:
  WireTap(RehearsalPlan& plan, http::Client& client, EventInbox& inbox, Rehearsal& out)
      : plan_(plan), client_(client), inbox_(inbox), out_(out) {}

  void start(http::Request request, std::function<void(http::Exchange)> done) override {
    const std::size_t place = out_.exchanges.size();
    out_.exchanges.push_back({shown(request), std::nullopt});
    if (plan_.live) {
      // What answers a secret is one, as a rule: a session.
      const bool signs_in = out_.exchanges[place].request.body != request.body;
      client_.start(std::move(request),
                    [this, place, signs_in, done = std::move(done)](http::Exchange exchange) {
                      out_.exchanges[place].answer = exchange;
                      hide(*out_.exchanges[place].answer, signs_in);
                      done(std::move(exchange));
                    });
      return;
    }
    if (plan_.answers.empty()) {
      ran_out_ = true;
      return;
    }
    http::Exchange exchange = std::move(plan_.answers.front());
    plan_.answers.pop_front();
    out_.exchanges[place].answer = exchange;
    inbox_.post([done = std::move(done), exchange = std::move(exchange)] { done(exchange); });
  }

  Result<std::string> read(const SecretReference& reference) {
    if (!plan_.live) return std::string(reference.empty() ? std::string_view() : kNoSecret);
    auto secret = read_secret(reference);
    if (secret) secrets_.push_back(*secret);
    return secret;
  }
  bool ran_out() const { return ran_out_; }

 private:
  /// What a request carried as a credential is hidden in what comes back as well.
  void hide(http::Exchange& exchange, bool signs_in) const {
    auto* answer = std::get_if<http::Answer>(&exchange);
    if (answer == nullptr) return;
    Blot(secrets_).out_of(*answer);
    if (signs_in) answer->body = kHidden;
  }

  http::Request shown(http::Request request) {
    if (plan_.live) {
      for (const auto& [name, value] : request.headers) {
        if (!is_hidden(name)) continue;
        secrets_.push_back(value);
        secrets_.push_back(value.substr(value.find(' ') + 1));
      }
      if (!request.password.empty()) secrets_.push_back(request.user + ":" + request.password);
    }
    for (auto& [name, value] : request.headers) {
      if (is_hidden(name)) value = kHidden;
    }
    if (!request.password.empty()) request.password = kHidden;
    Blot(secrets_).out_of(request.body);
    for (const auto& secret : secrets_) replace_all(request.body, secret, kHidden);  // short ones, too
    if (!plan_.live) replace_all(request.body, kNoSecret, kHidden);
    return request;
  }

  RehearsalPlan& plan_;
  http::Client& client_;
  EventInbox& inbox_;
  Rehearsal& out_;
  std::vector<std::string> secrets_;
  bool ran_out_ = false;
};

std::string name_of(LookUpAnswer::Kind kind) {
  switch (kind) {
    case LookUpAnswer::Kind::kFound:
      return "found";
    case LookUpAnswer::Kind::kAbsent:
      return "absent";
    case LookUpAnswer::Kind::kRefused:
      return "refused";
    case LookUpAnswer::Kind::kFailed:
      return "failed";
  }
  return {};
}

}  // namespace

Result<Rehearsal> rehearse(RehearsalPlan plan, jq::Mapper& mapper, const Clock& clock) {
  auto client = http::Client::open(1);
  if (!client) return client.error();
  const auto inbox = std::make_shared<EventInbox>(**client);
  Rehearsal out;
  WireTap tap(plan, **client, *inbox, out);
  const auto read = [&tap](const SecretReference& reference) { return tap.read(reference); };
  if (plan.read_back) {
    auto port = make_mapped_read_back(plan.target, plan.settings, plan.store, plan.connector, plan.parameters,
                                      clock, mapper, read, tap, inbox, [&tap] { return tap.ran_out(); });
    if (!port) return port.error();
    auto page = (*port)->read_back(*plan.read_back, plan.cursor);
    if (!tap.ran_out()) out.page = std::move(page);
    return out;
  }
  const Mapping mapping(mapper, [inbox](std::function<void()> event) { inbox->post(std::move(event)); });
  auto port = make_mapped_port(plan.target, plan.settings, plan.deliveries.front().store, plan.connector,
                               plan.parameters, tap, clock, mapping, read);
  if (!port) return port.error();
  if (plan.look_up) {
    (*port)->look_up(plan.deliveries.front(), [&out](LookUpAnswer answer) {
      out.outcomes = {std::move(answer.outcome)};
      out.found = name_of(answer.kind);
    });
  } else {
    (*port)->submit(plan.deliveries,
                    [&out](std::vector<Outcome> outcomes) { out.outcomes = std::move(outcomes); });
  }
  inbox->run_until([&] { return !out.outcomes.empty() || tap.ran_out(); });
  return out;
}

}  // namespace tillsync
