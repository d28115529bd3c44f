#include "agent/connectors/digest_answers.h"

#include <limits>
#include <string>

#include "platform/json/json.h"
#include "reconcile/central_view/read_back_port.h"

namespace tillsync {
namespace {

Error invalid(const std::string& detail) {
  return {ErrorKind::kInvalid, kDigestShape,
          "central's digest is not as the reference profile has it: " + detail};
}

Result<json::Array> list_of(std::string_view text, std::string_view name) {
  auto body = json::parse(text);
  if (!body) return invalid(body.error().detail);
  const json::Value* const list = body->find(name);
  if (list == nullptr || list->as_array() == nullptr)
    return invalid("the member `" + std::string(name) + "` must be an array");
  return *list->as_array();
}

/// A count of rows, and sums that so many rows can have.
Result<RangeSum> sum_of(const json::Value& item, const std::string& place) {
  RangeSum out;
  out.count = item.integer_of("count", -1);
  if (out.count < 0 || out.count > kDigestRowsMax)
    return invalid(place + ".count must be an integer from 0 to " + std::to_string(kDigestRowsMax));
  const json::Value* const sums = item.find("sums");
  const json::Array* const numbers = sums == nullptr ? nullptr : sums->as_array();
  const std::string wanted = place + ".sums must be " + std::to_string(kDigestWords) +
                             " integers, each from 0 to count x (2^32 - 1)";
  if (numbers == nullptr || numbers->size() != kDigestWords) return invalid(wanted);
  for (std::size_t i = 0; i < kDigestWords; ++i) {
    const json::Value holder = json::Object{{"n", (*numbers)[i]}};
    out.sums[i] = holder.integer_of("n", -1);
    const std::int64_t most = out.count * std::int64_t{std::numeric_limits<std::uint32_t>::max()};
    if (out.sums[i] < 0 || out.sums[i] > most) return invalid(wanted);
  }
  return out;
}

}  // namespace

Result<std::map<BusinessDay, RangeSum>> parse_digest_days(std::string_view text, BusinessDay from,
                                                          BusinessDay to) {
  const auto list = list_of(text, "days");
  if (!list) return list.error();
  std::map<BusinessDay, RangeSum> out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = "days[" + std::to_string(i) + "]";
    const auto day = BusinessDay::parse((*list)[i].text_of("business_day"));
    if (!day) return invalid(place + ".business_day must be a day, YYYY-MM-DD");
    if (*day < from || *day > to) return invalid(place + ".business_day was not asked for");
    const auto sum = sum_of((*list)[i], place);
    if (!sum) return sum.error();
    if (!out.emplace(*day, *sum).second) return invalid(place + ".business_day comes twice");
  }
  return out;
}

Result<std::vector<std::pair<KeyPrefix, RangeSum>>> parse_digest_parts(std::string_view text) {
  const auto list = list_of(text, "parts");
  if (!list) return list.error();
  std::vector<std::pair<KeyPrefix, RangeSum>> out;
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = "parts[" + std::to_string(i) + "]";
    const json::Value* const prefix = (*list)[i].find("prefix");
    const std::string* const digits = prefix == nullptr ? nullptr : prefix->as_string();
    const auto range = digits == nullptr ? std::nullopt : KeyPrefix::parse(*digits);
    if (!range) {
      return invalid(place + ".prefix must be a string of at most " + std::to_string(KeyPrefix::kDigitsMax) +
                     " lower-case hexadecimal digits");
    }
    const auto sum = sum_of((*list)[i], place);
    if (!sum) return sum.error();
    out.emplace_back(*range, *sum);
  }
  return out;
}

}  // namespace tillsync
