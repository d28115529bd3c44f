#include "agent/file_intake/intake_folder.h"

#include <algorithm>

#include "agent/file_intake/side_files.h"
#include "platform/crypto/sha256.h"
#include "platform/log/log.h"

namespace tillsync {
namespace {

constexpr const char* kDone = "done";
constexpr const char* kRejected = "rejected";
constexpr const char* kReasonSuffix = ".reason.json";
constexpr const char* kNotesSuffix = ".notes.json";
constexpr int kNamesTriedMax = 16;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// Tells two files of one name apart; the same for the same file after a restart.
std::string token(const DropFile& file, int attempt) {
  return to_hex(sha256(file.name + '\0' + std::to_string(file.mark.inode) + ' ' +
                       std::to_string(file.mark.bytes) + ' ' + std::to_string(file.mark.modified_ns) + ' ' +
                       std::to_string(attempt)))
      .substr(0, 16);
}

FileReport fault(std::string code, std::string detail) {
  FileReport report;
  report.fault_code = std::move(code);
  report.fault_detail = std::move(detail);
  return report;
}

}  // namespace

bool is_unfinished_name(std::string_view name) {
  const auto small = lower(name);
  return small.starts_with('.') || small.ends_with(".tmp") || small.ends_with(".part");
}

SteadyTime IntakeFolder::scan() {
  const auto next_scan = [this] { return parts_.clock.steady_now() + parts_.settings.scan_every; };
  const auto listing = list();
  if (!listing) return next_scan();
  tell_others(*listing);
  std::map<std::string, Seen> seen;  // what is gone is forgotten
  verdicts_bytes_ = 0;
  for (const auto& file : listing->files) {
    auto known = seen_.extract(file.name);
    if (!known) continue;
    if (known.mapped().mark != file.mark) known.mapped().verdict.reset();
    if (known.mapped().verdict) verdicts_bytes_ += bytes_of(*known.mapped().verdict);
    seen.insert(std::move(known));
  }
  seen_ = std::move(seen);
  counts_.files_waiting = static_cast<std::int64_t>(listing->files.size());

  const auto gone_before = counts_.files_taken + counts_.files_rejected;
  auto due = next_scan();
  bool held = false;
  for (const auto& file : listing->files) {
    if (parts_.stopping) break;
    const auto now = parts_.clock.steady_now();
    auto& known = seen_.try_emplace(file.name, Seen{file.mark, now, {}}).first->second;
    if (known.mark != file.mark) known = Seen{file.mark, now, {}};
    const auto settle = file.mark.bytes == 0 ? std::max(parts_.settings.settle, limits_.empty_settle)
                                             : parts_.settings.settle;
    if (now - known.since < settle) {
      due = std::min<SteadyTime>(due, known.since + settle);
      continue;
    }
    if (take(file, known) == Next::kHold) {
      held = true;
      due = parts_.clock.steady_now() + limits_.held_retry;
      break;  // the files behind it keep their order
    }
    publish();
  }
  if (!held && !held_by_.empty()) {
    log::info("intake.goes_on", {{"intake", parts_.name}});
    held_by_.clear();
  }
  publish();
  // Behind the first come the others, but only where these made room for them.
  const bool went_on = counts_.files_taken + counts_.files_rejected > gone_before;
  return listing->more && went_on && !held ? std::min(due, parts_.clock.steady_now()) : due;
}

std::optional<DropListing> IntakeFolder::list() {
  auto listing = list_drop_folder(parts_.settings.folder, limits_.files_max,
                                  [](std::string_view name) { return !is_unfinished_name(name); });
  if (listing) {
    if (!folder_fault_.empty())
      log::info("intake.folder_is_back", {{"intake", parts_.name}, {"folder", parts_.settings.folder}});
    folder_fault_.clear();
    return std::move(*listing);
  }
  const auto& error = listing.error();
  if (folder_fault_ != error.code) {
    log::warning("intake.folder_unreachable",
                 {{"intake", parts_.name},
                  {"code", error.code},
                  {"detail", error.detail + "; it is looked for again every scan_every_s"}});
    folder_fault_ = error.code;
  }
  counts_.files_waiting = 0;
  publish();
  return std::nullopt;
}

bool IntakeFolder::told(const std::string& name, const std::string& what) {
  if (told_.size() >= limits_.told_max) told_.clear();
  return !told_.insert(what + '/' + name).second;
}

void IntakeFolder::tell_others(const DropListing& listing) {
  for (const auto& name : listing.others) {
    if (told(name, "no file")) continue;
    log::warning("intake.not_a_file", {{"intake", parts_.name},
                                       {"name", name},
                                       {"detail",
                                        "a link, pipe, socket or device is never taken; put the "
                                        "file itself into the folder"}});
  }
}

IntakeFolder::Next IntakeFolder::take(const DropFile& file, Seen& seen) {
  if (!seen.verdict) {
    if (!parts_.disk_has_room()) {  // known before a large file is read for nothing
      hold(Error{ErrorKind::kStorage, "storage-full", "the disk is at its reserve"});
      return Next::kHold;
    }
    const auto report = read(file, seen);
    if (!report) return Next::kGoOn;
    if (!*report) {
      hold(report->error());
      return Next::kHold;
    }
    // A writer may have gone on meanwhile: then all of it is read again, and what is in the journal already
    // is not taken twice.
    const auto now = file_mark(path(file.name));
    if (!now || *now != file.mark) return Next::kGoOn;
    seen.verdict = verdict_of(file, **report);
    verdicts_bytes_ += bytes_of(*seen.verdict);
  }
  if (auto moved = move(file, *seen.verdict); !moved) {
    if (!told(file.name, "immovable")) {
      log::warning(
          "intake.not_moved",
          {{"intake", parts_.name},
           {"file", file.name},
           {"detail", moved.error().detail + "; its documents are settled, the move is tried again"}});
    }
    if (verdicts_bytes_ > limits_.verdicts_bytes_max) {
      verdicts_bytes_ -= bytes_of(*seen.verdict);
      seen.verdict.reset();
    }
    return Next::kGoOn;
  }
  verdicts_bytes_ -= bytes_of(*seen.verdict);
  ++(seen.verdict->rejected ? counts_.files_rejected : counts_.files_taken);
  --counts_.files_waiting;
  seen_.erase(file.name);
  return Next::kGoOn;
}

/// Nothing where the file stays as it is for now.
std::optional<Result<FileReport>> IntakeFolder::read(const DropFile& file, Seen& seen) {
  auto content = read_drop_file(path(file.name), limits_.file_bytes_max);
  if (!content) {
    const auto& error = content.error();
    if (error.code == "too-large") {
      return Result<FileReport>(fault(
          "too-large", "the file has " + std::to_string(file.mark.bytes) + " bytes, at most " +
                           std::to_string(limits_.file_bytes_max) + " are taken; split it into several"));
    }
    if (error.kind == ErrorKind::kStorage && !told(file.name, "unreadable")) {
      log::warning("intake.file_unreadable",
                   {{"intake", parts_.name},
                    {"file", file.name},
                    {"detail", error.detail + "; it is tried again every scan_every_s"}});
    }
    return std::nullopt;
  }
  if (content->mark != file.mark || content->bytes.size() != file.mark.bytes) {
    seen.since = parts_.clock.steady_now();
    return std::nullopt;
  }
  DocumentSink sink(parts_.journal, parts_.disk_has_room, limits_.sink);
  return read_file_documents(std::move(content->bytes),
                             FileReaderParts{parts_.settings, parts_.store, parts_.zone, parts_.stopping},
                             sink);
}

IntakeFolder::Verdict IntakeFolder::verdict_of(const DropFile& file, const FileReport& report) {
  const auto& documents = report.documents;
  counts_.documents_journaled += static_cast<std::int64_t>(documents.journaled);
  counts_.documents_had_already += static_cast<std::int64_t>(documents.had_already);
  counts_.documents_refused += static_cast<std::int64_t>(documents.refused.size());
  Verdict verdict;
  verdict.rejected = !report.whole();
  if (verdict.rejected) {
    verdict.side_suffix = kReasonSuffix;
    verdict.side_text = reason_text(file.name, parts_.settings.format, report);
    log::warning("intake.file_rejected",
                 {{"intake", parts_.name},
                  {"file", file.name},
                  {"code", report.fault_code.empty() ? "documents-refused" : report.fault_code},
                  {"documents", documents.journaled + documents.had_already},
                  {"refused", documents.refused.size()}});
  } else {
    if (!report.noted.empty()) {
      verdict.side_suffix = kNotesSuffix;
      verdict.side_text = notes_text(file.name, report);
    }
    log::info("intake.file_taken", {{"intake", parts_.name},
                                    {"file", file.name},
                                    {"documents", documents.journaled},
                                    {"had_already", documents.had_already},
                                    {"noted", report.noted.size() + report.noted_more}});
  }
  return verdict;
}

/// What is written beside comes first: a file in rejected/ always has its reason.
Result<void> IntakeFolder::move(const DropFile& file, const Verdict& verdict) {
  const auto folder = path(verdict.rejected ? kRejected : kDone);
  if (auto made = make_drop_folder(folder); !made) return made;
  // A file that is named like what is written beside one must never be replaced by it.
  const bool like_ours = file.name.ends_with(kReasonSuffix) || file.name.ends_with(kNotesSuffix);
  for (int attempt = like_ours ? 1 : 0; attempt < kNamesTriedMax; ++attempt) {
    const auto name = attempt == 0 ? file.name : beside_name(file.name, "." + token(file, attempt));
    const auto taken = file_mark(folder + "/" + name);
    if (taken) continue;
    if (taken.error().kind != ErrorKind::kNotFound) return taken.error();
    if (!verdict.side_text.empty()) {
      auto written = write_beside(folder + "/" + beside_name(name, verdict.side_suffix), verdict.side_text);
      if (!written) return written;
    }
    auto moved = move_drop_file(path(file.name), folder + "/" + name);
    if (moved || moved.error().code != "exists") return moved;
  }
  return Error{ErrorKind::kStorage, "exists", "too many files of this name are in " + folder};
}

void IntakeFolder::hold(const Error& error) {
  if (error.code == held_by_ || error.code == "shutting-down") return;
  log::warning("intake.held", {{"intake", parts_.name},
                               {"code", error.code},
                               {"detail", error.detail + "; files stay where they are and are tried again"}});
  held_by_ = error.code;
}

void IntakeFolder::publish() const {
  if (parts_.on_counts) parts_.on_counts(counts_);
}

}  // namespace tillsync
