#include "outbox/document/validation.h"

#include <utility>

#include "outbox/document/card_scan.h"
#include "outbox/document/content_reader.h"
#include "outbox/document/currency.h"
#include "outbox/document/object_reader.h"

namespace tillsync {
namespace {

constexpr std::size_t kIdCharactersMax = 64;

constexpr TextRule kId{1, kIdCharactersMax, TextRule::Letters::kIdentifier};
constexpr TextRule kTerminal{1, 32, TextRule::Letters::kIdentifier};
constexpr TextRule kOperator{1, 64};
constexpr TextRule kCustomer{1, 128};
constexpr TextRule kCorrelationId{1, 128};
constexpr TextRule kAnyText{0, kDocumentBytesMax, TextRule::Letters::kAny};

Refusal malformed(std::string detail) {
  std::vector<Fault> faults{{"", detail}};
  return Refusal{Refusal::Kind::kMalformed, std::move(detail), std::move(faults)};
}

Refusal refusal(Refusal::Kind kind, std::string_view what, Faults& faults) {
  const std::size_t count = faults.count();
  return Refusal{kind, std::string(what) + ": " + std::to_string(count) + (count == 1 ? " fault" : " faults"),
                 faults.take(), faults.more()};
}

std::optional<DocumentType> read_type(ObjectReader& body) {
  const auto name = body.text("type", Need::kRequired, kAnyText);
  if (!name) return std::nullopt;
  const auto type = type_from_name(*name);
  if (!type) {
    std::string detail = "must be one of";
    for (const DocumentType one : kDocumentTypes) detail.append(" \"").append(type_name(one)).append("\"");
    body.fault("type", detail);
  }
  return type;
}

std::optional<OffsetTime> read_occurred_at(ObjectReader& body) {
  const auto text = body.text("occurred_at", Need::kRequired, kAnyText);
  if (!text) return std::nullopt;
  const auto time = OffsetTime::parse(*text);
  if (time.has_value()) return *time;
  body.fault("occurred_at", time.error().detail);
  return std::nullopt;
}

BusinessDay read_business_day(ObjectReader& body, const std::optional<OffsetTime>& occurred_at,
                              const StoreDefaults& store) {
  if (const auto text = body.text("business_day", Need::kOptional, kAnyText)) {
    const auto day = BusinessDay::parse(*text);
    if (day.has_value()) return *day;
    body.fault("business_day", day.error().detail);
  }
  if (!occurred_at) return {};
  const BusinessDay day = store.calendar.day_of(std::chrono::floor<std::chrono::seconds>(occurred_at->utc));
  if (!day.is_supported())
    body.fault("occurred_at",
               "its business day is not between the years 1700 and 2200: set the till's clock");
  return day;
}

/// The currency code; nothing where it is faulty.
std::optional<std::string> read_currency(ObjectReader& body, const StoreDefaults& store) {
  const std::size_t faults_before = body.faults().count();
  const auto code = body.text("currency", Need::kOptional, kAnyText);
  if (body.faults().count() != faults_before) return std::nullopt;
  if (!code) return store.currency;
  if (currency_decimals(*code)) return code;
  body.fault("currency", "must be a currency code of ISO 4217, such as \"GBP\"");
  return std::nullopt;
}

/// A null customer is no customer, except where the document is about one.
std::optional<std::string> read_customer(ObjectReader& body, const json::Value& document,
                                         std::optional<DocumentType> type) {
  if (type == DocumentType::kCustomerUpdate) return body.text("customer", Need::kRequired, kCustomer);
  if (const json::Value* const value = document.find("customer"); value != nullptr && value->is_null()) {
    body.member("customer", Need::kOptional);
    return std::nullopt;
  }
  return body.text("customer", Need::kOptional, kCustomer);
}

Document read_document(const json::Value& value, const json::Object& members, const StoreDefaults& store,
                       Faults& faults) {
  const Path top;
  ObjectReader body(members, top, faults);
  Document document;
  document.id = body.text("id", Need::kRequired, kId).value_or(std::string());
  const auto type = read_type(body);
  document.terminal = body.text("terminal", Need::kRequired, kTerminal).value_or(std::string());
  const auto occurred_at = read_occurred_at(body);
  document.occurred_at = occurred_at.value_or(OffsetTime{});
  document.terminal_sequence = body.integer("terminal_sequence", Need::kOptional, 1);
  document.business_day = read_business_day(body, occurred_at, store);
  const auto currency = read_currency(body, store);
  document.currency = currency.value_or(std::string());
  document.operator_id = body.text("operator", Need::kOptional, kOperator);
  document.customer = read_customer(body, value, type);
  document.correlation_id = body.text("correlation_id", Need::kOptional, kCorrelationId);
  document.extensions = body.free_object("extensions", Need::kOptional, ListSize::kAny);
  if (type) {
    document.type = *type;
    document.content = read_content(*type, currency ? currency_decimals(*currency) : std::nullopt, body);
    body.finish();  // which members there may be depends on the type
  }
  return document;
}

}  // namespace

std::variant<Document, Refusal> parse_document(std::string_view body, const StoreDefaults& store) {
  if (body.size() > kDocumentBytesMax) {
    return malformed("the document has " + std::to_string(body.size()) + " bytes, at most " +
                     std::to_string(kDocumentBytesMax) + " are taken");
  }
  const auto value = json::parse(body);
  if (value.has_error()) return malformed(value.error().detail);
  return check_document(*value, store);
}

std::variant<Document, Refusal> check_document(const json::Value& body, const StoreDefaults& store) {
  Faults card_numbers;
  find_card_numbers(body, card_numbers);
  if (card_numbers.count() > 0) {
    return refusal(Refusal::Kind::kCardNumber, "the document holds a payment card number", card_numbers);
  }
  Faults faults;
  const json::Object* const members = body.as_object();
  if (members == nullptr) {
    faults.add(Path(), "a document is a JSON object, this is " + std::string(body.kind_name()));
    return refusal(Refusal::Kind::kInvalid, "no document", faults);
  }
  Document document = read_document(body, *members, store, faults);
  if (faults.count() > 0) return refusal(Refusal::Kind::kInvalid, "no document of the model", faults);
  return document;
}

bool is_document_id(std::string_view id) {
  return is_identifier(id, kIdCharactersMax);
}

}  // namespace tillsync
