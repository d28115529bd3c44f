#include "reconcile/reports/html_page.h"

#include "outbox/document/currency.h"

namespace tillsync {

HtmlPage& HtmlPage::text(std::string_view raw) {
  for (const char c : raw) {
    switch (c) {
      case '&':
        out_ += "&amp;";
        break;
      case '<':
        out_ += "&lt;";
        break;
      case '>':
        out_ += "&gt;";
        break;
      case '"':
        out_ += "&quot;";
        break;
      case '\'':
        out_ += "&#39;";
        break;
      default:
        out_ += c;
    }
  }
  return *this;
}

HtmlTable::HtmlTable(HtmlPage& page, std::initializer_list<std::string_view> headings) : page_(page) {
  page_.raw("<table><thead><tr>");
  for (std::string_view heading : headings) {
    const bool number = heading.starts_with('#');
    numbers_.push_back(number);
    if (number) heading.remove_prefix(1);
    page_.raw(number ? "<th class=\"n\">" : "<th>").text(heading).raw("</th>");
  }
  page_.raw("</tr></thead><tbody>\n");
}

void HtmlTable::row(std::initializer_list<std::string_view> cells, std::string_view css_class) {
  if (css_class.empty()) {
    page_.raw("<tr>");
  } else {
    page_.raw("<tr class=\"").raw(css_class).raw("\">");
  }
  std::size_t column = 0;
  for (const std::string_view cell : cells) {
    page_.raw(numbers_[column++] ? "<td class=\"n\">" : "<td>").text(cell).raw("</td>");
  }
  page_.raw("</tr>\n");
}

std::string html_amount(const Decimal& amount, const std::string& currency) {
  return amount.text(currency_decimals(currency).value_or(2)) + " " + currency;
}

std::string html_money(const Totals& totals) {
  std::string out;
  for (const auto& [currency, amount] : totals) {
    if (!out.empty()) out += ", ";
    out += html_amount(amount, currency);
  }
  return out.empty() ? "-" : out;
}

}  // namespace tillsync
