#include "tests/simulation/world/shop.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "outbox/document/canonical.h"
#include "platform/json/json.h"
#include "tests/simulation/world/plan.h"

namespace tillsync::sim {
namespace {

class Maker {
 public:
  explicit Maker(const Recipe& recipe) : recipe_(recipe), random_(recipe.seed) {}

  SimDocument make() {
    made_.id = recipe_.id;
    made_.till = recipe_.till;
    const auto dice = below(100);
    std::string rest;
    if (dice < 52) {
      rest = trade("sale");
    } else if (dice < 66 && recipe_.sale) {
      rest = trade("return");
      made_.original = *recipe_.sale;
      rest += fmt::format(R"(,"original":{{"id":"{}"}})", made_.original);
    } else if (dice < 74) {
      rest = stock("stock_adjustment", "quantity_delta", true);
    } else if (dice < 84) {
      rest = stock("stock_count", "counted", false);
      made_.counts = true;
    } else if (dice < 89) {
      rest = stock("stock_transfer", "quantity", false) + R"(,"direction":"out","other_store":"0999")";
    } else if (dice < 97) {
      rest = customer();
    } else {
      made_.type = "till_close";
      rest = fmt::format(R"("tenders":[{{"type":"cash","amount":"{}"}}])", amount_text(money()));
    }
    made_.body = fmt::format(
        R"({{"id":"{}","type":"{}","terminal":"T{}","occurred_at":"{}",{},"extensions":{{"n":{}.50,"note":"s{}"}}}})",
        made_.id, made_.type, recipe_.till + 1, format_utc(recipe_.now), rest, below(1000),
        recipe_.seed % 10'000);
    return std::move(made_);
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(bound)));
  }
  /// Pence mostly; at times large, or finer than a penny.
  std::int64_t money() {
    const auto dice = below(10);
    if (dice == 0) return below(1'000'000'000) * 100'000;
    if (dice == 1) return 1 + below(99'999);
    return (1 + below(5'000)) * 100;
  }
  std::string sku() {
    auto name = sku_name(below(kSkus));
    if (std::find(made_.skus.begin(), made_.skus.end(), name) == made_.skus.end()) made_.skus.push_back(name);
    return name;
  }
  std::string trade(const char* type) {
    made_.type = type;
    std::int64_t total = 0;
    std::string lines;
    for (auto left = 1 + below(4); left > 0; --left) {
      const auto price = money();
      const auto quantity = 1 + below(5);
      total += price * quantity;
      lines += fmt::format(R"({}{{"sku":"{}","quantity":"{}","unit_price":"{}"}})", lines.empty() ? "" : ",",
                           sku(), quantity, amount_text(price));
    }
    made_.total = total;
    return R"("lines":[)" + lines + "]";
  }
  std::string stock(const char* type, const char* member, bool either_sign) {
    made_.type = type;
    std::set<std::string> seen;
    std::string lines;
    for (auto left = 1 + below(3); left > 0; --left) {
      const auto name = sku();
      if (!seen.insert(name).second) continue;
      const auto quantity = 1 + below(50);
      lines += fmt::format(R"({}{{"sku":"{}","{}":"{}{}"}})", lines.empty() ? "" : ",", name, member,
                           either_sign && below(2) == 0 ? "-" : "", quantity);
    }
    return R"("lines":[)" + lines + "]";
  }
  std::string customer() {
    made_.type = "customer_update";
    made_.customer = fmt::format("C{}", below(4));
    return fmt::format(R"("customer":"{}","changes":{{"email":"c{}@example.com"}})", made_.customer,
                       recipe_.seed % 1000);
  }

  const Recipe& recipe_;
  SeededRandom random_;
  SimDocument made_;
};

}  // namespace

std::string sku_name(std::int64_t number) {
  return fmt::format("SKU{}", number);
}

std::string amount_text(std::int64_t ten_thousandths) {
  std::string text = fmt::format("{}.{:04}", ten_thousandths / 10'000, ten_thousandths % 10'000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

SimDocument make_document(const Recipe& recipe) {
  return Maker(recipe).make();
}

SimDocument make_changed(const SimDocument& document) {
  SimDocument changed = document;
  const auto note = changed.body.rfind(R"("note":"s)");
  changed.body.replace(note, 9, R"("note":"changed-)");
  return changed;
}

std::string with_sku(const std::string& body, const std::string& sku) {
  static constexpr std::string_view kMember = R"("sku":")";
  std::string out;
  std::size_t from = 0;
  for (auto at = body.find(kMember); at != std::string::npos; at = body.find(kMember, from)) {
    out.append(body, from, at + kMember.size() - from);
    out += sku;
    from = body.find('"', at + kMember.size());
  }
  out.append(body, from);
  return out;
}

std::string canonical_form(const Document& document) {
  return json::dump(json::parse(canonical_json(document)).value());
}

}  // namespace tillsync::sim
