#include "agent/poslog/poslog_writer.h"

#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <utility>

#include "outbox/document/currency.h"
#include "platform/base/check.h"

namespace tillsync {
namespace {

/// POSLog's own words for what tills commonly take; any other goes as the till says it.
std::string tender_type(const std::string& type) {
  static constexpr std::array<std::pair<const char*, const char*>, 6> kWords = {{{"cash", "Cash"},
                                                                                 {"card", "CreditDebit"},
                                                                                 {"gift_card", "GiftCard"},
                                                                                 {"voucher", "Voucher"},
                                                                                 {"cheque", "Check"},
                                                                                 {"check", "Check"}}};
  for (const auto& [till, poslog] : kWords) {
    if (type == till) return poslog;
  }
  return type;
}

/// XML 1.0, production 2 (Char): nothing below U+0020 but tab and line ends, and neither U+FFFE nor U+FFFF.
bool fits_xml(const std::string& text) {
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  return !control && text.find("\xEF\xBF\xBE") == std::string::npos &&
         text.find("\xEF\xBF\xBF") == std::string::npos;
}
bool fits_xml(const std::optional<std::string>& text) {
  return !text || fits_xml(*text);
}

bool fits_xml(const std::vector<Tender>& tenders) {
  return std::all_of(tenders.begin(), tenders.end(),
                     [](const Tender& each) { return fits_xml(each.type) && fits_xml(each.reference); });
}

bool fits_xml(const TradeLine& line) {
  return fits_xml(line.sku) && fits_xml(line.description) && fits_xml(line.disposition) &&
         std::all_of(line.discounts.begin(), line.discounts.end(),
                     [](const Discount& each) { return fits_xml(each.reason); }) &&
         std::all_of(line.taxes.begin(), line.taxes.end(),
                     [](const Tax& each) { return fits_xml(each.code); });
}

bool fits_xml(const Trade& trade) {
  const auto& original = trade.original;
  return fits_xml(trade.tenders) &&
         std::all_of(trade.lines.begin(), trade.lines.end(),
                     [](const TradeLine& each) { return fits_xml(each); }) &&
         (!original || (fits_xml(original->id) && fits_xml(original->receipt) && fits_xml(original->store)));
}

/// Writes one transaction below its element.
class Writer {
 public:
  Writer(const OutgoingPoslog& transaction, pugi::xml_node node)
      : transaction_(transaction),
        document_(transaction.document),
        decimals_(currency_decimals(document_.currency).value_or(0)),
        node_(node) {}

  void write() {
    own(node_, "Reference", transaction_.reference);
    own(node_, "IdempotencyKey", transaction_.idempotency_key);
    own(node_, "JournalSequence", std::to_string(transaction_.sequence));
    if (document_.correlation_id) own(node_, "CorrelationID", *document_.correlation_id);
    add(node_.append_child("BusinessUnit"), "UnitID", transaction_.store);
    add(node_, "WorkstationID", document_.terminal).append_attribute("TypeCode") = "POS";
    add(node_, "SequenceNumber", std::to_string(document_.terminal_sequence.value_or(transaction_.sequence)));
    add(node_, "TransactionID", document_.id);
    add(node_, "BusinessDayDate", document_.business_day.text());
    if (document_.operator_id) add(node_, "OperatorID", *document_.operator_id);
    add(node_, "CurrencyCode", document_.currency);
    add(node_, "ReceiptDateTime", document_.occurred_at.text());
    add(node_, "ReceiptNumber", document_.id);
    if (const auto* trade = std::get_if<Trade>(&document_.content)) {
      retail(*trade);
    } else {
      till_settle(std::get<TillClose>(document_.content));
    }
    if (document_.extensions) add(node_, "tillsync:Extensions", *document_.extensions);
  }

 private:
  bool is_return() const { return document_.type == DocumentType::kReturn; }

  void retail(const Trade& trade) {
    pugi::xml_node retail = node_.append_child("RetailTransaction");
    own(retail, "PricesIncludeTax", trade.prices_include_tax ? "true" : "false");
    int number = 0;
    for (const TradeLine& line : trade.lines) {
      pugi::xml_node item = retail.append_child("LineItem");
      write_line(line, trade.prices_include_tax, item);
      add(item, "SequenceNumber", std::to_string(++number));
    }
    for (const Tender& tender : trade.tenders) {
      pugi::xml_node item = retail.append_child("LineItem");
      write_tender(tender, item);
      add(item, "SequenceNumber", std::to_string(++number));
    }
    totals(trade, retail);
    if (document_.customer) add(retail.append_child("Customer"), "CustomerID", *document_.customer);
    if (trade.original) link(*trade.original, retail);
  }

  void write_line(const TradeLine& line, bool includes_tax, pugi::xml_node item) {
    pugi::xml_node sale = item.append_child(is_return() ? "Return" : "Sale");
    sale.append_attribute("ItemType") = "Stock";
    if (line.disposition) own(sale, "Disposition", *line.disposition);
    if (line.gtin) identity("GTIN", *line.gtin, sale);
    identity("RSID", line.sku, sale);
    add(sale, "ItemID", line.sku);
    if (line.description) add(sale, "Description", *line.description);
    money(sale, "RegularSalesUnitPrice", line.unit_price);
    money(sale, "ActualSalesUnitPrice", line.unit_price);
    Decimal net = line_amount(line);
    Decimal discounted;
    for (const Discount& discount : line.discounts) discounted += discount.amount;
    net -= discounted;
    money(sale, "ExtendedAmount", net);
    if (!line.discounts.empty()) money(sale, "ExtendedDiscountAmount", discounted);
    pugi::xml_node quantity = add(sale, "Quantity", line.quantity.text());
    quantity.append_attribute("Units") = "1";
    quantity.append_attribute("UnitOfMeasureCode") = "EA";
    int number = 0;
    for (const Discount& discount : line.discounts) write_discount(discount, ++number, sale);
    for (const Tax& tax : line.taxes) {
      pugi::xml_node node = sale.append_child("Tax");
      money(node, "TaxableAmount", net).append_attribute("TaxIncludedInTaxableAmountFlag") =
          includes_tax ? "true" : "false";
      money(node, "Amount", tax.amount);
      add(node, "TaxGroupID", tax.code);
    }
  }

  void write_discount(const Discount& discount, int number, pugi::xml_node sale) {
    pugi::xml_node node = sale.append_child("RetailPriceModifier");
    node.append_attribute("MethodCode") = "Promotion";
    add(node, "SequenceNumber", std::to_string(number));
    money(node, "Amount", discount.amount).append_attribute("Action") = "Subtract";
    add(node, "Description", discount.reason);
  }

  void write_tender(const Tender& tender, pugi::xml_node item) {
    pugi::xml_node node = item.append_child("Tender");
    node.append_attribute("TypeCode") = is_return() ? "Refund" : "Sale";
    name_tender(tender, node);
    money(node, "Amount", tender.amount);
  }

  void name_tender(const Tender& tender, pugi::xml_node node) {
    node.append_attribute("TenderType") = tender_type(tender.type).c_str();
    own(node, "Type", tender.type);
    if (tender.reference) own(node, "Reference", *tender.reference);
  }

  void totals(const Trade& trade, pugi::xml_node retail) {
    total(retail, "TransactionGrandAmount", *document_total(document_));
    Decimal taxes;
    bool taxed = false;
    for (const TradeLine& line : trade.lines) {
      for (const Tax& tax : line.taxes) {
        taxes += tax.amount;
        taxed = true;
      }
    }
    if (taxed) total(retail, "TransactionTaxAmount", taxes);
  }

  void total(pugi::xml_node retail, const char* type, const Decimal& amount) {
    pugi::xml_node node = add(retail, "Total", amount.text(decimals_));
    node.append_attribute("TotalType") = type;
    node.append_attribute("CurrencyCode") = document_.currency.c_str();
    if (is_return()) node.append_attribute("TypeCode") = "Return";
  }

  static void link(const OriginalSale& original, pugi::xml_node retail) {
    pugi::xml_node node = retail.append_child("TransactionLink");
    node.append_attribute("ReasonCode") = "Return";
    if (original.store) add(node.append_child("BusinessUnit"), "UnitID", *original.store);
    if (original.id) add(node, "TransactionID", *original.id);
    if (original.receipt) add(node, "ReceiptNumber", *original.receipt);
  }

  void till_settle(const TillClose& close) {
    pugi::xml_node settle = node_.append_child("TenderControlTransaction").append_child("TillSettle");
    if (close.documents) own(settle, "Documents", std::to_string(*close.documents));
    for (const Tender& tender : close.tenders) {
      pugi::xml_node summary = settle.append_child("TenderSummary");
      pugi::xml_node ending = summary.append_child("Ending");
      name_tender(tender, ending);
      money(ending, "Amount", tender.amount);
    }
  }

  void identity(const char* type, const std::string& value, pugi::xml_node sale) {
    pugi::xml_node node = sale.append_child("POSIdentity");
    node.append_attribute("POSIDType") = type;
    add(node, "POSItemID", value);
  }

  pugi::xml_node money(pugi::xml_node parent, const char* name, const Decimal& amount) {
    pugi::xml_node node = add(parent, name, amount.text(decimals_));
    node.append_attribute("Currency") = document_.currency.c_str();
    return node;
  }

  static pugi::xml_node add(pugi::xml_node parent, const char* name, const std::string& text) {
    pugi::xml_node node = parent.append_child(name);
    node.text().set(text.c_str());
    return node;
  }
  /// An attribute of the own namespace.
  static void own(pugi::xml_node node, const std::string& name, const std::string& value) {
    node.append_attribute(("tillsync:" + name).c_str()) = value.c_str();
  }

  const OutgoingPoslog& transaction_;
  const Document& document_;
  const int decimals_;
  pugi::xml_node node_;
};

struct StringSink final : pugi::xml_writer {
  std::string text;
  void write(const void* data, std::size_t size) override {
    text.append(static_cast<const char*>(data), size);
  }
};

}  // namespace

Result<void> check_poslog(const Document& document) {
  const auto refuse = [](const std::string& reason) {
    return Error{ErrorKind::kInvalid, "not-poslog", reason};
  };
  bool fits = fits_xml(document.operator_id) && fits_xml(document.customer) &&
              fits_xml(document.correlation_id) && fits_xml(document.extensions);
  if (const auto* trade = std::get_if<Trade>(&document.content)) {
    fits = fits && fits_xml(*trade);
  } else if (const auto* close = std::get_if<TillClose>(&document.content)) {
    fits = fits && fits_xml(close->tenders);
  } else {
    return refuse("POSLog has no place for a " + std::string(type_name(document.type)) +
                  "; route it elsewhere, or use format = \"csv\"");
  }
  if (fits) return ok();
  return refuse("a text of the document holds a character that XML cannot hold; amend it");
}

std::string poslog_text(const std::vector<OutgoingPoslog>& transactions) {
  pugi::xml_document xml;
  pugi::xml_node declaration = xml.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node log = xml.append_child("POSLog");
  log.append_attribute("xmlns") = kPoslogNamespace;
  log.append_attribute("xmlns:tillsync") = kPoslogOwnNamespace;
  log.append_attribute("MajorVersion") = "6";
  log.append_attribute("MinorVersion") = "0";
  log.append_attribute("FixVersion") = "0";
  for (const OutgoingPoslog& each : transactions) {
    TILLSYNC_CHECK(check_poslog(each.document), "only what POSLog has a place for is written");
    Writer(each, log.append_child("Transaction")).write();
  }
  StringSink sink;
  xml.save(sink, " ", pugi::format_default, pugi::encoding_utf8);
  return std::move(sink.text);
}

}  // namespace tillsync
