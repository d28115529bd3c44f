// What a report's page is made of. Internal to this folder.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "reconcile/reports/report.h"

namespace tillsync {

class HtmlPage {
 public:
  /// Text, escaped for content and for attribute values.
  HtmlPage& text(std::string_view raw);
  HtmlPage& raw(std::string_view markup) {
    out_ += markup;
    return *this;
  }
  HtmlPage& element(std::string_view name, std::string_view content) {
    return raw("<").raw(name).raw(">").text(content).raw("</").raw(name).raw(">");
  }
  HtmlPage& note(std::string_view content) { return raw("<p class=\"quiet\">").text(content).raw("</p>\n"); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// A table; it ends with the object. A heading that begins with '#' is of a column of numbers.
class HtmlTable {
 public:
  HtmlTable(HtmlPage& page, std::initializer_list<std::string_view> headings);
  ~HtmlTable() { page_.raw("</tbody></table>\n"); }
  HtmlTable(const HtmlTable&) = delete;
  HtmlTable& operator=(const HtmlTable&) = delete;
  void row(std::initializer_list<std::string_view> cells, std::string_view css_class = {});

 private:
  HtmlPage& page_;
  std::vector<bool> numbers_;
};

/// "12.50 GBP".
std::string html_amount(const Decimal& amount, const std::string& currency);
/// "12.50 GBP, 3.00 EUR", or "-".
std::string html_money(const Totals& totals);

/// Up to the opened body, with the style of all pages.
std::string html_head(std::string_view title);

// The sections, in their order.
void add_html_sums(HtmlPage& page, const Report& report);
void add_html_targets(HtmlPage& page, const Report& report);
void add_html_people(HtmlPage& page, const Report& report);
void add_html_service(HtmlPage& page, const Report& report);
void add_html_tills(HtmlPage& page, const Report& report);

}  // namespace tillsync
