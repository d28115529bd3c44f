#include "agent/file_intake/file_reader.h"

#include <algorithm>

#include "agent/http_server/server.h"
#include "agent/poslog/poslog_reader.h"

namespace tillsync {
namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string too_large_problem() {
  return problem_response(413, "too-large", "The document is too large", "A document is at most 1 MiB.").body;
}

Error stopping() {
  return Error{ErrorKind::kUnavailable, "shutting-down", "tillsync is stopping"};
}

/// As by HTTP, but that the terminal may come from the settings.
std::variant<Document, Refusal> check_line(std::string_view line, const FileReaderParts& parts) {
  const auto& terminal = parts.settings.terminal;
  if (terminal.empty()) return parse_document(line, parts.store);
  auto value = json::parse(line);
  if (!value) return parse_document(line, parts.store);  // which says what is wrong
  if (auto* const members = value->as_object(); members != nullptr && value->find("terminal") == nullptr)
    members->emplace_back("terminal", terminal);
  return check_document(*value, parts.store);
}

Result<void> read_ndjson(std::string_view rest, const FileReaderParts& parts, DocumentSink& sink) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  for (std::size_t number = 1; !rest.empty() && !sink.gave_up(); ++number) {
    if (parts.stopping) return stopping();
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (is_blank(line)) continue;
    const DocumentPlace place{number, {}, {}};
    if (line.size() > kDocumentBytesMax) {
      sink.refuse(place, too_large_problem());
      continue;
    }
    if (auto added = sink.add(place, check_line(line, parts), line.size()); !added) return added;
  }
  return ok();
}

Refusal refusal_of(const PoslogTransaction& transaction) {
  Refusal refusal{Refusal::Kind::kInvalid, "the transaction cannot be made a document", {}};
  for (const auto& fault : transaction.faults)
    refusal.faults.push_back({"", fault.xpath.empty() ? fault.detail : fault.xpath + " " + fault.detail});
  return refusal;
}

class PoslogFile {
 public:
  PoslogFile(const FileReaderParts& parts, DocumentSink& sink, FileReport& report)
      : parts_(parts), sink_(sink), report_(report) {}

  Result<void> read(std::string bytes) {
    const PoslogContext context{parts_.store.store_id, parts_.settings.terminal, parts_.store.currency,
                                parts_.zone};
    auto read = read_poslog(std::move(bytes), context, [this](const PoslogTransaction& transaction) {
      done_ = take(transaction);
      return done_.has_value() && !sink_.gave_up();
    });
    if (!read) {
      report_.fault_code = read.error().code;
      report_.fault_detail = read.error().detail;
    }
    return done_;
  }

 private:
  Result<void> take(const PoslogTransaction& transaction) {
    if (parts_.stopping) return stopping();
    if (!transaction.note.empty()) {
      if (report_.noted.size() < kNotedMax) {
        report_.noted.push_back({transaction.number, transaction.xpath, transaction.id, transaction.note});
      } else {
        ++report_.noted_more;
      }
      return ok();
    }
    DocumentPlace place{transaction.number, transaction.xpath, {}};
    if (!transaction.faults.empty()) {
      sink_.refuse({place.number, place.xpath, {}}, refusal_of(transaction), transaction.id);
      return ok();
    }
    // Of an exchange both or none: half of it would be wrong by the other half.
    std::vector<std::variant<Document, Refusal>> checked;
    for (const auto& document : transaction.documents)
      checked.push_back(parse_document(document.body, parts_.store));
    const auto bad = std::find_if(checked.begin(), checked.end(),
                                  [](const auto& one) { return std::holds_alternative<Refusal>(one); });
    if (bad != checked.end()) {
      const auto& document = transaction.documents[static_cast<std::size_t>(bad - checked.begin())];
      place.line_xpaths = document.line_xpaths;
      sink_.refuse(place, std::get<Refusal>(*bad), document.id);
      return ok();
    }
    for (std::size_t i = 0; i < checked.size(); ++i) {
      if (auto added = sink_.add(place, std::move(checked[i]), transaction.documents[i].body.size()); !added)
        return added;
    }
    return ok();
  }

  const FileReaderParts& parts_;
  DocumentSink& sink_;
  FileReport& report_;
  Result<void> done_ = ok();
};

}  // namespace

Result<FileReport> read_file_documents(std::string bytes, const FileReaderParts& parts, DocumentSink& sink) {
  FileReport report;
  auto read = parts.settings.format == "poslog" ? PoslogFile(parts, sink, report).read(std::move(bytes))
                                                : read_ndjson(bytes, parts, sink);
  if (!read) return read.error();
  auto outcome = sink.finish();
  if (!outcome) return outcome.error();
  report.documents = std::move(*outcome);
  const bool nothing =
      report.documents.taken.empty() && report.documents.refused.empty() && report.noted.empty();
  if (nothing && report.fault_code.empty()) {
    report.fault_code = "empty";
    report.fault_detail =
        "the file holds no document; write it under a name that ends in .part and rename it when it "
        "is whole";
  }
  return report;
}

}  // namespace tillsync
