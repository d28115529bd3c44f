// A document in the form in which it goes out, the same for every target and attempt.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "outbox/document/document.h"

namespace tillsync {

struct OutgoingDocument {
  DocumentType type = DocumentType::kSale;
  std::string id;
  std::string json;            ///< canonical
  std::string traceparent;     ///< the till's, "" where it sent none
  std::string correlation_id;  ///< never empty

  std::size_t bytes() const {
    return sizeof *this + id.size() + json.size() + traceparent.size() + correlation_id.size();
  }
};

/// Documents kept between the reading of the backlog and their first attempt, so that each is read and
/// decoded once. Bounded (I8): beyond `bytes_max` nothing more is kept, and who sends it reads it again.
/// Single-threaded; may go before what it keeps.
class ReadAhead {
 public:
  explicit ReadAhead(std::size_t bytes_max)
      : bytes_max_(bytes_max), kept_(std::make_shared<std::size_t>(0)) {}

  bool has_room() const { return *kept_ < bytes_max_; }
  std::shared_ptr<const OutgoingDocument> keep(OutgoingDocument document) {
    const std::size_t bytes = document.bytes();
    *kept_ += bytes;
    return {new OutgoingDocument(std::move(document)), [kept = kept_, bytes](const OutgoingDocument* gone) {
              *kept -= bytes;
              delete gone;
            }};
  }

 private:
  const std::size_t bytes_max_;
  std::shared_ptr<std::size_t> kept_;
};

}  // namespace tillsync
