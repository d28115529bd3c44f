#include "agent/poslog/poslog_reader.h"

#include <algorithm>

#include "agent/poslog/poslog_ids.h"
#include "agent/poslog/poslog_trade.h"
#include "outbox/document/card_number.h"
#include "outbox/document/currency.h"

namespace tillsync {
namespace poslog {
namespace {

Error refused(const char* code, std::string detail) {
  return Error{ErrorKind::kInvalid, code, std::move(detail)};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::any_of(choices.begin(), choices.end(),
                     [&](std::string_view choice) { return equal_ignoring_case(text, choice); });
}

PoslogKey key_of(pugi::xml_node node) {
  PoslogKey key;
  key.store = text_of(child(node, "BusinessUnit"), "UnitID");
  if (key.store.empty()) key.store = text_of(node, "RetailStoreID");
  key.workstation = first_text(node, {"WorkstationID", "TillID"});
  key.sequence = text_of(node, "SequenceNumber");
  key.day = text_of(node, "BusinessDayDate").substr(0, 10);
  return key;
}

std::optional<json::Object> original_of(pugi::xml_node link, const std::string& store_id) {
  auto key = key_of(link);
  json::Object original;
  const bool other_store = !key.store.empty() && key.store != store_id;
  if (!key.workstation.empty() && !key.sequence.empty() && !key.day.empty()) {
    if (key.store.empty()) key.store = store_id;
    original.emplace_back("id", poslog_document_id(key));
  }
  if (auto receipt = first_text(link, {"ReceiptNumber", "TransactionID"}); !receipt.empty()) {
    original.emplace_back("receipt", std::move(receipt));
  } else if (original.empty() && !key.sequence.empty()) {
    original.emplace_back("receipt", key.sequence);
  }
  if (original.empty()) return std::nullopt;
  if (other_store) original.emplace_back("store", key.store);
  return original;
}

/// A time without an offset is the store's own. Where clocks go back it is the first of the two; where they
/// go forward and it does not exist, it is taken as if they had not yet.
std::string with_offset(const std::string& written, const TimeZone& zone) {
  const auto as_utc = OffsetTime::parse(written + "Z");
  if (OffsetTime::parse(written) || !as_utc) return written;
  const auto local = std::chrono::floor<std::chrono::seconds>(as_utc->utc);
  const auto before = zone.offset_at(local - std::chrono::hours(24));
  const auto after = zone.offset_at(local + std::chrono::hours(24));
  // The earlier instant first: that of the larger offset.
  for (const auto offset : {std::max(before, after), std::min(before, after)}) {
    if (zone.offset_at(local - offset) == offset) {
      return OffsetTime{as_utc->utc - offset, std::chrono::floor<std::chrono::minutes>(offset)}.text();
    }
  }
  return OffsetTime{as_utc->utc - before, std::chrono::floor<std::chrono::minutes>(before)}.text();
}

/// Reads one Transaction.
class Reader {
 public:
  Reader(pugi::xml_node node, std::size_t number, std::string xpath, const PoslogContext& context)
      : node_(node), context_(context) {
    found_.number = number;
    found_.xpath = std::move(xpath);
  }

  PoslogTransaction read() {
    read_key();
    if (auto note = flagged(); !note.empty()) {
      found_.note = std::move(note);
    } else if (const auto retail = child(node_, "RetailTransaction")) {
      read_retail(retail);
    } else {
      read_other();
    }
    found_.faults = faults_.take();
    if (!found_.faults.empty()) found_.documents.clear();
    return std::move(found_);
  }

 private:
  void read_key() {
    key_ = key_of(node_);
    when_ = first_text(node_, {"EndDateTime", "ReceiptDateTime", "BeginDateTime", "POSLogDateTime"});
    if (key_.store.empty()) key_.store = context_.store_id;
    business_day_ = key_.day;
    if (key_.day.empty()) key_.day = when_.substr(0, 10);
    if (key_.workstation.empty()) key_.workstation = context_.terminal;
    if (!key_.workstation.empty() && !key_.sequence.empty() && !key_.day.empty())
      found_.id = poslog_document_id(key_);
  }

  std::string flagged() const {
    if (is_set(node_, "TrainingModeFlag") ||
        equal_ignoring_case(attribute(child(node_, "WorkstationID"), "Mode"), "Training"))
      return "training";
    if (is_set(node_, "CancelFlag")) return "cancelled";
    const auto status = attribute(child(node_, "RetailTransaction"), "TransactionStatus");
    if (is_one_of(status, {"Voided", "Cancelled", "Canceled", "Suspended", "SuspendedDeleted", "Failed",
                           "Deleted", "InProcess"}))
      return "status " + std::string(status);
    return {};
  }

  /// Till and cash management change neither goods nor what central is owed. Whatever else is not known here
  /// may, and is never passed over.
  void read_other() {
    for (const auto kind : {"ControlTransaction", "TenderControlTransaction"}) {
      if (!child(node_, kind)) continue;
      found_.note = kind;
      return;
    }
    for (const auto node : node_.children()) {
      if (node.type() != pugi::node_element || !local_name(node).ends_with("Transaction")) continue;
      return faults_.add(
          found_.xpath + "/" + std::string(local_name(node)),
          "is a kind of transaction that is not mapped to the canonical model: post it by HTTP "
          "or as NDJSON (stock_adjustment, stock_count, stock_transfer, ...)");
    }
    faults_.add(found_.xpath, "has no RetailTransaction");
  }

  void need(bool there, const char* what) {
    if (!there) faults_.add(found_.xpath, std::string("has no ") + what);
  }

  void read_retail(pugi::xml_node retail) {
    const auto at = found_.xpath + "/RetailTransaction";
    const auto reason = attribute(child(retail, "TransactionLink"), "ReasonCode");
    if (equal_ignoring_case(attribute(retail, "TransactionStatus"), "PostVoided") ||
        child(retail, "PostVoid") || is_one_of(reason, {"Void", "Voided", "PostVoid", "PostVoided"})) {
      return faults_.add(at,
                         "takes back a finished transaction (post-void), which the canonical model has not: "
                         "post a return that names the sale");
    }
    need(!key_.workstation.empty(), "WorkstationID, and [intake] terminal is not set");
    need(!key_.sequence.empty(), "SequenceNumber");
    need(!when_.empty(), "EndDateTime, ReceiptDateTime or BeginDateTime");
    auto currency = text_of(node_, "CurrencyCode");
    if (currency.empty()) currency = context_.currency;
    const auto decimals = currency_decimals(currency);
    if (!decimals) return faults_.add(found_.xpath + "/CurrencyCode", "is no currency of ISO 4217");
    Money money(currency, *decimals, faults_);
    auto trade = read_trade(retail, at, key_.store, original_of, money);
    if (!faults_.empty()) return;
    for (auto& side : trade.sides) add_document(side, trade, currency);
  }

  void add_document(Side& side, const TradeParts& trade, const std::string& currency) {
    const bool second = !found_.documents.empty();
    PoslogDocument document;
    // A part of its own: no id without it ends like that, since a day is ten characters of digits and dashes.
    document.id = second ? second_id() : found_.id;
    json::Object body{{"id", document.id},
                      {"type", side.is_return ? "return" : "sale"},
                      {"terminal", poslog_terminal(key_.workstation)},
                      {"occurred_at", with_offset(when_, context_.zone)}};
    if (const auto sequence = terminal_sequence(); sequence && !second)
      body.emplace_back("terminal_sequence", *sequence);
    if (!business_day_.empty()) body.emplace_back("business_day", business_day_);
    body.emplace_back("currency", currency);
    if (auto name = text_of(node_, "OperatorID"); !name.empty())
      body.emplace_back("operator", std::move(name));
    if (trade.customer) body.emplace_back("customer", *trade.customer);
    for (auto& member : side.members) body.push_back(std::move(member));
    body.emplace_back("extensions", json::Object{{"poslog", extensions(trade)}});
    document.body = json::dump(body);
    document.line_xpaths = std::move(side.line_xpaths);
    found_.documents.push_back(std::move(document));
  }

  std::string second_id() const {
    auto key = key_;
    key.day += "-return";
    return poslog_document_id(key);
  }

  /// Longer numbers count nothing that could have gaps.
  std::optional<std::int64_t> terminal_sequence() const {
    constexpr std::size_t kDigitsMax = 12;
    if (key_.sequence.empty() || key_.sequence.size() > kDigitsMax) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : key_.sequence) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    return value > 0 ? std::optional(value) : std::nullopt;
  }

  json::Object extensions(const TradeParts& trade) const {
    json::Object all{{"store", key_.store}, {"workstation", key_.workstation}, {"sequence", key_.sequence}};
    if (auto receipt = text_of(node_, "ReceiptNumber"); !receipt.empty())
      all.emplace_back("receipt", receipt);
    // Long numbers look like a card's now and then; here none is needed.
    std::erase_if(all,
                  [](const json::Member& member) { return holds_card_number(*member.second.as_string()); });
    for (const auto& member : trade.extensions) all.push_back(member);
    return all;
  }

  const pugi::xml_node node_;
  const PoslogContext& context_;
  FaultList faults_;
  PoslogTransaction found_;
  PoslogKey key_;
  std::string when_;
  std::string business_day_;
};

/// What the parser is going to make costs memory: looked at before.
Result<void> check_counts(std::string_view bytes, const PoslogLimits& limits) {
  std::size_t tags = 0, ends = 0;
  for (auto at = bytes.find('<'); at != std::string_view::npos; at = bytes.find('<', at + 1)) {
    ++tags;
    if (at + 1 < bytes.size() && bytes[at + 1] == '/') ++ends;
  }
  if (tags - ends > limits.elements_max || tags > 2 * limits.elements_max)
    return refused("too-large", "the file has more than " + std::to_string(limits.elements_max) +
                                    " elements; split it into several");
  const auto attributes = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '='));
  if (attributes > limits.attributes_max)
    return refused("too-large", "the file has more than " + std::to_string(limits.attributes_max) +
                                    " attributes; split it into several");
  return ok();
}

/// Walks the tree without recursion.
bool is_deeper_than(pugi::xml_node root, int depth_max) {
  int depth = 1;
  for (auto node = root; node;) {
    if (depth > depth_max) return true;
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node == root) return false;
    node = node.next_sibling();
  }
  return false;
}

Result<void> check_prologue(const pugi::xml_document& document) {
  for (const auto node : document.children()) {
    if (node.type() == pugi::node_doctype)
      return refused("doctype", "the file has a DOCTYPE, which is never taken; leave it out");
    if (node.type() != pugi::node_declaration) continue;
    const auto encoding = attribute(node, "encoding");
    if (!encoding.empty() && !is_one_of(encoding, {"utf-8", "utf8", "us-ascii", "iso-8859-1", "latin1",
                                                   "utf-16", "utf-16le", "utf-16be"}))
      return refused("unsupported-encoding",
                     "the file's encoding is none of UTF-8, UTF-16 and ISO-8859-1; write UTF-8");
  }
  return ok();
}

}  // namespace
}  // namespace poslog

Result<void> read_poslog(std::string bytes, const PoslogContext& context,
                         const std::function<bool(PoslogTransaction)>& each, const PoslogLimits& limits) {
  using namespace poslog;
  if (auto counted = check_counts(bytes, limits); !counted) return counted;
  pugi::xml_document document;
  const auto parsed = document.load_buffer_inplace(
      bytes.data(), bytes.size(),
      pugi::parse_default | pugi::parse_embed_pcdata | pugi::parse_doctype | pugi::parse_declaration);
  if (auto checked = check_prologue(document); !checked) return checked;
  if (!parsed) {
    return refused("malformed-xml", std::string("the file is no whole XML document: ") +
                                        parsed.description() + " at byte " + std::to_string(parsed.offset));
  }
  const auto root = document.document_element();
  if (is_deeper_than(root, limits.depth_max))
    return refused("too-deep", "elements are nested deeper than " + std::to_string(limits.depth_max));
  const auto name = local_name(root);
  if (name != "POSLog" && name != "DigitalReceipt")
    return refused("not-poslog", "the file's root element is neither POSLog nor DigitalReceipt");
  std::size_t number = 0;
  for (const auto node : root.children()) {
    if (node.type() != pugi::node_element || local_name(node) != "Transaction") continue;
    const auto at = "/" + std::string(name) + "/Transaction[" + std::to_string(++number) + "]";
    if (!each(Reader(node, number, at, context).read())) return ok();
  }
  if (number == 0) return refused("not-poslog", "the file holds no Transaction");
  return ok();
}

}  // namespace tillsync
