// What is remembered of a row of central.
#include "reconcile/central_view/read_back.h"

#include <utility>
#include <variant>

#include "outbox/delivery/outcome.h"
#include "outbox/document/canonical.h"
#include "outbox/document/card_number.h"
#include "reconcile/central_view/reference.h"
#include "reconcile/matching/difference.h"

namespace tillsync {
namespace {

/// Longer texts of a row are cut: a reference has 64 characters and its store's name.
constexpr std::size_t kRowTextBytesMax = kCentralReferenceBytesMax;
/// A document nests up to 32 by itself.
constexpr json::ParseLimits kDocumentLimits{.depth_max = 45};

std::string cut(const std::string& text) {
  if (text.size() <= kRowTextBytesMax) return text;
  std::size_t end = kRowTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::optional<std::string> cut(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return cut(*text);
}

/// I9: what central holds may not carry a card number into the store's files and reports.
void hide_card_numbers(Differences& differences) {
  for (Difference& difference : differences.list) {
    if (holds_card_number(json::dump(difference.central))) {
      difference.central = "(hidden: central holds a card number here)";
    }
  }
}

}  // namespace

Result<SeenRow> ReadBack::seen(const CentralRow& row, SentDocuments& sent) const {
  SeenRow out;
  out.reference = cut(row.reference);
  out.step = cut(row.step);
  out.central_reference = cut(row.central_reference);
  out.total = cut(row.total);
  out.currency = cut(row.currency);
  out.recorded_at = cut(row.recorded_at);
  if (!row.document.empty()) {
    if (auto read = see_document(row, sent, out); !read) return read.error();
  }
  return out;
}

Result<void> ReadBack::see_document(const CentralRow& row, SentDocuments& sent, SeenRow& out) const {
  const auto id = document_id_of(row.reference, store_.store_id);
  std::optional<SentContent> expected;
  if (id) {
    auto found = sent.content(std::string(*id), row.step);
    if (!found) return found.error();
    expected = *found;
  }
  const auto is_expected = [&](const Sha256Digest& digest) {
    if (!expected || digest != expected->digest) return false;
    out.digest = digest;
    out.same_as = expected->version;
    return true;
  };
  // The common case: central gives back the bytes that it got. Then there is nothing to read in them.
  if (expected && is_expected(sha256(row.document))) {
    out.type = type_name(expected->type);
    return ok();
  }
  auto read = json::parse(row.document, kDocumentLimits);
  if (!read) {
    return Error{ErrorKind::kInvalid, "read-back-shape",
                 "central's document for " + out.reference + " is no JSON object: " + read.error().detail};
  }
  if (const auto type = type_from_name(read->text_of("type"))) out.type = type_name(*type);
  if (is_expected(sha256(json::dump(*read)))) return ok();

  const auto checked = check_document(*read, store_);
  const Document* const parsed = std::get_if<Document>(&checked);
  out.digest = parsed != nullptr ? content_digest(*parsed) : sha256(json::dump_normalized(*read));
  if (!expected || is_expected(*out.digest)) return ok();

  auto document = sent.document(std::string(*id), row.step);
  if (!document) return document.error();
  if (!*document) return ok();
  auto journal = json::parse(canonical_json(**document), json::ParseLimits{.depth_max = 64});
  if (!journal) return journal.error();
  Result<json::Value> central = std::move(*read);
  if (parsed != nullptr) central = json::parse(canonical_json(*parsed), json::ParseLimits{.depth_max = 64});
  if (!central) return central.error();
  Differences differences = compare_documents(*journal, *central);
  if (differences.empty()) {  // written otherwise, the same in the contract's sense
    is_expected(expected->digest);
    return ok();
  }
  hide_card_numbers(differences);
  out.differences = encode_differences(differences);
  return ok();
}

}  // namespace tillsync
