#include "agent/connectors/mapped/mapped_fetch.h"

#include "agent/connectors/mapped/verdict.h"

namespace tillsync {
namespace {

Error shape(const std::string& detail) {
  return {ErrorKind::kInvalid, "fetch-shape", detail};
}

Result<std::optional<std::string>> optional_text(const json::Value& said, std::string_view name,
                                                 std::size_t bytes_max) {
  const json::Value* value = said.find(name);
  if (value == nullptr || value->is_null()) return std::optional<std::string>();
  const std::string* text = value->as_string();
  if (text == nullptr || text->size() > bytes_max)
    return shape("`" + std::string(name) + "` must be null or a string of at most " +
                 std::to_string(bytes_max) + " bytes");
  return std::optional(*text);
}

json::Value value_or_null(const std::optional<std::string>& text) {
  return text ? json::Value(*text) : json::Value();
}

bool ends(const json::Value& said) {
  return said.find("rows") != nullptr || said.find("not_modified") != nullptr;
}

}  // namespace

Result<FetchPage> parse_fetch_page(const json::Value& said) {
  FetchPage page;
  if (const json::Value* flag = said.find("not_modified"); flag != nullptr && !flag->is_null()) {
    if (flag->as_bool() == nullptr) return shape("`not_modified` must be true or false");
    page.not_modified = *flag->as_bool();
  }
  if (const json::Value* rows = said.find("rows"); rows != nullptr && !rows->is_null()) {
    if (rows->as_array() == nullptr) return shape("`rows` must be an array");
    if (rows->as_array()->size() > kFetchRowsMax)
      return shape("a page has at most " + std::to_string(kFetchRowsMax) + " rows; ask for less at a time");
    for (const json::Value& row : *rows->as_array()) {
      if (row.as_object() == nullptr) return shape("each of `rows` must be an object");
      page.rows.push_back(row);
    }
  } else if (!page.not_modified) {
    return shape("there must be `rows`, or `not_modified`: true");
  }
  if (page.not_modified && !page.rows.empty()) return shape("what is not modified has no rows");
  auto next = optional_text(said, "next", kFetchCursorBytesMax);
  if (!next) return next.error();
  page.next = std::move(*next);
  auto etag = optional_text(said, "etag", kFetchETagBytesMax);
  if (!etag) return etag.error();
  page.etag = std::move(*etag);
  if (json::dump(json::Value(page.rows)).size() > kFetchPageBytesMax)
    return shape("a page has at most " + std::to_string(kFetchPageBytesMax / (1024 * 1024)) + " MiB");
  return page;
}

Result<FetchPage> MappedFetch::fetch(const FetchQuery& query) {
  const std::string what = "fetch." + std::string(fetch_name(query.what));
  const std::string of_target = "target " + parts_.target + ", ";
  const auto unavailable = [&](const std::string& why) {
    return Error{ErrorKind::kUnavailable, "fetch", of_target + what + ": " + why};
  };
  const auto found = parts_.connector->fetch.find(query.what);
  if (found == parts_.connector->fetch.end())
    return unavailable("connector " + parts_.connector->name + " has no such [[fetch]]");
  json::Object captured;
  for (const RequestSpec& request : found->second.requests) {
    MappingInput input;
    input.value("key", value_or_null(query.key)).value("cursor", value_or_null(query.cursor));
    input.value("etag", value_or_null(query.etag)).text("store", parts_.store);
    input.value("parameters", parts_.parameters).value("captured", captured);
    const std::string name = what + "." + request.name;
    Reply reply = parts_.asker.ask(request, "connector " + parts_.connector->name + ", " + name, input);
    if (reply.passed_over) continue;
    if (reply.outcome) return unavailable(reply.outcome->reason);
    const Verdict verdict = verdict_of(reply.said, reply.answer, captured);
    if (verdict.kind == Verdict::Kind::kAbsent) return FetchPage{};
    if (verdict.kind != Verdict::Kind::kNext) {
      if (verdict.outcome.signal == TargetSignal::kUnauthorized) reply.refuse_credential();
      return unavailable(verdict.kind == Verdict::Kind::kResume ? "there is nothing to resume"
                                                                : verdict.outcome.reason);
    }
    if (ends(reply.said)) {
      auto page = parse_fetch_page(reply.said);
      if (!page)
        return Error{page.error().kind, page.error().code, of_target + name + ": " + page.error().detail};
      return page;
    }
    merge(captured, verdict.capture);
  }
  return Error{ErrorKind::kInvalid, "fetch-shape", of_target + what + ": no request of it gave `rows`"};
}

}  // namespace tillsync
