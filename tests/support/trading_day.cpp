#include "tests/support/trading_day.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>

#include "platform/base/random.h"
#include "platform/json/json.h"

namespace tillsync::testing {
namespace {

using json::Array;
using json::Object;

constexpr int kArticles = 400;
constexpr int kLinesMax = 20;
constexpr int kOpensAtS = 8 * 3600;
constexpr int kClosesAtS = 20 * 3600;
constexpr std::int64_t kUnitsPerPenny = 100'000;  // Decimal counts 10^-7

Decimal from_pence(std::int64_t pence) {
  return Decimal::from_units(Decimal::Units(pence) * kUnitsPerPenny);
}

std::int64_t to_pence(const Decimal& amount) {
  return static_cast<std::int64_t>(amount.units() / kUnitsPerPenny);
}

std::string money(std::int64_t pence) {
  return from_pence(pence).text(2);
}

struct Article {
  int number;
  std::string sku, gtin, description;
  std::int64_t price;  ///< pence, of a piece or a kilogram
  bool by_weight;
  int tax_percent;
};

Article article(int number) {
  static constexpr const char* kNames[] = {"TEA TOWEL", "MUG", "CANDLE", "APPLES", "CHEESE", "NOTEBOOK"};
  static constexpr int kTaxes[] = {20, 20, 20, 0, 0, 5};
  const int kind = number % 6;
  return {number,
          fmt::format("{}", 10'000 + number),
          gtin_13(10'000 + number),
          fmt::format("{} No. {}", kNames[kind], number),
          45 + (number * 37) % 2'400,
          kind == 3 || kind == 4,
          kTaxes[kind]};
}

/// Tax of an amount in pence, rounded half up: contained in it, or on top.
std::int64_t tax_of(std::int64_t pence, int percent, bool included) {
  const std::int64_t whole = included ? 100 + percent : 100;
  return (2 * pence * percent + whole) / (2 * whole);
}

/// A sale of this day that a return may name.
struct Sold {
  std::string id;
  std::string tender;
  bool prices_include_tax;
  std::optional<std::string> customer;
  struct Line {
    Object members;
    std::int64_t paid;  ///< pence, less discounts, plus taxes on top
  };
  std::vector<Line> lines;
};

class Till {
 public:
  Till(const TradingDayOptions& options, const TimeZone& zone, int number, int documents)
      : options_(options),
        zone_(zone),
        name_(fmt::format("T{}", number)),
        random_(options.seed * 1'000'003 + static_cast<std::uint64_t>(number)),
        count_(documents) {}

  TillDay day() {
    std::vector<int> times;
    for (int i = 1; i < count_; ++i) times.push_back(kOpensAtS + below(kClosesAtS - kOpensAtS));
    std::sort(times.begin(), times.end());
    for (const int time : times) add_one(time);
    add_close();
    return std::move(made_);
  }

 private:
  int below(int bound) { return static_cast<int>(random_.below(static_cast<std::uint64_t>(bound))); }
  bool chance(int percent) { return below(100) < percent; }
  Article any_article() { return article(1 + below(kArticles)); }

  void add_one(int time) {
    const auto made = made_.size();
    // Each kind once while the till is young: a short day has them all.
    if (made == 2) return add_return(time);
    if (made == 3) return add_adjustment(time);
    if (made == 4) return add_customer_update(time);
    if (made == 5) return add_transfer(time);
    if (made == 6) return add_count(time);
    const int dice = below(1000);
    if (dice < 880) return add_sale(time);
    if (dice < 940) return add_return(time);
    if (dice < 960) return add_adjustment(time);
    if (dice < 980) return add_customer_update(time);
    if (dice < 990) return add_transfer(time);
    return add_count(time);
  }

  Object head(const char* type, int time) {
    const int sequence = static_cast<int>(made_.size()) + 1;
    std::string compact_day = options_.day.text();
    std::erase(compact_day, '-');
    const std::chrono::sys_seconds local = options_.day.day + std::chrono::seconds(time);
    const auto offset = zone_.offset_at(local);  // near enough: no zone changes in opening hours
    const OffsetTime at{local - offset, std::chrono::duration_cast<std::chrono::minutes>(offset)};
    return {{"id", fmt::format("{}-{}-{:06}", name_, compact_day, sequence)},
            {"type", type},
            {"terminal", name_},
            {"terminal_sequence", sequence},
            {"occurred_at", at.text()},
            {"operator", fmt::format("op{}", 1 + below(12))}};
  }

  void finish(Object body, Decimal total = {}) {
    const json::Value value(std::move(body));
    made_.push_back(
        {std::string(value.text_of("id")), std::string(value.text_of("type")), total, json::dump(value)});
  }

  std::optional<std::string> some_customer() {
    if (!chance(25)) return std::nullopt;
    return fmt::format("C-{:05}", 1 + below(2'000));
  }

  Sold::Line sale_line(bool prices_include_tax) {
    const Article sold = any_article();
    Object line{{"sku", sold.sku}, {"gtin", sold.gtin}, {"description", sold.description}};
    const Decimal quantity = sold.by_weight ? Decimal::from_units(Decimal::Units(50 + below(2'950)) * 10'000)
                                            : Decimal::from_integer(1 + below(chance(10) ? 12 : 3));
    const Decimal exact = quantity * from_pence(sold.price);
    const Decimal amount = exact.rounded(2);
    line.emplace_back("quantity", quantity.text());
    line.emplace_back("unit_price", money(sold.price));
    if (amount != exact || chance(20)) line.emplace_back("amount", amount.text(2));
    std::int64_t net = to_pence(amount);
    if (net > 10 && chance(12)) {
      const std::int64_t off = 1 + below(static_cast<int>(net / 5));
      line.emplace_back("discounts",
                        Array{Object{{"reason", chance(30) ? "staff" : "offer"}, {"amount", money(off)}}});
      net -= off;
    }
    const std::int64_t tax = tax_of(net, sold.tax_percent, prices_include_tax);
    line.emplace_back(
        "taxes", Array{Object{{"code", fmt::format("VAT{}", sold.tax_percent)}, {"amount", money(tax)}}});
    return {std::move(line), prices_include_tax ? net : net + tax};
  }

  /// Cash is given in notes, and the change is a negative cash tender; a card or a voucher pays to the penny.
  Array tenders_of(std::int64_t total, std::string& main_tender) {
    Array tenders;
    const auto pay = [&](const char* type, std::int64_t pence) {
      tenders.push_back(Object{{"type", type}, {"amount", money(pence)}});
      counted_[type] += from_pence(pence);
    };
    const int dice = below(100);
    main_tender = dice < 60 ? "card" : dice < 90 ? "cash" : "voucher";
    if (main_tender == "card") {
      pay("card", total);
      tenders.back().as_object()->emplace_back("reference", fmt::format("auth {:06}", below(1'000'000)));
    } else if (main_tender == "cash") {
      const std::int64_t note = total <= 500 ? 500 : total <= 1'000 ? 1'000 : 2'000;
      const std::int64_t given = (total + note - 1) / note * note;
      pay("cash", given);
      if (given != total) pay("cash", total - given);
    } else {
      const std::int64_t voucher = std::min<std::int64_t>(total, 1'000);
      pay("voucher", voucher);
      if (total > voucher) pay("card", total - voucher);
    }
    return tenders;
  }

  void add_sale(int time) {
    Object body = head("sale", time);
    Sold sold;
    sold.id = *body.front().second.as_string();
    sold.prices_include_tax = !chance(15);
    sold.customer = some_customer();
    const int lines = 1 + below(chance(15) ? kLinesMax : 6);
    std::int64_t total = 0;
    Array written;
    for (int i = 0; i < lines; ++i) {
      sold.lines.push_back(sale_line(sold.prices_include_tax));
      written.push_back(sold.lines.back().members);
      total += sold.lines.back().paid;
    }
    if (sold.customer) body.emplace_back("customer", *sold.customer);
    body.emplace_back("lines", std::move(written));
    body.emplace_back("tenders", tenders_of(total, sold.tender));
    body.emplace_back("total", money(total));
    if (!sold.prices_include_tax) body.emplace_back("prices_include_tax", false);
    if (chance(5)) body.emplace_back("extensions", Object{{"campaign", "autumn"}, {"basket", below(40)}});
    sales_.push_back(std::move(sold));
    finish(std::move(body), from_pence(total));
  }

  void add_return(int time) {
    if (sales_.empty()) return add_sale(time);
    const int index = below(static_cast<int>(sales_.size()));
    const Sold sold = std::move(sales_[index]);
    sales_.erase(sales_.begin() + index);  // nothing is brought back twice
    Object body = head("return", time);
    Array lines;
    std::int64_t total = 0;
    const std::size_t kept = chance(40) ? 1 : sold.lines.size();
    for (std::size_t i = 0; i < kept; ++i) {
      Object line = sold.lines[i].members;
      line.emplace_back("disposition", chance(80) ? "resell" : "damaged");
      lines.push_back(std::move(line));
      total += sold.lines[i].paid;
    }
    const std::string tender = sold.tender == "cash" ? "cash" : "card";
    counted_[tender] -= from_pence(total);
    if (sold.customer) body.emplace_back("customer", *sold.customer);
    body.emplace_back("lines", std::move(lines));
    body.emplace_back("tenders", Array{Object{{"type", tender}, {"amount", money(total)}}});
    body.emplace_back("total", money(total));
    if (!sold.prices_include_tax) body.emplace_back("prices_include_tax", false);
    body.emplace_back("original", Object{{"id", sold.id}, {"store", options_.store}});
    finish(std::move(body), from_pence(total));
  }

  void add_adjustment(int time) {
    Object body = head("stock_adjustment", time);
    Array lines;
    for (int i = 1 + below(3); i > 0; --i) {
      const int delta = chance(70) ? -1 - below(4) : 1 + below(4);
      lines.push_back(Object{{"sku", any_article().sku}, {"quantity_delta", std::to_string(delta)}});
    }
    body.emplace_back("lines", std::move(lines));
    body.emplace_back("reason", chance(50) ? "damaged" : "found");
    finish(std::move(body));
  }

  void add_count(int time) {
    Object body = head("stock_count", time);
    Array lines;
    for (int i = 1 + below(5); i > 0; --i) {
      lines.push_back(Object{{"sku", any_article().sku}, {"counted", std::to_string(below(200))}});
    }
    body.emplace_back("lines", std::move(lines));
    finish(std::move(body));
  }

  void add_transfer(int time) {
    Object body = head("stock_transfer", time);
    body.emplace_back("direction", chance(50) ? "in" : "out");
    body.emplace_back("other_store", options_.store == "0418" ? "0419" : "0418");
    Array lines;
    for (int i = 1 + below(8); i > 0; --i) {
      lines.push_back(Object{{"sku", any_article().sku}, {"quantity", std::to_string(1 + below(24))}});
    }
    body.emplace_back("lines", std::move(lines));
    finish(std::move(body));
  }

  void add_customer_update(int time) {
    Object body = head("customer_update", time);
    const int number = 1 + below(2'000);
    body.emplace_back("customer", fmt::format("C-{:05}", number));
    body.emplace_back("changes", Object{{"email", fmt::format("c{}.{}@example.com", number, below(100))},
                                        {"newsletter", chance(50)}});
    body.emplace_back("base",
                      Object{{"email", fmt::format("c{}@example.com", number)}, {"newsletter", nullptr}});
    finish(std::move(body));
  }

  void add_close() {
    Object body = head("till_close", kClosesAtS + 60 * (5 + below(20)));
    Array tenders;
    for (const auto& [type, amount] : counted_) {
      tenders.push_back(Object{{"type", type}, {"amount", amount.text(2)}});
    }
    body.emplace_back("tenders", std::move(tenders));
    body.emplace_back("documents", static_cast<std::int64_t>(made_.size()));
    finish(std::move(body));
  }

  const TradingDayOptions& options_;
  const TimeZone& zone_;
  const std::string name_;
  SeededRandom random_;
  const int count_;
  TillDay made_;
  std::vector<Sold> sales_;
  std::map<std::string, Decimal> counted_;
};

}  // namespace

std::string gtin_13(int item) {
  const std::string digits = fmt::format("5012345{:05}", item % 100'000);
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) sum += (digits[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return digits + static_cast<char>('0' + (10 - sum % 10) % 10);
}

std::vector<TillDay> make_trading_day(const TradingDayOptions& options) {
  if (options.tills < 1 || options.documents < options.tills) {
    throw std::runtime_error("a day needs at least one till, and a document for each");
  }
  const auto zone = TimeZone::find(options.time_zone);
  if (!zone) throw std::runtime_error(zone.error().detail);
  std::vector<TillDay> tills;
  for (int i = 0; i < options.tills; ++i) {
    const int share = options.documents / options.tills + (i < options.documents % options.tills ? 1 : 0);
    tills.push_back(Till(options, *zone, i + 1, share).day());
  }
  return tills;
}

}  // namespace tillsync::testing
