// A batch of documents as the receiver of files gets it: a data file and a manifest, both fixed by their
// content. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outbox/delivery/target_port.h"
#include "outbox/document/document.h"
#include "platform/crypto/sha256.h"

namespace tillsync::file {

enum class Format { kCsv, kPoslog };
/// "csv" or "poslog"; anything else is CSV.
Format format_of(std::string_view name);
std::string_view format_name(Format format);

/// One delivery that goes into a file, and its document.
struct BatchDocument {
  DeliveryKey key;
  std::string reference;        ///< "STORE/ID"
  std::string idempotency_key;  ///< "STORE/ID:STEP"
  Sha256Digest digest;          ///< of the canonical form
  std::size_t bytes = 0;        ///< of the canonical form
  Document document;
};
/// kInvalid with a reason for people: the canonical form cannot be read, or the format has no place for it.
Result<BatchDocument> batch_document(const OutgoingDelivery& delivery, Format format);

struct Batch {
  std::int64_t number = 0;  ///< counts the target's batches from 1
  std::string name;         ///< "STORE-TARGET-NUMBER-HASH"
  std::string data_file;    ///< the name with its ending
  std::string data;
  std::string manifest;  ///< JSON
  std::vector<BatchDocument> documents;

  std::string manifest_file() const { return name + ".manifest.json"; }
};

/// The same documents under the same number make the same bytes and the same names.
Batch make_batch(const std::string& store, const std::string& target, std::int64_t number, Format format,
                 std::vector<BatchDocument> documents);

/// RFC 4180, UTF-8, CRLF; the columns are in DESIGN.md. Amounts are exact. A text that a spreadsheet might
/// run as a formula, or that begins with an apostrophe, has an apostrophe put in front.
std::string csv_text(const std::string& store, const std::vector<BatchDocument>& documents);

/// What is written beside the data file, last: its presence says that the batch is whole.
std::string manifest_text(const Batch& batch, const std::string& store, const std::string& target,
                          Format format);

}  // namespace tillsync::file
