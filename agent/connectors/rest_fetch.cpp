#include "agent/connectors/rest_fetch.h"

#include <algorithm>

#include "agent/connectors/plain_text.h"
#include "agent/connectors/rest_read_back.h"
#include "platform/json/cut.h"

namespace tillsync {
namespace {

constexpr json::ParseLimits kFeedLimits{.depth_max = 24};
constexpr int kChangeDepth = 3;  // {"changes":[{ row

Error bad_feed(const std::string& detail) {
  return {ErrorKind::kInvalid, "fetch-shape",
          "central's change feed is not as CONTRACT section 6 has it: " + detail};
}

bool is_not_served(int status) {
  return status == 404 || status == 405 || status == 501;
}

/// A string, or a number by its digits.
std::optional<std::string> text_or_number(const json::Value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* text = value->as_string()) return *text;
  if (const auto* number = value->as_number()) return number->text;
  return std::nullopt;
}

Result<void> add_change(const json::Value& row, std::size_t index, const json::Cut& page,
                        std::string_view store, ChangesPage& out) {
  const std::string place = "changes[" + std::to_string(index) + "]";
  if (row.as_object() == nullptr)
    return bad_feed(place + " must be an object, not " + std::string(row.kind_name()));
  const std::string_view path = row.text_of("path");
  if (path.empty()) return bad_feed(place + ".path must be a string and not empty");
  const json::Value* etag = row.find("etag");
  if (etag != nullptr && !etag->is_null() && etag->as_string() == nullptr)
    return bad_feed(place + ".etag must be a string or null");
  auto named = fact_of_path(path, store);
  if (!named) return ok();
  FactChange change;
  change.kind = named->first;
  change.key = std::move(named->second);
  change.etag = row.text_of("etag");
  if (const json::Value* value = row.find("value"); value != nullptr && value->is_null()) {
    change.how = FactChange::How::kRemoved;
  } else if (value != nullptr) {
    change.how = FactChange::How::kValue;
    const auto text = json::object_at(page, *value);
    change.value = text ? std::string(*text) : json::dump(*value);
  }
  out.changes.push_back(std::move(change));
  return ok();
}

}  // namespace

std::optional<std::pair<FactKind, std::string>> fact_of_path(std::string_view path, std::string_view store) {
  const auto query_at = path.find('?');
  std::string_view query =
      query_at == std::string_view::npos ? std::string_view() : path.substr(query_at + 1);
  path = path.substr(0, query_at);
  if (path == "/refund-policy") return std::pair(FactKind::kRefundPolicy, std::string());
  for (const auto& [prefix, kind] :
       {std::pair<std::string_view, FactKind>{"/customers/", FactKind::kCustomer},
        {"/stock/", FactKind::kStock},
        {"/prices/", FactKind::kPrice}}) {
    if (!path.starts_with(prefix)) continue;
    const std::string_view key = path.substr(prefix.size());
    if (key.empty() || key.find('/') != std::string_view::npos) return std::nullopt;
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), pair.size() + 1));
      if (pair.starts_with("store=") && percent_decoded(pair.substr(6)) != store) return std::nullopt;
    }
    return std::pair(kind, percent_decoded(key));
  }
  return std::nullopt;
}

Result<ChangesPage> parse_changes(std::string_view text, std::string_view store) {
  // Values are judged, and parsed, one by one: see checked_value().
  const auto cut = json::cut_objects(text, "value", kChangeDepth);
  const auto body = json::parse(cut.text, kFeedLimits);
  if (!body) return bad_feed(body.error().detail);
  const json::Value* changes = body->find("changes");
  const json::Array* rows = changes == nullptr ? nullptr : changes->as_array();
  if (rows == nullptr) return bad_feed("the member `changes` must be an array");
  if (rows->size() > kChangesRowsMax)
    return bad_feed("a page has at most " + std::to_string(kChangesRowsMax) + " rows; give less at a time");
  auto cursor = text_or_number(body->find("cursor"));
  if (!cursor || cursor->empty()) return bad_feed("the member `cursor` must be a string and not empty");
  ChangesPage page;
  page.cursor = std::move(*cursor);
  page.rows = rows->size();
  page.bytes = text.size();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    if (auto added = add_change((*rows)[i], i, cut, store, page); !added) return added.error();
  }
  return page;
}

RestFetch::RestFetch(std::string target, CentralProfile profile, std::unique_ptr<http::Client> client,
                     std::shared_ptr<Credentials> credentials, std::function<bool()> given_up)
    : profile_(std::move(profile)),
      asker_(std::move(target), "tell what it knows", "fetch", std::move(client), std::move(credentials),
             std::move(given_up)) {}

/// 403, 408, 429 and what gateways say are of the target as a whole, other statuses of the one question.
Error RestFetch::useless(const http::Answer& answer) const {
  const int status = answer.status;
  const bool whole = status == 403 || status == 408 || status == 429 || (status >= 502 && status <= 504);
  return asker_.useless(answer, whole ? ErrorKind::kUnavailable : ErrorKind::kInvalid);
}

Result<ChangesPage> RestFetch::changes(const std::string& cursor) {
  auto answer = asker_.ask(profile_.changes(cursor));
  if (!answer) return answer.error();
  ChangesPage none;
  if (is_not_served(answer->status)) {
    none.answer = ChangesPage::Answer::kNotServed;
    return none;
  }
  if (answer->status == 400 || answer->status == 410) {
    none.answer = ChangesPage::Answer::kCursorUnknown;
    return none;
  }
  if (answer->status != 200) return useless(*answer);
  auto page = parse_changes(answer->body, profile_.store());
  if (!page) return asker_.of_target(page.error());
  return page;
}

Result<FetchedFact> RestFetch::fetch(FactKind kind, const std::string& key, const std::string& etag) {
  auto answer = asker_.ask(profile_.fact(kind, key, etag));
  if (!answer) return answer.error();
  FetchedFact fetched;
  fetched.etag = answer->header("etag");
  switch (answer->status) {
    case 200:
      fetched.answer = FetchedFact::Answer::kValue;
      fetched.value = std::move(answer->body);
      return fetched;
    case 304:
      fetched.answer = FetchedFact::Answer::kNotModified;
      return fetched;
    case 404:
    case 410:
      fetched.answer = FetchedFact::Answer::kAbsent;
      return fetched;
    case 403:  // our credential may post, and not ask
    case 405:
    case 501:
      return fetched;
    default:
      return useless(*answer);
  }
}

/// The profile has no lists of rows: that is what its change feed is for.
Result<std::optional<FactsPage>> RestFetch::list(FactKind, const std::optional<std::string>&) {
  return std::optional<FactsPage>();
}

Result<std::optional<std::vector<CentralRow>>> RestFetch::documents(const http::Request& request) {
  using Rows = std::optional<std::vector<CentralRow>>;
  auto answer = asker_.ask(request);
  if (!answer) return answer.error();
  if (is_not_served(answer->status) || answer->status == 400) return Rows();
  if (answer->status != 200) return useless(*answer);
  auto page = parse_central_page(answer->body);
  if (!page) return asker_.of_target(page.error());
  if (page->next) {
    return asker_.of_target({ErrorKind::kInvalid, "fetch-shape",
                             "its documents of one sale go over more than a page; give them at once"});
  }
  return Rows(std::move(page->rows));
}

Result<std::optional<std::vector<CentralRow>>> RestFetch::sale(const std::string& reference) {
  auto rows = documents(profile_.by_reference(reference));
  if (!rows || !*rows) return rows;
  for (const CentralRow& row : **rows) {
    if (row.reference == reference) continue;
    return asker_.of_target({ErrorKind::kInvalid, "fetch-shape",
                             "asked for one document it told of another: its `reference` is not served"});
  }
  return rows;
}

/// A target that does not know the parameter may leave it aside and list anything: rows that are no returns
/// say so.
Result<std::optional<std::vector<CentralRow>>> RestFetch::returns_of(const std::string& reference) {
  auto rows = documents(profile_.by_original(reference));
  if (!rows || !*rows) return rows;
  for (const CentralRow& row : **rows) {
    if (row.document.empty()) continue;
    const auto document = json::parse(row.document, json::ParseLimits{.depth_max = 45});
    if (!document || document->text_of("type") != "return" || document->find("original") == nullptr)
      return std::optional<std::vector<CentralRow>>();
  }
  return rows;
}

}  // namespace tillsync
