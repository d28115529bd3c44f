#include "tests/central/row_digest.h"

#include <charconv>

#include "platform/base/decimal.h"
#include "platform/crypto/sha256.h"

namespace tillsync::central {
namespace {

std::string shortest(std::string_view total) {
  const auto decimal = Decimal::parse(total, Decimal::kDecimals);
  return decimal ? decimal->text() : std::string(total);
}

}  // namespace

RowDigest digest_of_row(const json::Value& row) {
  const std::string key = std::string(row.text_of("reference")) + "\n" + std::string(row.text_of("step"));
  const json::Value* document = row.find("document");
  const std::string text =
      key + "\n" + shortest(row.text_of("total")) + "\n" + std::string(row.text_of("currency")) + "\n" +
      (document == nullptr || document->is_null() ? "" : json::dump_normalized(*document));
  RowDigest out;
  out.key = to_hex(sha256(key)).substr(0, 16);
  const std::string hash = to_hex(sha256(text));
  for (std::size_t i = 0; i < out.words.size(); ++i) {
    const char* const from = hash.data() + 8 * i;
    std::from_chars(from, from + 8, out.words[i], 16);
  }
  return out;
}

void RangeDigest::add(const RowDigest& row, int times) {
  count += times;
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += row.words[i] * times;
}

}  // namespace tillsync::central
