// Questions about what central knows live on the part of a target's limits that deliveries leave to others:
// half of the day's requests that are kept back, and a quarter of a burst and of the rate.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "outbox/delivery/pace.h"
#include "platform/base/time.h"
#include "reconcile/central_facts/fetch_port.h"

namespace tillsync {

/// Error::code of a question for which the limits leave no room now.
inline constexpr const char* kFetchLimit = "fetch-limit";

/// Of one target, for all who ask it. Any thread.
class FetchAllowance {
 public:
  FetchAllowance(const PaceLimits& limits, const Clock& clock);
  bool limits() const { return day_.limits() || burst_.limits() || rate_.limits(); }
  /// Leave for one request. kUnavailable `fetch-limit`: there is none now.
  Result<void> take();

 private:
  const Clock& clock_;
  std::mutex mutex_;
  TokenBucket day_, burst_, rate_;  // guarded by mutex_
};

/// By target. Any thread.
class FetchAllowances {
 public:
  explicit FetchAllowances(const Clock& clock) : clock_(clock) {}
  std::shared_ptr<FetchAllowance> of(const std::string& target, const PaceLimits& limits);

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<FetchAllowance>> allowances_;  // guarded by mutex_
};

class MeteredFetch final : public FetchPort {
 public:
  MeteredFetch(std::unique_ptr<FetchPort> inner, std::shared_ptr<FetchAllowance> allowance)
      : inner_(std::move(inner)), allowance_(std::move(allowance)) {}

  bool offers(FactKind kind) const override { return inner_->offers(kind); }
  Result<ChangesPage> changes(const std::string& cursor) override {
    return metered([&] { return inner_->changes(cursor); });
  }
  Result<FetchedFact> fetch(FactKind kind, const std::string& key, const std::string& etag) override {
    return metered([&] { return inner_->fetch(kind, key, etag); });
  }
  Result<std::optional<FactsPage>> list(FactKind kind, const std::optional<std::string>& cursor) override {
    return metered([&] { return inner_->list(kind, cursor); });
  }
  Result<std::optional<std::vector<CentralRow>>> sale(const std::string& reference) override {
    return metered([&] { return inner_->sale(reference); });
  }
  Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string& reference) override {
    return metered([&] { return inner_->returns_of(reference); });
  }

 private:
  template <class Ask>
  auto metered(Ask ask) -> decltype(ask()) {
    if (auto taken = allowance_->take(); !taken) return taken.error();
    return ask();
  }

  std::unique_ptr<FetchPort> inner_;
  std::shared_ptr<FetchAllowance> allowance_;
};

}  // namespace tillsync
