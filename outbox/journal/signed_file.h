// A journal's records as a signed file, to be carried by hand (CONTRACT section 4): NDJSON whose first line
// is a header, whose last holds the signature, with a record a line between.
//
// header   {"format":"tillsync-journal-export","version":1,"store","from","to","head":{"sequence","hash"},
//           "created_at"}
// trailer  {"signature","public_key","records","sha256"}: sha256 is over all bytes before the trailer; the
//          Ed25519 signature is over "tillsync journal export 1\n" + sha256 in hex + "\n" + records. Both are
//          base64.
#pragma once

#include <fstream>
#include <functional>
#include <string>

#include "outbox/journal/reader.h"
#include "platform/crypto/ed25519.h"

namespace tillsync {

struct ExportHeader {
  std::string store;
  Sequence from, to;  ///< both counted in
  JournalHead head;   ///< of the journal when it was exported
  UtcTime created_at{};
};

class SignedFileWriter {
 public:
  /// Writes to `path`.partial; `path` appears, synced, with finish(). kInvalid `export-exists` where it is
  /// there.
  static Result<SignedFileWriter> open(const std::string& path, const ExportHeader& header);
  /// A record's line, without its end.
  Result<void> add(const std::string& line);
  Result<void> finish(const SigningKey& key);

 private:
  SignedFileWriter(std::string path, std::ofstream file) : path_(std::move(path)), file_(std::move(file)) {}
  Result<void> put(const std::string& line);

  std::string path_;
  std::ofstream file_;
  std::unique_ptr<Sha256> hash_ = std::make_unique<Sha256>();
  std::int64_t records_ = 0;
};

struct SignedFile {
  ExportHeader header;
  std::int64_t records = 0;
  std::string sha256_hex;
};

/// Reads all of the file once, and checks its signature by `trusted` and its form: kInvalid `export-format`,
/// `export-truncated`, `export-altered`, `export-untrusted`. Nothing of it may be used before. Memory: one
/// line of at most 32 MiB.
Result<SignedFile> check_signed_file(const std::string& path, const VerifyingKey& trusted);

/// The records of a checked file, in order; stops at the first error.
Result<void> for_each_record(const std::string& path, const SignedFile& checked,
                             const std::function<Result<void>(const RawRecord&)>& visit);

}  // namespace tillsync
