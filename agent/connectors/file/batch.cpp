#include "agent/connectors/file/batch.h"

#include <fmt/format.h>

#include <variant>

#include "agent/poslog/poslog_writer.h"
#include "outbox/document/validation.h"

namespace tillsync::file {
namespace {

constexpr std::size_t kHashCharacters = 16;  // of the data's SHA-256, in the name

Error refused(const std::string& reason) {
  return {ErrorKind::kInvalid, "not-for-files", reason};
}

}  // namespace

Format format_of(std::string_view name) {
  return name == "poslog" ? Format::kPoslog : Format::kCsv;
}

std::string_view format_name(Format format) {
  return format == Format::kPoslog ? "poslog" : "csv";
}

Result<BatchDocument> batch_document(const OutgoingDelivery& delivery, Format format) {
  // The canonical form says its own currency and day: no default of the store is asked for.
  const auto utc = TimeZone::find("UTC");
  if (!utc) return utc.error();
  auto parsed = parse_document(
      delivery.document, StoreDefaults{delivery.store, "", BusinessCalendar(*utc, std::chrono::minutes(0))});
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    return refused("the journal's document is not one that this version can write to a file" +
                   (refusal->faults.empty() ? "" : " (at \"" + refusal->faults.front().pointer + "\")"));
  }
  auto& document = std::get<Document>(parsed);
  if (format == Format::kPoslog) {
    if (auto fits = check_poslog(document); !fits) return fits.error();
  }
  return BatchDocument{delivery.key,
                       delivery.reference(),
                       delivery.idempotency_key(),
                       sha256(delivery.document),
                       delivery.document.size(),
                       std::move(document)};
}

Batch make_batch(const std::string& store, const std::string& target, std::int64_t number, Format format,
                 std::vector<BatchDocument> documents) {
  Batch batch;
  batch.number = number;
  batch.documents = std::move(documents);
  if (format == Format::kPoslog) {
    std::vector<OutgoingPoslog> transactions;
    for (const BatchDocument& each : batch.documents) {
      transactions.push_back(
          {each.document, store, each.reference, each.idempotency_key, each.key.document.value});
    }
    batch.data = poslog_text(transactions);
  } else {
    batch.data = csv_text(store, batch.documents);
  }
  const std::string hash = to_hex(sha256(batch.data)).substr(0, kHashCharacters);
  batch.name = fmt::format("{}-{}-{:010}-{}", store, target, number, hash);
  batch.data_file = batch.name + (format == Format::kPoslog ? ".xml" : ".csv");
  batch.manifest = manifest_text(batch, store, target, format);
  return batch;
}

}  // namespace tillsync::file
