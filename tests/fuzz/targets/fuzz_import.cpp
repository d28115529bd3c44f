// The signed journal export, as somebody hands it in: nothing of it is used unless every byte is what the
// trusted key has signed, and what is used is what was written.
//
// The first byte says what the rest is: a file; content, to be signed here; or changes to a file that was
// signed.
#include <filesystem>
#include <fstream>
#include <vector>

#include "platform/crypto/base64.h"
#include "tests/fuzz/signed_sample.h"
#include "tests/fuzz/support.h"
#include "tests/support/temp_dir.h"

namespace tillsync::fuzz {
namespace {

constexpr std::size_t kChangesMax = 6;

/// One file, written anew for each input.
class Place {
 public:
  const std::string& path() const { return path_; }
  void write(std::string_view bytes) const {
    std::ofstream file(path_, std::ios::binary | std::ios::trunc);
    file << bytes;
    FUZZ_CHECK(file.flush().good(), "the file can be written");
  }
  /// For the project's writer, which takes no file that is there.
  void clear() const { std::filesystem::remove(path_); }

 private:
  const testing::TempDir dir_;
  const std::string path_ = dir_.file("export");
};

const Place& place() {
  // OpenSSL cleans up at exit: its handler has to be registered before this one's.
  static const Sha256Digest first = sha256("");
  (void)first;
  static const Place place;
  return place;
}

/// What is in the place now.
Result<SignedFile> checked() {
  auto file = check_signed_file(place().path(), sample_trust());
  if (file) return file;
  check_error(file.error(), ErrorKind::kInvalid);
  const auto& code = file.error().code;
  FUZZ_CHECK(code == "export-format" || code == "export-truncated" || code == "export-altered" ||
                 code == "export-untrusted",
             code);
  return file;
}

Result<SignedFile> checked(std::string_view bytes) {
  place().write(bytes);
  return checked();
}

/// The records of the file in the place, which was checked.
std::vector<RawRecord> records_of(const SignedFile& file) {
  std::vector<RawRecord> records;
  const auto visited = for_each_record(place().path(), file, [&](const RawRecord& record) {
    records.push_back(record);
    return ok();
  });
  FUZZ_CHECK(visited.has_value(), "a checked file can be read to its end");
  FUZZ_CHECK(static_cast<std::int64_t>(records.size()) == file.records, "each record is visited");
  Sequence last{file.header.from.value - 1};
  for (const auto& record : records) {
    FUZZ_CHECK(record.sequence > last && record.sequence <= file.header.to, "in order, within the header's");
    last = record.sequence;
  }
  return records;
}

bool same(const RawRecord& a, const RawRecord& b) {
  return a.sequence == b.sequence && a.kind == b.kind && a.recorded_at == b.recorded_at &&
         a.document == b.document && a.body == b.body && a.hash_hex == b.hash_hex;
}

/// As the project writes it; record_view() would refuse bodies that are no record's.
std::string line_of(const RawRecord& record) {
  return json::dump(
      json::Object{{"sequence", record.sequence.value},
                   {"kind", record_kind_name(record.kind)},
                   {"recorded_at_us", record.recorded_at.time_since_epoch().count()},
                   {"document", record.document ? json::Value(record.document->value) : json::Value()},
                   {"hash", record.hash_hex},
                   {"body", to_base64(record.body)}});
}

/// What was accepted, written anew by the project, is accepted and says the same.
void check_round_trip(const SignedFile& file, const std::vector<RawRecord>& records) {
  place().clear();
  auto writer = SignedFileWriter::open(place().path(), file.header);
  FUZZ_CHECK(writer.has_value(), "a file can be made");
  for (const auto& record : records)
    FUZZ_CHECK(writer->add(line_of(record)).has_value(), "a record can be added");
  FUZZ_CHECK(writer->finish(sample_key()).has_value(), "a file can be signed");
  const auto again = checked();
  FUZZ_CHECK(again.has_value(), "what the project writes is accepted");
  FUZZ_CHECK(again->header.store == file.header.store && again->header.from == file.header.from &&
                 again->header.to == file.header.to,
             "with the same header");
  const auto read = records_of(*again);
  FUZZ_CHECK(read.size() == records.size(), "and as many records");
  for (std::size_t i = 0; i < read.size(); ++i) FUZZ_CHECK(same(read[i], records[i]), "each the same");
}

/// Any file: no input can hold a signature but the sample's, so nothing but the sample's content is accepted.
void try_file(std::string_view bytes) {
  const auto file = checked(bytes);
  if (!file) return;
  FUZZ_CHECK(bytes.substr(0, trailer_at(bytes)) ==
                 std::string_view(sample_export()).substr(0, trailer_at(sample_export())),
             "only what was signed is accepted");
  check_round_trip(*file, records_of(*file));
}

/// Any content, truly signed: what a strange but trusted exporter might write. A byte of it that is changed
/// afterwards, wherever it is, makes it worthless.
void try_content(Choices choices) {
  const std::size_t at = choices.below(256) * 256 + choices.below(256);
  const auto flip = static_cast<char>(1 + choices.below(255));
  std::string content(choices.rest());
  if (content.empty() || content.back() != '\n') content += '\n';
  auto bytes = signed_content(content);
  const auto file = checked(bytes);
  if (file) {
    check_round_trip(*file, records_of(*file));
  } else {
    FUZZ_CHECK(file.error().code == "export-format", "the signature is right: " + file.error().detail);
  }
  bytes[at % bytes.size()] = static_cast<char>(bytes[at % bytes.size()] ^ flip);
  FUZZ_CHECK(!checked(bytes).has_value(), "a changed byte is noticed");
}

/// The sample with a few bytes changed, its end cut off, or more behind it.
void try_changes(Choices choices) {
  std::string bytes = sample_export();
  const std::size_t changes = choices.below(kChangesMax + 1);
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t at = (choices.below(256) * 256 + choices.below(256)) % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(choices.below(256)));
  }
  bytes.resize(bytes.size() - (choices.below(256) * 256 + choices.below(256)) % bytes.size());
  bytes += choices.rest();
  const bool whole = bytes == sample_export();
  const auto file = checked(bytes);
  FUZZ_CHECK(file.has_value() == whole, "a changed file is refused, and only that");
  if (file) check_round_trip(*file, records_of(*file));
}

void check(std::size_t which, Choices choices) {
  switch (which) {
    case 0:
      return try_file(choices.rest());
    case 1:
      return try_content(choices);
    default:
      return try_changes(choices);
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tillsync::fuzz::Choices choices(tillsync::fuzz::text_of(data, size));
  const std::size_t which = choices.below(3);
  tillsync::fuzz::check(which, choices);
  return 0;
}
