#include "agent/cli/fleet_pull.h"

#include "platform/http/client.h"

namespace tillsync::cli {
namespace {

constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;
constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::chrono::milliseconds kTurn{1'000};

class Pull {
 public:
  Pull(http::Client& client, const std::map<std::string, std::string>& keys, const PullOptions& options)
      : client_(client), keys_(keys), options_(options) {}

  void start(const std::string& id, const FleetStore& store) {
    const auto token = read_secret(store.token);
    if (!token) {
      entries_.emplace(id, unreachable_entry(id, token.error().detail));
      return;
    }
    http::Request request;
    request.url = store.url + "/v1/reports/reconciliation?business_day=" + options_.day.text();
    request.headers.emplace_back("Accept", "application/json");
    if (!token->empty()) request.headers.emplace_back("Authorization", "Bearer " + *token);
    request.timeout = options_.timeout;
    request.connect_timeout = std::min(options_.timeout, kConnectTimeout);
    request.ca_file = store.ca_file;
    request.answer_bytes_max = kAnswerBytesMax;
    client_.start(std::move(request),
                  [this, id](http::Exchange exchange) { entries_.emplace(id, entry_of(id, exchange)); });
  }

  std::vector<FleetEntry> take() {
    std::vector<FleetEntry> out;
    for (auto& [id, entry] : entries_) out.push_back(std::move(entry));
    return out;
  }

 private:
  FleetEntry entry_of(const std::string& id, const http::Exchange& exchange) const {
    if (const auto* failure = std::get_if<http::Failure>(&exchange))
      return unreachable_entry(id, failure->detail);
    const auto& answer = std::get<http::Answer>(exchange);
    if (answer.status != 200)
      return unreachable_entry(
          id, "answered " + std::to_string(answer.status) +
                  (answer.status == 401 || answer.status == 403 ? ": the token is not one that may read there"
                                                                : ""));
    return fleet_entry(id, options_.day, answer.body, keys_.at(id));
  }

  http::Client& client_;
  const std::map<std::string, std::string>& keys_;
  const PullOptions& options_;
  std::map<std::string, FleetEntry> entries_;
};

}  // namespace

Result<std::vector<FleetEntry>> pull_reports(const std::map<std::string, FleetStore>& stores,
                                             const std::map<std::string, std::string>& keys,
                                             const PullOptions& options) {
  auto client = http::Client::open(options.at_once_max);
  if (!client) return client.error();
  Pull pull(**client, keys, options);
  for (auto next = stores.begin(); next != stores.end() || (*client)->in_flight() > 0;) {
    while (next != stores.end() && (*client)->in_flight() < options.at_once_max) {
      pull.start(next->first, next->second);
      ++next;
    }
    if ((*client)->in_flight() > 0) (*client)->wait(kTurn);
  }
  return pull.take();
}

}  // namespace tillsync::cli
