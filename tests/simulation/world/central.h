// One target's central, as real ones are: it keeps idempotency keys for a while, rejects, throttles, fails
// before and after its commit, and lists late what it took. Every effect is kept, so that a double shows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/random.h"
#include "platform/http/client.h"
#include "platform/json/json.h"
#include "reconcile/central_view/read_back_port.h"
#include "tests/simulation/world/plan.h"
#include "tests/simulation/world/timeline.h"

namespace tillsync::sim {

struct Effect {
  std::string reference;
  std::string step;
  std::int64_t sequence = 0;  ///< the journal's, as the post says
  std::string document;       ///< JSON
  std::string business_day;
  std::string central_reference;
  Moment at{0};
  std::int64_t order = 0;  ///< over all targets
};

class SimCentral {
 public:
  /// `effects_ever`: the world's count over all its centrals.
  SimCentral(const Timeline& timeline, std::string name, Moment key_window, std::uint64_t seed,
             std::int64_t& effects_ever)
      : timeline_(timeline),
        name_(std::move(name)),
        key_window_(key_window),
        random_(seed),
        effects_ever_(effects_ever) {}

  /// One request that has arrived whole; nothing: the answer is never sent.
  std::optional<http::Answer> handle(const http::Request& request);
  /// How long it works on a request that arrives now.
  Moment working_time();

  void set_mode(std::optional<CentralMode> mode) { mode_ = mode; }
  std::optional<CentralMode> mode() const { return mode_; }
  /// Forgets every key but those so young that a copy of their request may still be under way: no real window
  /// is shorter than that.
  void forget_keys();
  void poison(const std::string& sku, bool on);
  void heal();
  /// The credential that it accepts; a new one is in force from now on.
  void rotate_credential() { ++credential_; }
  std::string credential() const { return name_ + "-secret-" + std::to_string(credential_); }

  const std::string& name() const { return name_; }
  /// In the order in which they came about.
  const std::vector<Effect>& effects() const { return effects_; }
  /// The list of a day, all of it, as a page.
  CentralPage list(const std::string& business_day) const;

  /// Told of each effect as it comes about.
  std::function<void(const Effect&)> on_effect;

 private:
  struct Known {
    std::size_t effect;
    Moment at;
  };
  http::Answer post_one(const json::Value& item, const std::string& key);
  http::Answer post_batch(const std::string& body);
  http::Answer look_up(const std::string& url);
  bool is_hidden(const Effect& effect) const;
  bool authorized(const http::Request& request) const;

  const Timeline& timeline_;
  const std::string name_;
  const Moment key_window_;  ///< 0: for ever
  SeededRandom random_;
  std::int64_t& effects_ever_;
  std::optional<CentralMode> mode_;
  int credential_ = 1;
  std::set<std::string> poison_;
  std::map<std::string, Known> keys_;
  std::vector<Effect> effects_;
  std::map<std::string, std::vector<std::size_t>> by_reference_;  ///< by reference and step
};

/// Sum of a document's lines in 10^-4, read from its JSON by the simulator's own arithmetic.
std::optional<std::int64_t> total_of(const json::Value& document);

}  // namespace tillsync::sim
