#include "reconcile/conflicts/inquiry.h"

#include <algorithm>

#include "reconcile/central_view/reference.h"

namespace tillsync {
namespace {

/// Central's document of a row, as the model has it; nothing where it is none.
std::optional<Document> document_of(const CentralRow& row, const StoreDefaults& store) {
  auto parsed = parse_document(row.document, store);
  auto* document = std::get_if<Document>(&parsed);
  return document == nullptr ? std::nullopt : std::optional(std::move(*document));
}

void set_member(json::Object& object, const std::string& name, const json::Value& value) {
  const auto member =
      std::find_if(object.begin(), object.end(), [&name](const auto& each) { return each.first == name; });
  if (member == object.end()) {
    object.emplace_back(name, value);
  } else {
    member->second = value;
  }
}

bool names_sale(const Document& document, const std::string& sale) {
  const auto* trade = std::get_if<Trade>(&document.content);
  return document.type == DocumentType::kReturn && trade != nullptr && trade->original &&
         (trade->original->id == sale || trade->original->receipt == sale);
}

}  // namespace

std::vector<std::string> Inquiry::steps_of(DocumentType type) const {
  std::vector<std::string> steps;
  for (const auto& step : parts_.routes.plan(type)) steps.push_back(step.step);
  return steps;
}

Result<ReturnCase> Inquiry::return_case(Sequence document, const Document& content, Ask ask) {
  ReturnCase out{document,
                 content,
                 parts_.systems.sales,
                 steps_of(content.type),
                 std::nullopt,
                 ReturnCase::Sale::kUntold,
                 {},
                 std::nullopt,
                 Sequence{}};
  if (auto found = find_policy(out); !found) return found.error();
  const auto& original = std::get<Trade>(content.content).original;
  if (!original || (!original->id && !original->receipt)) return out;
  const std::string sale = original->id ? *original->id : *original->receipt;
  const auto store = original->store.value_or(parts_.store.store_id);
  if (auto found = find_sale(*original, store == parts_.store.store_id, ask, out); !found)
    return found.error();
  if (auto found = find_other_returns(sale, document, out); !found) return found.error();
  if (ask == Ask::kCentral) {
    if (auto found = ask_for_returns(document_reference(store, sale), out); !found) return found.error();
  }
  return out;
}

Result<void> Inquiry::find_sale(const OriginalSale& original, bool own_store, Ask ask, ReturnCase& out) {
  const std::string sale = original.id ? *original.id : *original.receipt;
  if (own_store) {
    auto stored = parts_.reader.find(sale);
    if (!stored) return stored.error();
    if (*stored && (*stored)->document.type == DocumentType::kSale) {
      out.sale = std::move((*stored)->document);
      out.known = ReturnCase::Sale::kKnown;
      return ok();
    }
  }
  if (ask == Ask::kNobody) return ok();
  return ask_for_sale(document_reference(original.store.value_or(parts_.store.store_id), sale), out);
}

Result<void> Inquiry::ask_for_sale(const std::string& reference, ReturnCase& out) {
  auto* port = parts_.port(parts_.systems.sales);
  if (port == nullptr) return ok();
  auto rows = port->sale(reference);
  if (!rows) return rows.error();
  if (!*rows) return ok();
  out.known = (*rows)->empty() ? ReturnCase::Sale::kUnknown : ReturnCase::Sale::kKnown;
  for (const auto& row : **rows) {
    auto document = document_of(row, parts_.store);
    if (document && document->type == DocumentType::kSale) out.sale = std::move(document);
  }
  return ok();
}

Result<void> Inquiry::find_other_returns(const std::string& sale, Sequence before, ReturnCase& out) {
  if (auto walked = walk_to(before); !walked) return walked.error();
  auto others = parts_.trade.returns_of(sale, before);
  if (!others) return others.error();
  for (const auto sequence : *others) {
    auto stored = parts_.reader.load(sequence);
    if (!stored) return stored.error();
    if (!*stored) continue;  // retention has taken it
    out.others.push_back({document_reference(parts_.store.store_id, (*stored)->document.id), false,
                          std::get<Trade>((*stored)->document.content)});
  }
  return ok();
}

// A central that heeds no filter may give back anything: only what names the sale counts.
Result<void> Inquiry::ask_for_returns(const std::string& reference, ReturnCase& out) {
  auto* port = parts_.port(parts_.systems.sales);
  if (port == nullptr) return ok();
  auto rows = port->returns_of(reference);
  if (!rows) return rows.error();
  if (!*rows) return ok();
  const std::string own = parts_.store.store_id + "/";
  for (const auto& row : **rows) {
    if (row.reference.starts_with(own)) continue;  // the journal knows better
    const bool known = std::any_of(out.others.begin(), out.others.end(), [&](const OtherReturn& other) {
      return other.reference == row.reference;
    });
    const auto document = document_of(row, parts_.store);
    if (known || !document || !names_sale(*document, reference.substr(reference.find('/') + 1))) continue;
    out.others.push_back({row.reference, true, std::get<Trade>(document->content)});
  }
  return ok();
}

Result<void> Inquiry::find_policy(ReturnCase& out) {
  auto fact = parts_.facts.current(FactKind::kRefundPolicy, "");
  if (!fact) return fact.error();
  if (!*fact || (*fact)->value.empty()) return ok();
  if (const auto value = json::parse((*fact)->value)) out.policy = refund_policy_of(*value);
  return ok();
}

Result<void> Inquiry::walk_to(Sequence document) {
  for (;;) {
    auto walked = parts_.trade.walk(parts_.reader, document);
    if (!walked) return walked.error();
    if (*walked) return ok();
  }
}

/// What the store knew of the customer when it made this change; central's version then, "" for none.
Result<std::string> Inquiry::find_known(CustomerChange& out, const std::string& customer) {
  auto fact = parts_.facts.as_of(FactKind::kCustomer, customer, out.document);
  if (!fact) return fact.error();
  if (!*fact || (*fact)->value.empty()) return std::string();
  auto value = json::parse((*fact)->value);
  if (value && value->as_object() != nullptr) out.known = std::move(*value);
  return (*fact)->etag;
}

Result<void> Inquiry::find_own_updates(CustomerChange& out, const std::string& customer) {
  constexpr std::size_t kUpdatesBack = 50;
  if (auto walked = walk_to(out.document); !walked) return walked.error();
  auto updates = parts_.trade.updates_of(customer, out.document, kUpdatesBack);
  if (!updates) return updates.error();
  for (auto sequence = updates->rbegin(); sequence != updates->rend(); ++sequence) {
    auto stored = parts_.reader.load(*sequence);
    if (!stored) return stored.error();
    if (!*stored) continue;  // retention has taken it
    const auto changes = json::parse(std::get<CustomerUpdate>((*stored)->document.content).changes);
    if (!changes) continue;
    for (const auto& [field, value] : *changes->as_object()) set_member(*out.own.as_object(), field, value);
  }
  return ok();
}

Result<CustomerChange> Inquiry::customer_change(Sequence document, const Document& content) {
  CustomerChange out{document, content, parts_.systems.customers, steps_of(content.type)};
  const auto customer = content.customer.value_or("");
  if (customer.empty()) return out;
  auto known_version = find_known(out, customer);
  if (!known_version) return known_version.error();
  if (auto found = find_own_updates(out, customer); !found) return found.error();
  auto* port = parts_.port(parts_.systems.customers);
  if (port == nullptr) return out;
  auto now = port->fetch(FactKind::kCustomer, customer, "");
  if (!now) return now.error();
  if (now->answer != FetchedFact::Answer::kValue) return out;
  auto fields = json::parse(now->value);
  if (!fields || fields->as_object() == nullptr)
    return Error{ErrorKind::kInvalid, "facts-shape", "central's customer is no JSON object"};
  const bool changed = known_version->empty() || *known_version != now->etag;
  out.central = CustomerAtCentral{std::move(*fields), now->etag, changed};
  return out;
}

Result<std::vector<CustomerTwin>> Inquiry::twins_of(const Document& content) {
  std::vector<CustomerTwin> twins;
  const auto* update = std::get_if<CustomerUpdate>(&content.content);
  if (update == nullptr || !content.customer) return twins;
  const auto changes = json::parse(update->changes);
  if (!changes) return twins;
  const auto phone =
      changes->text_of("phone").empty() ? changes->text_of("mobile") : changes->text_of("phone");
  auto same = parts_.facts.customers_with(changes->text_of("email"), phone, *content.customer);
  if (!same) return same.error();
  for (const auto& fact : *same) {
    auto fields = json::parse(fact.value);
    if (fields) twins.push_back({fact.key, std::move(*fields)});
  }
  return twins;
}

}  // namespace tillsync
