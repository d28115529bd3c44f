#include "outbox/document/canonical.h"

#include "outbox/document/currency.h"
#include "platform/json/json.h"

namespace tillsync {
namespace {

// A document's own nesting, with room for an envelope that it may have come in.
constexpr json::ParseLimits kFreeObjectLimits{.depth_max = 64};

/// How `extensions`, `changes` and `base` are written.
enum class FreeObjects { kVerbatim, kNormalized };

/// Writes an object's members one by one.
class Writer {
 public:
  Writer(std::string& out, int currency_decimals, FreeObjects free_objects)
      : out_(out), currency_decimals_(currency_decimals), free_objects_(free_objects) {}

  void text(std::string_view name, std::string_view value) {
    begin_member(name);
    json::quote_to(out_, value);
  }
  void text(std::string_view name, const std::string& value) { text(name, std::string_view(value)); }
  void text(std::string_view name, const std::optional<std::string>& value) {
    if (value) text(name, std::string_view(*value));
  }
  void integer(std::string_view name, const std::optional<std::int64_t>& value) {
    if (!value) return;
    begin_member(name);
    out_ += std::to_string(*value);
  }
  void boolean(std::string_view name, bool value) {
    begin_member(name);
    out_ += value ? "true" : "false";
  }
  void amount(std::string_view name, const Decimal& value) { decimal(name, value, currency_decimals_); }
  void amount(std::string_view name, const std::optional<Decimal>& value) {
    if (value) amount(name, *value);
  }
  void quantity(std::string_view name, const Decimal& value) { decimal(name, value, 0); }

  void free_object(std::string_view name, const std::optional<std::string>& json_text) {
    if (!json_text) return;
    begin_member(name);
    if (free_objects_ == FreeObjects::kNormalized) {
      if (const auto value = json::parse(*json_text, kFreeObjectLimits); value.has_value()) {
        out_ += json::dump_normalized(*value);
        return;
      }
    }
    out_ += *json_text;
  }

  template <class Write>
  void object(Write write) {
    out_ += '{';
    first_ = true;
    write();
    out_ += '}';
    first_ = false;
  }
  template <class Write>
  void object(std::string_view name, Write write) {
    begin_member(name);
    object(write);
  }
  template <class Items, class Write>
  void list(std::string_view name, const Items& items, Write write) {
    begin_member(name);
    out_ += '[';
    const char* separator = "";
    for (const auto& item : items) {
      out_ += separator;
      separator = ",";
      object([&] { write(item); });
    }
    out_ += ']';
  }

 private:
  // Names are the model's own and need no escape.
  void begin_member(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void decimal(std::string_view name, const Decimal& value, int decimals_min) {
    begin_member(name);
    out_ += '"';
    out_ += value.text(decimals_min);
    out_ += '"';
  }

  std::string& out_;
  const int currency_decimals_;
  const FreeObjects free_objects_;
  bool first_ = true;
};

void write_tenders(Writer& writer, const std::vector<Tender>& tenders) {
  writer.list("tenders", tenders, [&](const Tender& tender) {
    writer.text("type", tender.type);
    writer.amount("amount", tender.amount);
    writer.text("reference", tender.reference);
  });
}

void write_line(Writer& writer, const TradeLine& line) {
  writer.text("sku", line.sku);
  writer.text("gtin", line.gtin);
  writer.text("description", line.description);
  writer.quantity("quantity", line.quantity);
  writer.amount("unit_price", line.unit_price);
  writer.amount("amount", line.amount);
  if (!line.discounts.empty()) {
    writer.list("discounts", line.discounts, [&](const Discount& discount) {
      writer.text("reason", discount.reason);
      writer.amount("amount", discount.amount);
    });
  }
  if (!line.taxes.empty()) {
    writer.list("taxes", line.taxes, [&](const Tax& tax) {
      writer.text("code", tax.code);
      writer.amount("amount", tax.amount);
    });
  }
  writer.text("disposition", line.disposition);
}

void write_content(Writer& writer, const Trade& trade) {
  writer.list("lines", trade.lines, [&](const TradeLine& line) { write_line(writer, line); });
  if (!trade.tenders.empty()) write_tenders(writer, trade.tenders);
  writer.amount("total", trade.total);
  writer.boolean("prices_include_tax", trade.prices_include_tax);
  if (!trade.original) return;
  writer.object("original", [&] {
    writer.text("id", trade.original->id);
    writer.text("receipt", trade.original->receipt);
    writer.text("store", trade.original->store);
  });
}

void write_content(Writer& writer, const StockAdjustment& adjustment) {
  writer.list("lines", adjustment.lines, [&](const StockAdjustment::Line& line) {
    writer.text("sku", line.sku);
    writer.text("description", line.description);
    writer.quantity("quantity_delta", line.quantity_delta);
    writer.amount("unit_price", line.unit_price);
  });
  writer.text("reason", adjustment.reason);
}

void write_content(Writer& writer, const StockCount& count) {
  writer.list("lines", count.lines, [&](const StockCount::Line& line) {
    writer.text("sku", line.sku);
    writer.quantity("counted", line.counted);
  });
}

void write_content(Writer& writer, const StockTransfer& transfer) {
  writer.text("direction", transfer.direction);
  writer.text("other_store", transfer.other_store);
  writer.list("lines", transfer.lines, [&](const StockTransfer::Line& line) {
    writer.text("sku", line.sku);
    writer.quantity("quantity", line.quantity);
  });
}

void write_content(Writer& writer, const CustomerUpdate& update) {
  writer.free_object("changes", update.changes);
  writer.free_object("base", update.base);
}

void write_content(Writer& writer, const TillClose& close) {
  write_tenders(writer, close.tenders);
  writer.integer("documents", close.documents);
}

std::string write_document(const Document& document, FreeObjects free_objects) {
  constexpr std::size_t kUsualBytes = 2048;
  std::string out;
  out.reserve(kUsualBytes);
  Writer writer(out, currency_decimals(document.currency).value_or(0), free_objects);
  writer.object([&] {
    writer.text("id", document.id);
    writer.text("type", type_name(document.type));
    writer.text("terminal", document.terminal);
    writer.integer("terminal_sequence", document.terminal_sequence);
    writer.text("occurred_at", document.occurred_at.text());
    writer.text("business_day", document.business_day.text());
    writer.text("currency", document.currency);
    writer.text("operator", document.operator_id);
    writer.text("customer", document.customer);
    writer.text("correlation_id", document.correlation_id);
    std::visit([&](const auto& content) { write_content(writer, content); }, document.content);
    writer.free_object("extensions", document.extensions);
  });
  return out;
}

}  // namespace

std::string canonical_json(const Document& document) {
  return write_document(document, FreeObjects::kVerbatim);
}

Sha256Digest content_digest(const Document& document) {
  return sha256(write_document(document, FreeObjects::kNormalized));
}

}  // namespace tillsync
