#include "agent/file_intake/side_files.h"

#include "platform/crypto/sha256.h"
#include "platform/log/printable.h"

namespace tillsync {
namespace {

constexpr std::size_t kFileNameBytesMax = 255;  // NAME_MAX of Linux's file systems

/// Writes an object, a member a line; its lists an item a line.
class Lines {
 public:
  void member(std::string_view name, const json::Value& value) { raw(name, json::dump(value)); }
  void raw(std::string_view name, std::string_view json) {
    out_ += out_.empty() ? "{\n  " : ",\n  ";
    json::quote_to(out_, name);
    out_.append(": ").append(json);
  }
  std::string text() && { return std::move(out_) + "\n}\n"; }

 private:
  std::string out_;
};

class List {
 public:
  void add(std::string_view json) {
    out_ += out_.empty() ? "[\n    " : ",\n    ";
    out_ += json;
  }
  std::string text() && { return out_.empty() ? "[]" : std::move(out_) + "\n  ]"; }

 private:
  std::string out_;
};

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string taken_list(const FileReport& report) {
  List list;
  for (const auto& range : report.documents.taken) {
    list.add(json::dump(json::Object{{"from", static_cast<std::uint64_t>(range.from)},
                                     {"through", static_cast<std::uint64_t>(range.through)}}));
  }
  return std::move(list).text();
}

std::string refused_list(const FileReport& report, std::string_view unit) {
  List list;
  for (const auto& one : report.documents.refused) {
    json::Object head{{std::string(unit), static_cast<std::uint64_t>(one.number)}};
    if (!one.xpath.empty()) head.emplace_back("xpath", one.xpath);
    if (!one.id.empty()) head.emplace_back("id", one.id);
    auto text = json::dump(head);
    text.back() = ',';
    list.add(text + "\"problem\":" + one.problem + "}");
  }
  return std::move(list).text();
}

std::string noted_list(const FileReport& report) {
  List list;
  for (const auto& one : report.noted) {
    json::Object note{{"transaction", static_cast<std::uint64_t>(one.number)},
                      {"xpath", one.xpath},
                      {"what", valid_utf8(one.what)}};
    if (!one.id.empty()) note.emplace_back("id", one.id);
    list.add(json::dump(note));
  }
  return std::move(list).text();
}

void add_noted(Lines& out, const FileReport& report) {
  if (report.noted.empty()) return;
  out.raw("noted", noted_list(report));
  if (report.noted_more > 0) out.member("noted_more", static_cast<std::uint64_t>(report.noted_more));
}

std::string what_to_do(const FileReport& report, std::string_view unit) {
  const auto& documents = report.documents;
  const auto taken = documents.journaled + documents.had_already;
  std::string text = counted(taken, "document") + " of this file " + (taken == 1 ? "is" : "are") +
                     " in the journal, " + std::to_string(documents.refused.size()) +
                     (documents.refused.size() == 1 ? " was" : " were") + " not taken. ";
  if (documents.gave_up) {
    text += "Behind " + std::string(unit) + " " + std::to_string(documents.refused.back().number) +
            " nothing was looked at. ";
  }
  return text +
         "Mend what \"documents\" tells and put the file into the folder again: what is in the journal "
         "already is not taken twice.";
}

}  // namespace

std::string reason_text(std::string_view file, std::string_view format, const FileReport& report) {
  const std::string unit = format == "poslog" ? "transaction" : "line";
  const bool none = !report.fault_code.empty();
  Lines out;
  out.member("type", "urn:tillsync:problem:" + (none ? report.fault_code : std::string("documents-refused")));
  out.member("title", none ? "The file was not taken" : "Not all documents of the file were taken");
  out.member("status", none ? 400 : 422);
  out.member("detail", none ? valid_utf8(report.fault_detail) + ". Nothing of the file was taken."
                            : what_to_do(report, unit));
  out.member("file", valid_utf8(file));
  out.member("unit", unit);
  out.raw("taken", taken_list(report));
  out.raw("documents", refused_list(report, unit));
  add_noted(out, report);
  return std::move(out).text();
}

std::string notes_text(std::string_view file, const FileReport& report) {
  Lines out;
  out.member("detail",
             "These transactions of the file are no documents by the till's own word (training, voided, till "
             "control): nothing of them was journaled.");
  out.member("file", valid_utf8(file));
  add_noted(out, report);
  return std::move(out).text();
}

std::string beside_name(std::string_view name, std::string_view suffix) {
  if (name.size() + suffix.size() <= kFileNameBytesMax) return std::string(name) + std::string(suffix);
  constexpr std::size_t kDigits = 16;
  const auto digits = "." + to_hex(sha256(name)).substr(0, kDigits);
  return std::string(name.substr(0, kFileNameBytesMax - suffix.size() - digits.size())) + digits +
         std::string(suffix);
}

}  // namespace tillsync
