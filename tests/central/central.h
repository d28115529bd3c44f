// The stand-in central: serves the reference central profile (CONTRACT section 6) for any target name, and
// the faults ordered through /control. On the loop's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/http_server/event_loop.h"
#include "agent/http_server/server.h"
#include "platform/base/decimal.h"
#include "platform/base/random.h"
#include "tests/central/faults.h"
#include "tests/central/ledger.h"
#include "tests/central/row_digest.h"

namespace tillsync::central {

class Central {
 public:
  /// `token`: the bearer token that targets ask for; "" for none.
  Central(EventLoop& loop, Ledger ledger, std::string token);

  void handle(ServerRequest request, Responder respond);

 private:
  /// A row more or less than central holds.
  struct Shift {
    std::string day;  ///< "": every day
    RowDigest row;
    int times = 0;
  };
  /// Stock derived from effects, as far as they were looked at. By store ("" for all of them together) and
  /// SKU.
  struct StockBook {
    std::int64_t after = 0;
    std::map<std::pair<std::string, std::string>, Decimal> levels;
    std::map<std::pair<std::string, std::string>, json::Array> own;  ///< movements of central's own
  };
  struct Target {
    std::string name;
    StockBook stock;
    Faults faults;
    SeededRandom random{1};
    std::set<std::string> in_flight;               ///< idempotency keys of posts held by a delay
    std::map<std::string, std::int64_t> counters;  ///< what happened, for tests to look at
    std::optional<std::vector<Shift>> shifts;      ///< of shifts_store; until a fault or a post changes it
    std::string shifts_store;
  };
  /// A request on its way through the faults.
  struct Call {
    ServerRequest request;
    std::vector<std::string> path;  ///< without the target
    Target* target;
    Responder respond;
  };

  Target& target(const std::string& name);

  // The profile (profile.cpp).
  void begin(Call call);
  void proceed(const Call& call);
  bool authorized(const Call& call);
  std::optional<ServerResponse> fault_before(const Call& call);
  ServerResponse fault_after(const Call& call, ServerResponse answer);
  ServerResponse answer(const Call& call);
  void count_read_back(const Call& call, const ServerResponse& response);
  ServerResponse post_document(const Call& call);
  ServerResponse post_batch(const Call& call);
  std::optional<ServerResponse> refusal(Target& target, const Post& post);
  ServerResponse taken(Target& target, const Taken& taken);

  // What is read back (views.cpp, digests.cpp).
  ServerResponse documents(const Call& call);
  ServerResponse digest(const Call& call);
  ServerResponse digest_of_days(Target& to, const std::string& store, BusinessDay from, BusinessDay until);
  ServerResponse digest_of_parts(Target& to, const std::string& store, const std::string& day,
                                 const std::vector<std::string>& prefixes);
  const std::vector<Shift>& shifts(Target& to, const std::string& store);
  ServerResponse view(const Call& call);
  ServerResponse stock(const Call& call);
  void book_stock(Target& target);
  ServerResponse move_stock(Target& to, const ServerRequest& request);
  ServerResponse changes(const Call& call);

  // Orders from tests (control.cpp).
  ServerResponse control(const ServerRequest& request, const std::vector<std::string>& path);
  ServerResponse set_faults(Target& target, const ServerRequest& request);
  ServerResponse set_facts(Target& target, const ServerRequest& request);
  ServerResponse ledger_summary(Target& target);
  ServerResponse effects(Target& target, const ServerRequest& request);

  EventLoop& loop_;
  Ledger ledger_;
  const std::string token_;
  std::map<std::string, std::unique_ptr<Target>> targets_;
};

/// Key prefixes with commas between; nothing where there are too many, or one is none.
std::optional<std::vector<std::string>> prefixes_of(const std::string& text);
ServerResponse json_response(unsigned status, const json::Value& value);
/// An answer with an entity tag; 304 where the client has that one.
ServerResponse tagged(const ServerRequest& request, std::string body, const std::string& tag);

}  // namespace tillsync::central
