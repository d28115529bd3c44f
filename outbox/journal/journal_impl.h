// Inside of Journal, shared by its source files: the connection, what the last commit left, and the
// transaction under way.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "outbox/journal/derive.h"
#include "outbox/journal/journal.h"
#include "outbox/journal/schema.h"
#include "outbox/journal/writer_statements.h"

namespace tillsync {

struct Journal::Impl {
  Impl(JournalOptions options, const Clock& clock_in)
      : folder(std::move(options.folder)),
        vfs(std::move(options.vfs)),
        on_damage(std::move(options.on_damage)),
        clock(clock_in) {}

  // Set once.
  const std::string folder;
  const std::string vfs;
  const std::function<void(const Error&)> on_damage;
  const Clock& clock;

  // The connection; both gone while a reopen has failed.
  std::optional<sqlite::Database> database;
  std::optional<WriterStatements> statements;

  // The first error that meant damage.
  std::optional<Error> damage;

  /// Passes a result on, and remembers the first one that means damage.
  template <class T>
  Result<T> noted(Result<T> result) {
    if (!result && result.error().kind == ErrorKind::kCorrupt && !damage) {
      damage = result.error();
      if (on_damage) on_damage(*damage);
    }
    return result;
  }

  // What the last commit left.
  JournalHead committed;
  JournalCounts counts;
  RouteHistory routes;

  // The transaction under way.
  bool in_transaction = false;
  JournalHead head;
  std::map<std::string, std::int64_t> count_changes;
  struct DayChange {
    Sequence first;
    std::int64_t documents = 0;
  };
  std::map<std::int64_t, DayChange> day_changes;
  std::map<std::pair<std::int64_t, std::string>, Sequence> day_deliveries;
  std::vector<StatusChange> changes;
  std::vector<StatusChange> committed_changes;

  std::string path() const { return folder + "/" + kJournalFile; }
  Result<void> connect();
  Result<void> try_connect();
  Result<void> read_state();
  Result<void> read_reservations(const std::string& target, LaneMemory& memory);
  void forget_transaction();
  Result<void> ensure_connected();

  Result<Sequence> append_record(RecordKind kind, std::optional<Sequence> document, const std::string& body,
                                 const DocumentPost* indexed, UtcTime now);
  Result<PostAnswer> existing(Sequence sequence, const DocumentPost& post);
  Result<void> keep_key(const std::string& key, Sequence document);
  Result<std::vector<DeliveryRow>> delivery_rows(Sequence document);
  struct About {
    DocumentType type;
    std::int64_t business_day;
  };
  Result<std::optional<About>> about(Sequence document);
  Result<void> move_delivery(const About& about, const DeliveryKey& key, const RouteStep& step,
                             DeliveryRow row, const std::vector<DeliveryRow>& before);
  /// Whether the last fact about this delivery is a failed look-up that says the same.
  Result<bool> failed_alike_before(const LookUpFact& fact);
  /// Whether a fact about this delivery was imported from that record before.
  Result<bool> knows_import(Sequence document, std::string_view step, const std::string& origin);
  struct Place {
    RouteStep step;
    std::optional<DeliveryRow> row;
  };
  /// Where a delivery stands; nothing where the document, or such a step of its plan, is not there.
  Result<std::optional<Place>> place_of(const DeliveryKey& key);
  Result<void> flush();
  void count(const std::string& name, std::int64_t delta) { count_changes[name] += delta; }
};

}  // namespace tillsync
