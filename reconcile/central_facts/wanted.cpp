#include "reconcile/central_facts/wanted.h"

#include <set>
#include <string>
#include <utility>
#include <variant>

#include "outbox/document/codec.h"
#include "outbox/journal/facts.h"
#include "reconcile/central_facts/fact_value.h"
#include "reconcile/central_facts/facts_work.h"

namespace tillsync {
namespace {

constexpr const char* kLookedAt = "wanted";

using Names = std::set<std::pair<WantedKind, std::string>>;

template <class Lines>
void add_skus(const Lines& lines, Names& out) {
  for (const auto& line : lines) {
    if (is_fact_key(FactKind::kStock, line.sku)) out.emplace(WantedKind::kSku, line.sku);
  }
}

void add_names(const Document& document, Names& out) {
  if (document.customer && is_fact_key(FactKind::kCustomer, *document.customer))
    out.emplace(WantedKind::kCustomer, *document.customer);
  std::visit(
      [&](const auto& content) {
        if constexpr (requires { content.lines; }) add_skus(content.lines, out);
      },
      document.content);
}

Result<void> add_names(const RawRecord& record, Names& out) {
  if (record.kind == RecordKind::kDocument) {
    auto parts = decode_document_record(record.body);
    if (!parts) return parts.error();
    auto document = decode_document(parts->document);
    if (!document) return document.error();
    add_names(*document, out);
  } else if (record.kind == RecordKind::kDecision) {
    auto decision = decode_decision(record.document.value_or(Sequence{}), record.body);
    if (!decision) return decision.error();
    if (decision->amended) add_names(*decision->amended, out);
  }
  return ok();
}

}  // namespace

Result<WantedFound> collect_wanted(JournalReader& reader, CentralFacts& facts, const Clock& clock,
                                   const ReadBackUntil& until, const FactsRoom& room,
                                   const WantedLimits& limits) {
  WantedFound found;
  auto after = progress(facts, kLookedAt);
  if (!after) return after.error();
  while (found.records < limits.records_max && !until.stop.load() && clock.steady_now() < until.deadline) {
    auto records = reader.records(Sequence{*after}, limits.records_at_once);
    if (!records) return records.error();
    if (records->empty()) {
      found.at_head = true;
      break;
    }
    Names names;
    for (const RawRecord& record : *records) {
      if (auto added = reader.noted(add_names(record, names)); !added) return added.error();
    }
    auto writer = FactsWriter::begin(facts, room);
    if (!writer) return writer.error();
    for (const auto& [what, key] : names) {
      auto added = writer->want(what, key);
      if (!added) return added.error();
      if (*added) ++found.added;
    }
    *after = records->back().sequence.value;
    if (auto noted = writer->set_progress(kLookedAt, *after); !noted) return noted.error();
    if (auto committed = writer->commit(); !committed) return committed.error();
    found.records += records->size();
  }
  return found;
}

}  // namespace tillsync
