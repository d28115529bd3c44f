#include "agent/connectors/mapped/rehearsal.h"

#include "agent/connectors/blot.h"
#include "agent/connectors/connector_factory.h"
#include "agent/connectors/mapped/event_inbox.h"
#include "agent/connectors/mapped/mapped_read_back.h"
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
  WireTap(Wire& wire, http::Client& client, EventInbox& inbox, std::vector<RehearsedExchange>& out)
      : wire_(wire), client_(client), inbox_(inbox), out_(out) {}

  void start(http::Request request, std::function<void(http::Exchange)> done) override {
    const std::size_t place = out_.size();
    out_.push_back({shown(request), std::nullopt});
    if (wire_.live) {
      // What answers a secret is one, as a rule: a session.
      const bool signs_in = out_[place].request.body != request.body;
      client_.start(std::move(request),
                    [this, place, signs_in, done = std::move(done)](http::Exchange exchange) {
                      out_[place].answer = exchange;
                      hide(*out_[place].answer, signs_in);
                      done(std::move(exchange));
                    });
      return;
    }
    if (wire_.answers.empty()) {
      ran_out_ = true;
      return;
    }
    http::Exchange exchange = std::move(wire_.answers.front());
    wire_.answers.pop_front();
    out_[place].answer = exchange;
    inbox_.post([done = std::move(done), exchange = std::move(exchange)] { done(exchange); });
  }

  Result<std::string> read(const SecretReference& reference) {
    if (!wire_.live) return std::string(reference.empty() ? std::string_view() : kNoSecret);
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
    if (wire_.live) {
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
    if (!wire_.live) replace_all(request.body, kNoSecret, kHidden);
    return request;
  }

  Wire& wire_;
  http::Client& client_;
  EventInbox& inbox_;
  std::vector<RehearsedExchange>& out_;
  std::vector<std::string> secrets_;
  bool ran_out_ = false;
};

Result<FetchPage> read_back_page(const Result<CentralPage>& page) {
  if (!page) return page.error();
  FetchPage out;
  out.next = page->next;
  const auto or_null = [](const std::optional<std::string>& text) {
    return text ? json::Value(*text) : json::Value();
  };
  for (const CentralRow& row : page->rows) {
    out.rows.push_back(json::Object{{"reference", row.reference},
                                    {"step", row.step},
                                    {"central_reference", row.central_reference},
                                    {"total", or_null(row.total)},
                                    {"currency", or_null(row.currency)},
                                    {"recorded_at", row.recorded_at}});
  }
  return out;
}

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
  EventInbox inbox(**client);
  Rehearsal out;
  WireTap tap(plan.wire, **client, inbox, out.exchanges);
  const Mapping mapping(mapper, [&inbox](std::function<void()> event) { inbox.post(std::move(event)); });
  auto port = make_mapped_port(plan.target, plan.settings, plan.deliveries.front().store, plan.connector,
                               plan.parameters, tap, clock, mapping,
                               [&tap](const SecretReference& reference) { return tap.read(reference); });
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
  inbox.run_until([&] { return !out.outcomes.empty() || tap.ran_out(); });
  return out;
}

Result<RehearsedFetch> rehearse_fetch(FetchPlan plan, jq::Mapper& mapper, const Clock& clock) {
  auto client = http::Client::open(1);
  if (!client) return client.error();
  const auto inbox = std::make_shared<EventInbox>(**client);
  RehearsedFetch out;
  WireTap tap(plan.wire, **client, *inbox, out.exchanges);
  auto asker = make_asker(
      plan.target, plan.settings, plan.connector, plan.parameters, tap, inbox, clock, mapper,
      [&tap](const SecretReference& reference) { return tap.read(reference); },
      [&tap] { return tap.ran_out(); });
  if (!asker) return asker.error();
  MappedFetch fetch({plan.target, plan.connector, plan.parameters, plan.store, *asker});
  MappedReadBack read_back({plan.target, plan.connector, plan.parameters, plan.store, nullptr, *asker});
  for (FetchQuery query = plan.query; out.pages.size() < plan.pages_max;) {
    out.pages.push_back(plan.day ? read_back_page(read_back.read_back(*plan.day, query.cursor))
                                 : fetch.fetch(query));
    if (!out.pages.back() || !out.pages.back()->next) break;
    query.cursor = out.pages.back()->next;
  }
  return out;
}

}  // namespace tillsync
