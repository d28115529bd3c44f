#include "agent/connectors/rest_read_back.h"

#include <algorithm>
#include <iterator>

#include "agent/connectors/digest_answers.h"
#include "platform/base/decimal.h"
#include "platform/json/cut.h"

namespace tillsync {
namespace {

constexpr json::ParseLimits kPageLimits{.depth_max = 48};
constexpr int kRowDepth = 3;  // {"documents":[{ row
constexpr std::size_t kCursorBytesMax = 4096;

Error invalid(const std::string& detail) {
  return {ErrorKind::kInvalid, "read-back-shape",
          "central's list is not as CONTRACT section 6 has it: " + detail};
}

std::string place(std::size_t row, std::string_view member) {
  return "documents[" + std::to_string(row) + "]." + std::string(member);
}

Result<std::string> required(const json::Value& row, std::size_t index, std::string_view member) {
  const std::string_view text = row.text_of(member);
  if (text.empty()) return invalid(place(index, member) + " must be a string and not empty");
  return std::string(text);
}

/// Decimal text (or a JSON integer), null or nothing.
Result<std::optional<std::string>> total_of(const json::Value& row, std::size_t index) {
  const json::Value* total = row.find("total");
  if (total == nullptr || total->is_null()) return std::optional<std::string>();
  const std::string* text = total->as_string();
  if (const auto* number = total->as_number();
      number != nullptr && number->text.find_first_of(".eE") == std::string::npos) {
    text = &number->text;
  }
  if (text == nullptr) return invalid(place(index, "total") + " must be a decimal string or null");
  if (const auto parsed = Decimal::parse(*text, Decimal::kDecimals); !parsed) {
    return invalid(place(index, "total") + " is no decimal: " + parsed.error().detail);
  }
  return std::optional(*text);
}

Result<std::optional<std::string>> currency_of(const json::Value& row, std::size_t index) {
  const json::Value* currency = row.find("currency");
  if (currency == nullptr || currency->is_null()) return std::optional<std::string>();
  const std::string* text = currency->as_string();
  const bool code = text != nullptr && text->size() == 3 &&
                    std::all_of(text->begin(), text->end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!code) return invalid(place(index, "currency") + " must be an ISO 4217 code or null");
  return std::optional(*text);
}

/// `page`: what the row was read from, with its documents cut out.
Result<CentralRow> row_of(const json::Value& value, std::size_t index, const json::Cut& page) {
  if (value.as_object() == nullptr) {
    return invalid("documents[" + std::to_string(index) + "] must be an object, not " +
                   std::string(value.kind_name()));
  }
  CentralRow row;
  for (const auto& [member, into] : {std::pair{"reference", &row.reference},
                                     {"step", &row.step},
                                     {"central_reference", &row.central_reference}}) {
    auto text = required(value, index, member);
    if (!text) return text.error();
    *into = std::move(*text);
  }
  auto total = total_of(value, index);
  if (!total) return total.error();
  auto currency = currency_of(value, index);
  if (!currency) return currency.error();
  if (total->has_value() && !currency->has_value()) {
    return invalid(place(index, "currency") + " is missing where there is a total");
  }
  row.total = std::move(*total);
  row.currency = std::move(*currency);
  row.recorded_at = value.text_of("recorded_at");
  if (const json::Value* document = value.find("document"); document != nullptr && !document->is_null()) {
    if (document->as_object() == nullptr)
      return invalid(place(index, "document") + " must be an object or null");
    const auto text = json::object_at(page, *document);
    row.document = text ? std::string(*text) : json::dump(*document);
  }
  return row;
}

/// No such resource, no such method, parameters that it does not know, or a gateway that lets nothing else
/// by. Where central is shut for everything, its list says so next.
bool has_no_digests(int status) {
  constexpr int kStatuses[] = {400, 403, 404, 405, 410, 422, 501};
  return std::find(std::begin(kStatuses), std::end(kStatuses), status) != std::end(kStatuses);
}

}  // namespace

Result<CentralPage> parse_central_page(std::string_view text) {
  // Documents are nearly always what was sent, and known by their bytes: parsing them is most of the work.
  const auto cut = json::cut_objects(text, "document", kRowDepth);
  const auto body = json::parse(cut.text, kPageLimits);
  if (!body) return invalid(body.error().detail);
  const json::Value* documents = body->find("documents");
  const json::Array* rows = documents == nullptr ? nullptr : documents->as_array();
  if (rows == nullptr) return invalid("the member `documents` must be an array");
  CentralPage page;
  page.rows.reserve(rows->size());
  for (std::size_t index = 0; index < rows->size(); ++index) {
    auto row = row_of((*rows)[index], index, cut);
    if (!row) return row.error();
    page.rows.push_back(std::move(*row));
  }
  const json::Value* next = body->find("next");
  if (next == nullptr || next->is_null()) return page;
  const std::string* cursor = next->as_string();
  if (cursor == nullptr || cursor->empty() || cursor->size() > kCursorBytesMax) {
    return invalid("the member `next` must be null or a string of 1 to " + std::to_string(kCursorBytesMax) +
                   " bytes");
  }
  page.next = *cursor;
  return page;
}

RestReadBack::RestReadBack(std::string target, CentralProfile profile, std::unique_ptr<http::Client> client,
                           std::shared_ptr<Credentials> credentials, std::function<bool()> given_up)
    : profile_(std::move(profile)),
      asker_(std::move(target), "be read back", "read-back", std::move(client), std::move(credentials),
             std::move(given_up)) {}

Result<CentralPage> RestReadBack::page(const Result<http::Answer>& answer) const {
  if (!answer) return answer.error();
  if (answer->status != 200) return asker_.useless(*answer);
  auto page = parse_central_page(answer->body);
  if (!page) return asker_.of_target(page.error());
  return page;
}

Result<CentralPage> RestReadBack::read_back(BusinessDay day, const std::optional<std::string>& cursor) {
  return page(asker_.ask(profile_.read_back(day, cursor)));
}

Result<CentralPage> RestReadBack::rows(BusinessDay day, const std::vector<KeyPrefix>& ranges,
                                       const std::optional<std::string>& cursor) {
  return page(digest_answer(profile_.read_back(day, ranges, cursor)));
}

Result<http::Answer> RestReadBack::digest_answer(const http::Request& request) {
  auto answer = asker_.ask(request);
  if (!answer) return answer.error();
  if (has_no_digests(answer->status)) {
    return asker_.of_target(
        Error{ErrorKind::kNotFound, kDigestUnsupported,
              "it answers " + std::to_string(answer->status) + " when asked for digests"});
  }
  if (answer->status != 200) return asker_.useless(*answer);
  return answer;
}

Result<std::map<BusinessDay, RangeSum>> RestReadBack::days(BusinessDay from, BusinessDay to) {
  auto answer = digest_answer(profile_.digest_of_days(from, to));
  if (!answer) return answer.error();
  return parse_digest_days(answer->body, from, to);
}

Result<std::vector<std::pair<KeyPrefix, RangeSum>>> RestReadBack::parts(
    BusinessDay day, const std::vector<KeyPrefix>& ranges) {
  auto answer = digest_answer(profile_.digest_of_parts(day, ranges));
  if (!answer) return answer.error();
  return parse_digest_parts(answer->body);
}

}  // namespace tillsync
