#include "agent/poslog/poslog_trade.h"

#include <algorithm>

namespace tillsync::poslog {
namespace {

constexpr std::string_view kExchange = "exchange";

/// What of a LineItem is about the line itself, and what changes neither goods nor money (where it would,
/// the total does not fit, and the door refuses it).
bool is_about_the_line(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "SequenceNumber", "BeginDateTime", "EndDateTime",   "LineItemLink", "ItemLink",
      "Associate",      "OperatorID",    "LoyaltyReward", "Promotion",    "Coupon",
      "EventBeginTime", "ReasonCode",    "Reason",        "Text"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

struct PaidBy {
  std::string type;
  Decimal amount;                  ///< negative: given back
  std::optional<Decimal> applied;  ///< AmountAppliedToBill
  std::string reference;
};

std::string amount_text(const Decimal& amount) {
  return amount.text();
}

class Trader {
 public:
  Trader(pugi::xml_node retail, std::string xpath, Money& money)
      : retail_(retail), xpath_(std::move(xpath)), money_(money) {}

  TradeParts read(const std::string& store_id, OriginalOf original_of) {
    gather_deposits();
    read_line_items();
    settle_deductions();
    TradeParts parts;
    if (money_.faults().empty() && lines_.empty())
      money_.faults().add(xpath_, "has no line of goods (Sale or Return) that counts");
    if (!money_.faults().empty()) return parts;
    build_sides(parts);
    if (!money_.faults().empty()) return parts;
    add_original(parts, store_id, original_of);
    add_rest(parts);
    return parts;
  }

 private:
  void gather_deposits() {
    for (const auto line_item : children(retail_, "LineItem")) {
      const auto sale = child(line_item, "Sale");
      if (!equal_ignoring_case(attribute(sale, "ItemType"), "Deposit") || is_set(line_item, "CancelFlag"))
        continue;
      const auto amount = decimal(text_of(sale, "ExtendedAmount"));
      for (const auto link : children(sale, "ItemLink")) {
        if (amount) deposits_[text(link)] += *amount;
      }
    }
  }

  void read_line_items() {
    std::size_t number = 0;
    for (const auto line_item : children(retail_, "LineItem")) {
      ++number;
      if (is_set(line_item, "CancelFlag") || is_set(line_item, "VoidFlag")) {
        voided_lines_.push_back(number);
        continue;
      }
      read_line_item(line_item, xpath_ + "/LineItem[" + std::to_string(number) + "]");
    }
  }

  void read_line_item(pugi::xml_node line_item, const std::string& at) {
    for (const auto node : line_item.children()) {
      if (node.type() != pugi::node_element) continue;
      const auto name = local_name(node);
      const auto here = at + "/" + std::string(name);
      if (name == "Sale" || name == "Return" || name == "SaleForDelivery" || name == "SaleForPickup" ||
          name == "ReturnForDelivery" || name == "ReturnForPickup") {
        lines_.push_back(read_merchandise(node, line_item, here, deposits_, money_));
        if (lines_.back().is_return && !original_link_) original_link_ = child(node, "TransactionLink");
        for (const auto& [promotion, amount] : lines_.back().modified)
          modified_[lines_.back().sequence][promotion] += amount;
      } else if (name == "Tax") {
        read_transaction_tax(node, here);
      } else if (name == "Discount") {
        discounts_.emplace_back(node, here);
      } else if (name == "Tender" || name == "TenderChange") {
        read_tender(node, here, name == "TenderChange");
      } else if (!is_about_the_line(name) && prefix_of(node) == prefix_of(retail_)) {
        money_.faults().add(here,
                            "is a kind of line that is not mapped to the canonical model: post this "
                            "transaction by HTTP or as NDJSON");
      }
    }
  }

  void read_transaction_tax(pugi::xml_node tax, const std::string& at) {
    if (const auto amount = money_.tax(tax, at)) taxes_.push_back({tax_code(tax), amount->abs()});
  }

  void read_tender(pugi::xml_node node, const std::string& at, bool change) {
    PaidBy paid;
    paid.type = attribute(node, "TenderType");
    if (paid.type.empty()) paid.type = text_of(node, "TenderID");
    if (paid.type.empty()) paid.type = "unknown";
    const auto amount = money_.amount(node, "Amount", at);
    if (!amount) return money_.faults().add(at, "has no Amount");
    paid.amount = amount->abs();
    if (const auto applied = money_.amount(node, "AmountAppliedToBill", at)) paid.applied = applied->abs();
    if (const auto rounding = money_.amount(node, "Rounding", at)) rounding_ += rounding->abs();
    const bool back = change || equal_ignoring_case(attribute(node, "TypeCode"), "Refund") ||
                      (amount->is_negative() && !change);
    if (back) {
      paid.amount = -paid.amount;
      if (paid.applied) paid.applied = -*paid.applied;
    }
    if (change && paid.amount.is_zero()) return;
    paid.reference = text_of(child(node, "Authorization"), "AuthorizationCode");
    is_change_.push_back(change);
    paid_.push_back(std::move(paid));
  }

  /// Deductions become discounts of the line before them; so do discounts of the whole transaction, unless
  /// they only sum up what price modifiers took off already.
  void settle_deductions() {
    std::vector<Line> kept;
    for (auto& line : lines_) {
      if (!line.is_deduction) {
        kept.push_back(std::move(line));
        continue;
      }
      if (kept.empty()) {
        money_.faults().add(line.xpath, "takes off an amount, and no line stands before it to take it from");
        continue;
      }
      auto reason = line.line.sku;
      if (line.line.description) reason += " " + *line.line.description;
      kept.back().line.discounts.push_back({reason.substr(0, reason_end(reason)), line.deduction});
    }
    lines_ = std::move(kept);
    for (const auto& [node, at] : discounts_) settle_discount(node, at);
  }

  /// A reason has at most 128 characters; never cut within one.
  static std::size_t reason_end(const std::string& reason) {
    constexpr std::size_t kReasonBytesMax = 128;
    if (reason.size() <= kReasonBytesMax) return reason.size();
    std::size_t end = kReasonBytesMax;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) --end;
    return end;
  }

  void settle_discount(pugi::xml_node node, const std::string& at) {
    const auto amount = money_.amount(node, "Amount", at);
    if (!amount) return money_.faults().add(at, "has no Amount; a percentage alone cannot be booked");
    if (equal_ignoring_case(attribute(child(node, "Amount"), "Action"), "Add"))
      return money_.faults().add(at, "raises the price, which no discount of the model can");
    const auto links = children(node, "ItemLink");
    if (is_summary(links, text_of(node, "PromotionID"), amount->abs())) return;
    Line* line = lines_.empty() ? nullptr : &lines_.back();
    for (auto& one : lines_) {
      if (!links.empty() && one.sequence == text(links.front())) line = &one;
    }
    if (line == nullptr)
      return money_.faults().add(at, "takes off an amount, and there is no line to take it from");
    line->line.discounts.push_back({discount_reason(node, "discount"), amount->abs()});
  }

  bool is_summary(const std::vector<pugi::xml_node>& links, const std::string& promotion, Decimal amount) {
    Decimal there;
    for (const auto link : links) there += modified_[text(link)][promotion];
    if (links.empty() || there < amount) return false;
    for (const auto link : links) {
      auto& left = modified_[text(link)][promotion];
      const auto taken = std::min(left, amount);
      left -= taken;
      amount -= taken;
    }
    return true;
  }

  static Decimal sum_of(const std::vector<Line>& lines, bool is_return) {
    Trade trade;
    for (const auto& line : lines) {
      if (line.is_return == is_return) trade.lines.push_back(line.line);
    }
    return exact_sum(trade);
  }
  Decimal taxes_of(bool is_return) const {
    Decimal sum;
    for (const auto& line : lines_) {
      if (line.is_return != is_return) continue;
      for (const auto& tax : line.line.taxes) sum += tax.amount;
    }
    return sum;
  }

  bool is(const Decimal& written, const Decimal& exact) const {
    return written == exact || written == exact.rounded(money_.decimals());
  }

  /// The totals that the till wrote, the likeliest first.
  std::vector<Decimal> totals() {
    std::map<std::string, Decimal> by_type;
    std::size_t number = 0;
    for (const auto total : children(retail_, "Total")) {
      ++number;
      const auto type = std::string(attribute(total, "TotalType"));
      if (!type.ends_with("Amount")) continue;
      const auto value = decimal(text(total));
      if (value && decimals_of(*value) <= 4) {
        by_type.emplace(type, value->abs());
      } else {
        money_.faults().add(xpath_ + "/Total[" + std::to_string(number) + "]",
                            "must be a decimal with at most 4 decimals");
      }
    }
    std::vector<Decimal> found;
    const auto take = [&](const char* type) {
      if (const auto total = by_type.find(type); total != by_type.end()) found.push_back(total->second);
    };
    take("TransactionGrandAmount");
    take("TransactionNetAmount");
    if (by_type.contains("TransactionNetAmount") && by_type.contains("TransactionTaxAmount"))
      found.push_back(by_type["TransactionNetAmount"] + by_type["TransactionTaxAmount"]);
    take("TransactionGrossAmount");
    return found;
  }

  void build_sides(TradeParts& parts) {
    const bool sells = std::any_of(lines_.begin(), lines_.end(), [](const Line& l) { return !l.is_return; });
    const bool returns = std::any_of(lines_.begin(), lines_.end(), [](const Line& l) { return l.is_return; });
    place_transaction_taxes(sells && returns);
    const Decimal goods = (sum_of(lines_, false) - sum_of(lines_, true)).abs();
    const Decimal taxes = (taxes_of(false) - taxes_of(true)).abs();
    const auto written = totals();
    const bool taxes_included = are_taxes_included(goods, taxes, written);
    const Decimal exact = taxes_included ? goods : goods + taxes;
    std::optional<Decimal> total;
    const auto fitting =
        std::find_if(written.begin(), written.end(), [&](const Decimal& t) { return is(t, exact); });
    // Where none fits, the door says by how much the likeliest is wrong.
    if (!written.empty()) total = fitting != written.end() ? *fitting : written.front();
    if (sells && returns) return build_exchange(parts, total, taxes_included);
    const Decimal due = total ? *total : exact;
    parts.sides.push_back(side(returns, total, taxes_included, tenders(due, returns)));
  }

  /// Tills write prices with their taxes or without, and seldom say which. What was paid tells, else the
  /// first total that fits either.
  bool are_taxes_included(const Decimal& goods, const Decimal& taxes,
                          const std::vector<Decimal>& written) const {
    if (taxes.is_zero()) return true;
    Decimal handed, applied;
    for (std::size_t i = 0; i < paid_.size(); ++i) {
      handed += paid_[i].amount;
      if (!is_change_[i]) applied += paid_[i].applied.value_or(paid_[i].amount);
    }
    const auto is_paid = [&](const Decimal& exact) {
      return is(handed.abs(), exact) || is(applied.abs(), exact);
    };
    if (!paid_.empty() && is_paid(goods) != is_paid(goods + taxes)) return is_paid(goods);
    for (const auto& total : written) {
      if (is(total, goods)) return true;
      if (is(total, goods + taxes)) return false;
    }
    return true;
  }

  /// A tax of the whole transaction stands at its last line; where lines have theirs, it only sums them up.
  void place_transaction_taxes(bool exchange) {
    const bool lines_have_theirs =
        std::any_of(lines_.begin(), lines_.end(), [](const Line& line) { return !line.line.taxes.empty(); });
    if (lines_have_theirs || exchange) return;
    auto& last = lines_.back().line.taxes;
    last.insert(last.end(), taxes_.begin(), taxes_.end());
  }

  /// As they come to what is due: by what was handed over less change, by what was applied to the bill, or
  /// with the rounding of cash. Only numbers that the till wrote.
  json::Array tenders(const Decimal& due, bool is_return) const {
    const bool all_back = is_return;  // every tender of a return is money given back, whatever its TypeCode
    Decimal handed, applied;
    for (std::size_t i = 0; i < paid_.size(); ++i) {
      handed += signed_amount(i, paid_[i].amount, all_back);
      if (!is_change_[i]) applied += signed_amount(i, paid_[i].applied.value_or(paid_[i].amount), all_back);
    }
    const bool by_applied = !is(handed, due) && is(applied, due);
    json::Array list;
    for (std::size_t i = 0; i < paid_.size(); ++i) {
      if (by_applied && is_change_[i]) continue;
      const auto& amount = by_applied ? paid_[i].applied.value_or(paid_[i].amount) : paid_[i].amount;
      list.push_back(tender(paid_[i].type, signed_amount(i, amount, all_back), paid_[i].reference));
    }
    const Decimal missing = due - handed;
    if (!by_applied && !rounding_.is_zero() && missing.abs() == rounding_)
      list.push_back(tender("Rounding", missing, {}));
    return list;
  }

  Decimal signed_amount(std::size_t i, const Decimal& amount, bool all_back) const {
    if (!all_back) return amount;
    return is_change_[i] ? amount : amount.abs();
  }

  static json::Value tender(const std::string& type, const Decimal& amount, const std::string& reference) {
    json::Object object{{"type", type}, {"amount", amount_text(amount)}};
    if (!reference.empty()) object.emplace_back("reference", reference);
    return object;
  }

  /// The model has no document with both: a sale and a return, each paid with the other as far as it goes.
  void build_exchange(TradeParts& parts, const std::optional<Decimal>& total, bool taxes_included) {
    const auto due = [&](bool is_return) {
      const auto sum = sum_of(lines_, is_return) + (taxes_included ? Decimal() : taxes_of(is_return));
      return sum.rounded(money_.decimals());
    };
    const Decimal sold = due(false), returned = due(true), net = sold - returned;
    if (total && !is(*total, net.abs()))
      return money_.faults().add(xpath_ + "/Total", "is " + amount_text(*total) +
                                                        ", but what was sold less what " +
                                                        "was returned comes to " + amount_text(net));
    json::Array sale_tenders, return_tenders;
    if (!paid_.empty()) {
      const bool customer_pays = !net.is_negative();
      for (const auto& paid : tenders_of_exchange(customer_pays))
        (customer_pays ? sale_tenders : return_tenders).push_back(paid);
      const auto& offset = customer_pays ? returned : sold;
      sale_tenders.push_back(tender(std::string(kExchange), offset, {}));
      return_tenders.push_back(tender(std::string(kExchange), offset, {}));
    }
    parts.sides.push_back(side(false, sold, taxes_included, std::move(sale_tenders)));
    parts.sides.push_back(side(true, returned, taxes_included, std::move(return_tenders)));
  }

  json::Array tenders_of_exchange(bool customer_pays) const {
    json::Array list;
    for (const auto& paid : paid_)
      list.push_back(tender(paid.type, customer_pays ? paid.amount : -paid.amount, paid.reference));
    return list;
  }

  Side side(bool is_return, const std::optional<Decimal>& total, bool taxes_included,
            json::Array paid) const {
    Side side;
    side.is_return = is_return;
    json::Array lines;
    for (const auto& line : lines_) {
      if (line.is_return != is_return) continue;
      lines.push_back(line_json(line.line));
      side.line_xpaths.push_back(line.xpath);
    }
    side.members.emplace_back("lines", std::move(lines));
    if (!paid.empty()) side.members.emplace_back("tenders", std::move(paid));
    if (total) side.members.emplace_back("total", amount_text(*total));
    if (!taxes_included) side.members.emplace_back("prices_include_tax", false);
    return side;
  }

  static json::Value line_json(const TradeLine& line) {
    json::Object object{{"sku", line.sku}};
    if (line.gtin) object.emplace_back("gtin", *line.gtin);
    if (line.description) object.emplace_back("description", *line.description);
    object.emplace_back("quantity", line.quantity.text());
    object.emplace_back("unit_price", amount_text(line.unit_price));
    if (line.amount) object.emplace_back("amount", amount_text(*line.amount));
    json::Array discounts, taxes;
    for (const auto& discount : line.discounts)
      discounts.emplace_back(
          json::Object{{"reason", discount.reason}, {"amount", amount_text(discount.amount)}});
    for (const auto& tax : line.taxes)
      taxes.emplace_back(json::Object{{"code", tax.code}, {"amount", amount_text(tax.amount)}});
    if (!discounts.empty()) object.emplace_back("discounts", std::move(discounts));
    if (!taxes.empty()) object.emplace_back("taxes", std::move(taxes));
    if (line.disposition) object.emplace_back("disposition", *line.disposition);
    return object;
  }

  void add_original(TradeParts& parts, const std::string& store_id, OriginalOf original_of) {
    auto link = original_link_ ? original_link_ : child(retail_, "TransactionLink");
    if (!link || !parts.sides.back().is_return) return;
    if (auto original = original_of(link, store_id))
      parts.sides.back().members.emplace_back("original", *original);
  }

  void add_rest(TradeParts& parts) {
    const auto customer = child(retail_, "Customer");
    auto number = first_text(customer, {"CustomerID", "LoyaltyID"});
    if (number.empty())
      number = first_text(child(retail_, "LoyaltyAccount"), {"LoyaltyAccountID", "CustomerID"});
    if (!number.empty()) parts.customer = std::move(number);
    if (!voided_lines_.empty()) {
      json::Array numbers;
      for (const auto line : voided_lines_) numbers.emplace_back(static_cast<std::uint64_t>(line));
      parts.extensions.emplace_back("voided_lines", std::move(numbers));
    }
    json::Array written;
    for (const auto& tax : money_.taxes_as_written()) written.emplace_back(tax);
    if (!written.empty()) parts.extensions.emplace_back("taxes_as_written", std::move(written));
  }

  const pugi::xml_node retail_;
  const std::string xpath_;
  Money& money_;
  std::map<std::string, Decimal> deposits_;
  std::vector<Line> lines_;
  std::map<std::string, std::map<std::string, Decimal>> modified_;  ///< by line, by promotion
  std::vector<std::pair<pugi::xml_node, std::string>> discounts_;   ///< with their xpaths
  std::vector<Tax> taxes_;                                          ///< of the whole transaction
  std::vector<PaidBy> paid_;
  std::vector<bool> is_change_;  ///< of each in paid_
  Decimal rounding_;
  std::vector<std::size_t> voided_lines_;
  pugi::xml_node original_link_;
};

}  // namespace

TradeParts read_trade(pugi::xml_node retail, const std::string& xpath, const std::string& store_id,
                      OriginalOf original_of, Money& money) {
  return Trader(retail, xpath, money).read(store_id, original_of);
}

}  // namespace tillsync::poslog
