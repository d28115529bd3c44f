// GET /documents/digest: what central lists, added up; the lies of the list are in it.
#include <algorithm>
#include <map>
#include <sstream>

#include "platform/base/time.h"
#include "tests/central/central.h"
#include "tests/central/row_digest.h"
#include "tests/central/rows.h"

namespace tillsync::central {
namespace {

constexpr std::size_t kPrefixesMax = 256;
constexpr std::size_t kPrefixDigitsMax = 12;

ServerResponse bad_parameter(const std::string& detail) {
  return problem_response(400, "malformed", "Malformed request", detail);
}

json::Object digest_object(const std::string& name, const std::string& value, const RangeDigest& digest) {
  json::Array sums;
  for (const std::int64_t sum : digest.sums) sums.emplace_back(sum);
  return {{name, value}, {"count", digest.count}, {"sums", std::move(sums)}};
}

/// As the fault has it: "other_text" adds up, and is never what the store reckons.
RangeDigest as_told(RangeDigest digest, const std::string& fault) {
  if (fault == "other_text") std::swap(digest.sums[0], digest.sums[1]);
  return digest;
}

}  // namespace

std::optional<std::vector<std::string>> prefixes_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream list(text);
  for (std::string prefix; std::getline(list, prefix, ',');) out.push_back(prefix);
  if (out.empty()) out.emplace_back();
  const bool fit = out.size() <= kPrefixesMax && std::all_of(out.begin(), out.end(), [](const auto& prefix) {
                     return prefix.size() <= kPrefixDigitsMax &&
                            prefix.find_first_not_of("0123456789abcdef") == std::string::npos;
                   });
  if (!fit) return std::nullopt;
  return out;
}

/// What the lie takes from the honest digests and adds to them.
const std::vector<Central::Shift>& Central::shifts(Target& to, const std::string& store) {
  if (to.shifts && to.shifts_store == store) return *to.shifts;
  to.shifts_store = store;
  auto& shifts = to.shifts.emplace();
  const ReadBackLie& lie = to.faults.lie;
  std::set<std::string> ids = lie.missing;
  ids.insert(lie.doubled.begin(), lie.doubled.end());
  for (const auto& [id, value] : lie.total) ids.insert(id);
  for (const auto& [id, value] : lie.line) ids.insert(id);
  const auto shift = [&](const std::string& day, const json::Value& row, int times) {
    shifts.push_back({day, digest_of_row(row), times});
  };
  for (const std::string& id : ids) {
    for (const Effect& effect : ledger_.by_reference(to.name, store + "/" + id, "")) {
      const json::Value honest = row_of(to.name, effect);
      const std::string day(honest.find("document")->text_of("business_day"));
      json::Array told;
      append_row(told, honest, lie);
      shift(day, honest, -1);
      for (const json::Value& row : told) shift(day, row, 1);
    }
  }
  for (const json::Value& extra : lie.extra) shift(day_of(extra), extra, 1);
  return shifts;
}

ServerResponse Central::digest(const Call& call) {
  const ServerRequest& request = call.request;
  Target& to = *call.target;
  if (to.faults.digests == "off") return problem_response(404, "not-found", "Not found", "no such path");
  if (to.faults.digests == "not_implemented")
    return problem_response(501, "not-implemented", "Not implemented", "there are no digests");
  const auto store = request.parameter("store");
  if (!store) return bad_parameter("store is required");
  if (const auto day = request.parameter("business_day")) {
    const auto prefixes = prefixes_of(request.parameter("prefix").value_or(""));
    if (!prefixes)
      return bad_parameter("prefix: at most 256, each of at most 12 lower-case hexadecimal digits");
    return digest_of_parts(to, *store, *day, *prefixes);
  }
  const auto from = BusinessDay::parse(request.parameter("from").value_or(""));
  const auto until = BusinessDay::parse(request.parameter("to").value_or(""));
  if (!from || !until) return bad_parameter("business_day and prefix, or from and to, are required");
  return digest_of_days(to, *store, *from, *until);
}

ServerResponse Central::digest_of_days(Target& to, const std::string& store, BusinessDay from,
                                       BusinessDay until) {
  auto days = ledger_.digests_by_day(to.name, store, from.text(), until.text());
  const std::string first = from.text(), last = until.text();
  for (const Shift& shift : shifts(to, store)) {
    if (!shift.day.empty()) {
      if (shift.day >= first && shift.day <= last) days[shift.day].add(shift.row, shift.times);
      continue;
    }
    for (BusinessDay day = from; day <= until; day.day += std::chrono::days(1))
      days[day.text()].add(shift.row, shift.times);
  }
  json::Array out;
  for (const auto& [day, digest] : days) {
    if (digest.count > 0)
      out.push_back(digest_object("business_day", day, as_told(digest, to.faults.digests)));
  }
  return json_response(200, json::Object{{"days", std::move(out)}});
}

ServerResponse Central::digest_of_parts(Target& to, const std::string& store, const std::string& day,
                                        const std::vector<std::string>& prefixes) {
  std::map<std::string, RangeDigest> parts;
  for (const std::string& prefix : prefixes) {
    parts.merge(ledger_.digests_by_prefix(to.name, store, day, prefix));
    for (const Shift& shift : shifts(to, store)) {
      if ((!shift.day.empty() && shift.day != day) || !shift.row.key.starts_with(prefix)) continue;
      parts[shift.row.key.substr(0, prefix.size() + 1)].add(shift.row, shift.times);
    }
  }
  // Contradicting: the last part is forgotten.
  if (to.faults.digests == "contradicting" && !parts.empty()) parts.erase(std::prev(parts.end()));
  json::Array out;
  for (const auto& [prefix, digest] : parts) {
    if (digest.count > 0) out.push_back(digest_object("prefix", prefix, as_told(digest, to.faults.digests)));
  }
  return json_response(200, json::Object{{"parts", std::move(out)}});
}

}  // namespace tillsync::central
