#include "outbox/journal/signed_file.h"

#include <filesystem>

#include "outbox/journal/chain.h"
#include "platform/crypto/base64.h"
#include "platform/json/json.h"
#include "platform/service/service_host.h"

namespace tillsync {
namespace {

constexpr std::string_view kFormat = "tillsync-journal-export";
constexpr std::int64_t kVersion = 1;
constexpr std::size_t kLineBytesMax = 32 * 1024 * 1024;
constexpr json::ParseLimits kDepth{.depth_max = 64};  // a document's own 32, and what is around it

Error refused(const char* code, const std::string& path, const std::string& what) {
  return Error{ErrorKind::kInvalid, code, path + ": " + what + "; nothing was imported"};
}

Error unwritten(const std::string& path) {
  return Error{ErrorKind::kStorage, "storage-io", "cannot write " + path + "; make room where it goes"};
}

std::string signed_text(const std::string& sha256_hex, std::int64_t records) {
  return "tillsync journal export 1\n" + sha256_hex + "\n" + std::to_string(records);
}

/// Lines with their ends, each of bounded length.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path, std::ios::binary) {}
  bool opened() const { return static_cast<bool>(file_); }
  /// False at the end. A last line without an end is whole too: what follows from that is the caller's.
  bool next(std::string& line) {
    line.clear();
    while (buffered_.find('\n', searched_) == std::string::npos) {
      searched_ = buffered_.size();
      if (buffered_.size() > kLineBytesMax) {
        too_long = true;
        return false;
      }
      const auto before = buffered_.size();
      buffered_.resize(before + kChunk);
      file_.read(buffered_.data() + before, kChunk);
      buffered_.resize(before + static_cast<std::size_t>(file_.gcount()));
      if (file_.gcount() == 0) {
        line = std::exchange(buffered_, {});
        searched_ = 0;
        return !line.empty();
      }
    }
    const auto end = buffered_.find('\n', searched_) + 1;
    line = buffered_.substr(0, end);
    buffered_.erase(0, end);
    searched_ = 0;
    return true;
  }
  bool too_long = false;

 private:
  static constexpr std::streamsize kChunk = 256 * 1024;
  std::ifstream file_;
  std::string buffered_;
  std::size_t searched_ = 0;
};

std::optional<ExportHeader> header_of(const std::string& line) {
  const auto value = json::parse(line, kDepth);
  if (!value || value->text_of("format") != kFormat || value->integer_of("version") != kVersion)
    return std::nullopt;
  ExportHeader header;
  header.store = value->text_of("store");
  header.from = Sequence{value->integer_of("from")};
  header.to = Sequence{value->integer_of("to")};
  if (header.from.value < 1) return std::nullopt;
  return header;
}

std::optional<RecordKind> kind_of(std::string_view name) {
  for (int number = 1; number <= static_cast<int>(kLastRecordKind); ++number) {
    if (record_kind_name(static_cast<RecordKind>(number)) == name) return static_cast<RecordKind>(number);
  }
  return std::nullopt;
}

std::optional<RawRecord> record_of(const std::string& line) {
  const auto value = json::parse(line, kDepth);
  if (!value) return std::nullopt;
  const auto kind = kind_of(value->text_of("kind"));
  auto body = from_base64(value->text_of("body"));
  if (!kind || !body || value->integer_of("sequence") <= 0) return std::nullopt;
  RawRecord record{Sequence{value->integer_of("sequence")},
                   *kind,
                   UtcTime(std::chrono::microseconds(value->integer_of("recorded_at_us"))),
                   std::nullopt,
                   std::move(*body),
                   std::string(value->text_of("hash"))};
  if (const auto* about = value->find("document"); about != nullptr && !about->is_null())
    record.document = Sequence{value->integer_of("document")};
  return record;
}

/// The records between the two ends: in order, within what the header says, each proven by its neighbour.
class RecordCheck {
 public:
  explicit RecordCheck(const ExportHeader& header) : header_(header), last_{header.from.value - 1} {}
  bool holds(const RawRecord& record) {
    if (record.sequence <= last_ || record.sequence > header_.to) return false;
    const bool neighbour = !hash_.empty() && record.sequence.value == last_.value + 1;
    if (neighbour) {
      Sha256Digest before{};
      std::copy_n(hash_.begin(), std::min(hash_.size(), before.size()), before.begin());
      const auto hash =
          chain_hash(before, record.sequence, record.kind, record.recorded_at, record.document, record.body);
      if (to_hex(hash) != record.hash_hex) return false;
    }
    last_ = record.sequence;
    hash_ = from_hex(record.hash_hex).value_or("");
    return hash_.size() == sizeof(Sha256Digest);
  }

 private:
  const ExportHeader& header_;
  Sequence last_;
  std::string hash_;
};

Result<void> check_trailer(const std::string& path, const std::string& line, const SignedFile& file,
                           const VerifyingKey& trusted) {
  const auto value = json::parse(line, kDepth);
  const auto signature = value ? from_base64(value->text_of("signature")) : std::nullopt;
  if (!signature || signature->empty() || line.back() != '\n')
    return refused("export-truncated", path, "it has no signature at its end: it is not whole");
  if (value->text_of("sha256") != file.sha256_hex || value->integer_of("records") != file.records)
    return refused("export-altered", path, "its content is not what was signed");
  if (from_base64(value->text_of("public_key")) != trusted.public_key())
    return refused("export-untrusted", path, "it was signed by another key than the trusted one");
  if (!trusted.verifies(signed_text(file.sha256_hex, file.records), *signature))
    return refused("export-altered", path, "its signature is not right");
  return ok();
}

}  // namespace

Result<SignedFileWriter> SignedFileWriter::open(const std::string& path, const ExportHeader& header) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    return Error{ErrorKind::kInvalid, "export-exists", path + " exists already; name a new file"};
  }
  std::ofstream file(path + ".partial", std::ios::binary | std::ios::trunc);
  if (!file) return unwritten(path);
  SignedFileWriter writer(path, std::move(file));
  auto put = writer.put(json::dump(json::Object{
      {"format", kFormat},
      {"version", kVersion},
      {"store", header.store},
      {"from", header.from.value},
      {"to", header.to.value},
      {"head", json::Object{{"sequence", header.head.sequence.value}, {"hash", to_hex(header.head.hash)}}},
      {"created_at", format_utc(header.created_at)}}));
  if (!put) return put.error();
  return writer;
}

Result<void> SignedFileWriter::put(const std::string& line) {
  hash_->update(line).update("\n");
  file_ << line << '\n';
  return file_ ? ok() : Result<void>(unwritten(path_));
}

Result<void> SignedFileWriter::add(const std::string& line) {
  ++records_;
  return put(line);
}

Result<void> SignedFileWriter::finish(const SigningKey& key) {
  const auto sha256_hex = to_hex(hash_->finish());
  file_ << json::dump(json::Object{{"signature", to_base64(key.sign(signed_text(sha256_hex, records_)))},
                                   {"public_key", to_base64(key.public_key())},
                                   {"records", records_},
                                   {"sha256", sha256_hex}})
        << '\n';
  file_.close();
  const std::string partial = path_ + ".partial";
  if (!file_) return unwritten(path_);
  if (auto synced = fsync_file(partial); !synced) return synced.error();
  std::error_code failed;
  std::filesystem::rename(partial, path_, failed);
  if (failed) return unwritten(path_);
  return fsync_directory(std::filesystem::absolute(path_, failed).parent_path().string());
}

Result<SignedFile> check_signed_file(const std::string& path, const VerifyingKey& trusted) {
  Lines lines(path);
  if (!lines.opened()) return Error{ErrorKind::kInvalid, "export-missing", "cannot read " + path};
  std::string line;
  if (!lines.next(line)) return refused("export-truncated", path, "it is empty");
  auto header = header_of(line);
  if (!header) {
    return refused("export-format", path,
                   "it does not begin like a signed export; `tillsync journal export --sign` makes one");
  }
  SignedFile file{std::move(*header), 0, {}};
  Sha256 hash;
  RecordCheck records(file.header);
  bool in_order = true;
  std::string next;
  while (lines.next(next)) {
    hash.update(line);
    if (file.records > 0) {
      const auto record = record_of(line);
      in_order = in_order && record && records.holds(*record);
    }
    ++file.records;
    line = std::exchange(next, {});
  }
  if (lines.too_long) return refused("export-format", path, "it has a line of more than 32 MiB");
  if (file.records == 0) return refused("export-truncated", path, "it has no signature at its end");
  --file.records;  // the header
  file.sha256_hex = to_hex(hash.finish());
  if (auto checked = check_trailer(path, line, file, trusted); !checked) return checked.error();
  if (!in_order) return refused("export-format", path, "it was signed, but its records are not in order");
  return file;
}

Result<void> for_each_record(const std::string& path, const SignedFile& checked,
                             const std::function<Result<void>(const RawRecord&)>& visit) {
  Lines lines(path);
  std::string line;
  (void)lines.next(line);
  for (std::int64_t i = 0; i < checked.records; ++i) {
    const auto record = lines.next(line) ? record_of(line) : std::nullopt;
    if (!record) return Error{ErrorKind::kInvalid, "export-altered", path + " was changed while it was read"};
    if (auto visited = visit(*record); !visited) return visited.error();
  }
  return ok();
}

}  // namespace tillsync
