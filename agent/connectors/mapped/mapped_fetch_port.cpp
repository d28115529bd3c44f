#include "agent/connectors/mapped/mapped_fetch_port.h"

#include <algorithm>

namespace tillsync {
namespace {

FetchWhat what_of(FactKind kind) {
  switch (kind) {
    case FactKind::kCustomer:
      return FetchWhat::kCustomer;
    case FactKind::kStock:
      return FetchWhat::kStock;
    case FactKind::kPrice:
      return FetchWhat::kPrice;
    case FactKind::kRefundPolicy:
      break;
  }
  return FetchWhat::kRefundPolicy;
}

/// A string, or a number by its digits; "" where the row does not say.
std::string named(const json::Value& row, std::string_view member) {
  const json::Value* value = row.find(member);
  if (value == nullptr) return {};
  if (const auto* text = value->as_string()) return *text;
  if (const auto* number = value->as_number()) return number->text;
  return {};
}

std::string key_of(FactKind kind, const json::Value& row) {
  return named(row, kind == FactKind::kCustomer ? "id" : "sku");
}

}  // namespace

bool MappedFetchPort::offers(FactKind kind) const {
  return connector_->fetch.contains(what_of(kind));
}

Result<ChangesPage> MappedFetchPort::changes(const std::string&) {
  ChangesPage none;
  none.answer = ChangesPage::Answer::kNotServed;
  return none;
}

Result<FetchedFact> MappedFetchPort::fetch(FactKind kind, const std::string& key, const std::string& etag) {
  FetchedFact fetched;
  if (!offers(kind)) return fetched;
  FetchQuery query{what_of(kind), {}, {}, {}};
  if (kind != FactKind::kRefundPolicy) query.key = key;
  if (!etag.empty()) query.etag = etag;
  auto page = fetch_.fetch(query);
  if (!page) return page.error();
  fetched.etag = page->etag.value_or("");
  if (page->not_modified) {
    fetched.answer = FetchedFact::Answer::kNotModified;
    return fetched;
  }
  // Of several rows the one that says it is meant; else the first is judged, and may turn out to be another.
  const auto fits = [&](const json::Value& row) {
    const std::string store = named(row, "store");
    return (kind == FactKind::kRefundPolicy || key_of(kind, row) == key) &&
           (kind != FactKind::kStock || store.empty() || store == store_);
  };
  auto row = std::find_if(page->rows.begin(), page->rows.end(), fits);
  if (row == page->rows.end()) row = page->rows.begin();
  fetched.answer = row == page->rows.end() ? FetchedFact::Answer::kAbsent : FetchedFact::Answer::kValue;
  if (row != page->rows.end()) fetched.value = json::dump(*row);
  return fetched;
}

/// Whether any of its requests looks at `.cursor`: one that does not has no second page, and would list the
/// first for ever.
bool MappedFetchPort::goes_on_at_a_cursor(FactKind kind) const {
  const auto found = connector_->fetch.find(what_of(kind));
  if (found == connector_->fetch.end()) return false;
  return std::any_of(found->second.requests.begin(), found->second.requests.end(),
                     [&](const RequestSpec& request) {
                       return request_program(*connector_, request).find(".cursor") != std::string::npos;
                     });
}

Result<std::optional<FactsPage>> MappedFetchPort::list(FactKind kind,
                                                       const std::optional<std::string>& cursor) {
  if (kind == FactKind::kRefundPolicy || !goes_on_at_a_cursor(kind)) return std::optional<FactsPage>();
  auto page = fetch_.fetch(FetchQuery{what_of(kind), {}, cursor, {}});
  if (!page) return page.error();
  FactsPage out;
  out.next = std::move(page->next);
  for (const json::Value& row : page->rows) {
    if (const std::string store = named(row, "store");
        kind == FactKind::kStock && !store.empty() && store != store_)
      continue;
    out.rows.push_back({kind, key_of(kind, row), {}, FactChange::How::kValue, json::dump(row)});
    out.bytes += out.rows.back().value.size();
  }
  return std::optional(std::move(out));
}

Result<std::optional<std::vector<CentralRow>>> MappedFetchPort::sale(const std::string&) {
  return std::optional<std::vector<CentralRow>>();
}

Result<std::optional<std::vector<CentralRow>>> MappedFetchPort::returns_of(const std::string&) {
  return std::optional<std::vector<CentralRow>>();
}

}  // namespace tillsync
