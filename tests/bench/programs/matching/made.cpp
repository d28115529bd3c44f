#include "tests/bench/programs/matching/made.h"

#include <filesystem>
#include <fstream>
#include <variant>
#include <vector>

#include "outbox/document/canonical.h"
#include "outbox/journal/journal.h"
#include "tests/bench/programs/support/sale.h"
#include "tests/central/ledger.h"

namespace tillsync::bench {
namespace {

constexpr unsigned kRun = 9001;
constexpr std::int64_t kTogether = 1000;

Result<void> deliver(Journal& journal, Sequence sequence, const std::string& reference) {
  OutcomeFact fact;
  fact.delivery = DeliveryKey{sequence, "erp"};
  fact.target = "erp";
  fact.outcome.kind = OutcomeKind::kDelivered;
  fact.outcome.central_reference = reference;
  return journal.record(fact);
}

/// Documents `from` to `until`, on both sides.
Result<void> trade(Journal& journal, central::Ledger& ledger, Document& sale, std::int64_t from,
                   std::int64_t until) {
  std::vector<central::Post> posts;
  if (auto begun = journal.begin(); !begun) return begun.error();
  for (std::int64_t number = from; number < until; ++number) {
    sale.id = id_of(number);
    sale.terminal_sequence = number + 1;
    auto answer = journal.append(make_post(sale, {}));
    if (!answer) return answer.error();
    if (auto told = deliver(journal, answer->sequence, central::central_reference("erp", number + 1)); !told)
      return told.error();
    const std::string reference = std::string(kStore) + "/" + sale.id;
    auto document = json::parse(canonical_json(sale));
    if (!document) return document.error();
    posts.push_back(
        {reference + ":erp", reference, "erp", kStore, answer->sequence.value, std::move(*document)});
  }
  ledger.take("erp", posts, std::nullopt);
  return journal.commit();
}

}  // namespace

const StoreDefaults& store_defaults() {
  static const StoreDefaults kDefaults{
      kStore, "GBP", BusinessCalendar(TimeZone::find("Europe/London").value(), std::chrono::minutes(4 * 60))};
  return kDefaults;
}

std::string id_of(std::int64_t number) {
  std::string id(Sale::kIdBytes, ' ');
  Sale::write_id(id.data(), kRun, static_cast<std::uint64_t>(number));
  return id;
}

Result<void> make(const std::string& folder, const std::string& sale_file, std::int64_t documents) {
  namespace fs = std::filesystem;
  const fs::path whole = fs::path(folder) / ("whole-" + std::to_string(documents));
  if (fs::exists(whole)) return ok();
  fs::remove_all(folder);
  fs::create_directories(folder);
  auto text = Sale::load(sale_file);
  if (!text) return text.error();
  auto parsed = parse_document(text->text(), store_defaults());
  if (!std::holds_alternative<Document>(parsed))
    return Error{ErrorKind::kInvalid, "bench", sale_file + " is no document of the model"};
  Document sale = std::get<Document>(std::move(parsed));
  const SystemClock clock;
  auto journal = Journal::open(JournalOptions{folder + "/journal", "", {}}, clock);
  if (!journal) return journal.error();
  auto ledger = central::Ledger::open(folder + "/central.db", clock);
  if (!ledger) return ledger.error();
  Routes routes;
  for (const DocumentType type : kDocumentTypes) routes.steps[type] = {RouteStep{"erp", "erp", {}}};
  if (auto begun = (*journal)->begin(); !begun) return begun.error();
  if (auto set = (*journal)->set_routes(routes); !set) return set.error();
  if (auto committed = (*journal)->commit(); !committed) return committed.error();
  for (std::int64_t from = 0; from < documents; from += kTogether) {
    const std::int64_t until = std::min(documents, from + kTogether);
    if (auto traded = trade(**journal, *ledger, sale, from, until); !traded) return traded.error();
    constexpr std::int64_t kCheckpointEach = 100 * kTogether;
    if (from % kCheckpointEach != 0) continue;
    if (auto moved = (*journal)->checkpoint(false); !moved) return moved.error();
  }
  std::ofstream(whole) << "made\n";
  return ok();
}

}  // namespace tillsync::bench
