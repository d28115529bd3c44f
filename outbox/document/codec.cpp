// Format 1. Byte 1, then a cereal portable-binary archive: its own byte of endianness, and
//   type, flags, id, terminal, time, day, currency, what the flags announce, content.
// The parts are in codec_parts.h. A field is never moved or given another meaning: what a later version adds
// gets a new format number, and the reading of this one stays.
#include "outbox/document/codec.h"

#include <cereal/archives/portable_binary.hpp>
#include <ostream>
#include <streambuf>

#include "outbox/document/codec_parts.h"
#include "platform/base/check.h"

namespace tillsync {
namespace codec {

template <class Archive>
void part(Archive& archive, Discount& discount) {
  part(archive, discount.reason);
  part(archive, discount.amount);
}

template <class Archive>
void part(Archive& archive, Tax& tax) {
  part(archive, tax.code);
  part(archive, tax.amount);
}

/// A tender; the flag byte tells of its reference.
template <class Archive>
void part(Archive& archive, Tender& tender) {
  std::uint8_t present = flags(tender.reference.has_value());
  part(archive, present);
  part(archive, tender.type);
  part(archive, tender.amount);
  part_if(archive, flag(present, 0), tender.reference);
}

template <class Archive>
void part(Archive& archive, TradeLine& line) {
  std::uint8_t present = flags(line.gtin.has_value(), line.description.has_value(), line.amount.has_value(),
                               !line.discounts.empty(), !line.taxes.empty(), line.disposition.has_value());
  part(archive, present);
  part(archive, line.sku);
  part_if(archive, flag(present, 0), line.gtin);
  part_if(archive, flag(present, 1), line.description);
  part(archive, line.quantity);
  part(archive, line.unit_price);
  part_if(archive, flag(present, 2), line.amount);
  part_if(archive, flag(present, 3), line.discounts);
  part_if(archive, flag(present, 4), line.taxes);
  part_if(archive, flag(present, 5), line.disposition);
}

template <class Archive>
void part(Archive& archive, OriginalSale& original) {
  std::uint8_t present =
      flags(original.id.has_value(), original.receipt.has_value(), original.store.has_value());
  part(archive, present);
  part_if(archive, flag(present, 0), original.id);
  part_if(archive, flag(present, 1), original.receipt);
  part_if(archive, flag(present, 2), original.store);
}

template <class Archive>
void part(Archive& archive, Trade& trade) {
  std::uint8_t present = flags(trade.prices_include_tax, !trade.tenders.empty(), trade.total.has_value(),
                               trade.original.has_value());
  part(archive, present);
  if constexpr (!Archive::kSaves) trade.prices_include_tax = flag(present, 0);
  part(archive, trade.lines);
  part_if(archive, flag(present, 1), trade.tenders);
  part_if(archive, flag(present, 2), trade.total);
  part_if(archive, flag(present, 3), trade.original);
}

template <class Archive>
void part(Archive& archive, StockAdjustment::Line& line) {
  std::uint8_t present = flags(line.description.has_value(), line.unit_price.has_value());
  part(archive, present);
  part(archive, line.sku);
  part_if(archive, flag(present, 0), line.description);
  part(archive, line.quantity_delta);
  part_if(archive, flag(present, 1), line.unit_price);
}

template <class Archive>
void part(Archive& archive, StockAdjustment& adjustment) {
  std::uint8_t present = flags(adjustment.reason.has_value());
  part(archive, present);
  part(archive, adjustment.lines);
  part_if(archive, flag(present, 0), adjustment.reason);
}

template <class Archive>
void part(Archive& archive, StockCount::Line& line) {
  part(archive, line.sku);
  part(archive, line.counted);
}

template <class Archive>
void part(Archive& archive, StockCount& count) {
  part(archive, count.lines);
}

template <class Archive>
void part(Archive& archive, StockTransfer::Line& line) {
  part(archive, line.sku);
  part(archive, line.quantity);
}

template <class Archive>
void part(Archive& archive, StockTransfer& transfer) {
  part(archive, transfer.direction);
  part(archive, transfer.other_store);
  part(archive, transfer.lines);
}

template <class Archive>
void part(Archive& archive, CustomerUpdate& update) {
  std::uint8_t present = flags(update.base.has_value());
  part(archive, present);
  part(archive, update.changes);
  part_if(archive, flag(present, 0), update.base);
}

template <class Archive>
void part(Archive& archive, TillClose& close) {
  std::uint8_t present = flags(close.documents.has_value());
  part(archive, present);
  part(archive, close.tenders);
  part_if(archive, flag(present, 0), close.documents);
}

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
// The years 1700 to 2200 and an offset's day to either side, the range of OffsetTime.
constexpr std::int64_t kSecondsMin = -8'520'422'400;
constexpr std::int64_t kSecondsMax = 7'289'740'800;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kOffsetMinutesBelow = 24 * 60;

/// Seconds, and offset in minutes; the fraction only where there is one.
template <class Archive>
void part(Archive& archive, OffsetTime& time, bool has_fraction) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time.utc);
  std::int64_t seconds = whole.time_since_epoch().count();
  auto fraction = static_cast<std::uint64_t>((time.utc - whole).count());
  std::int64_t offset = time.offset.count();
  part(archive, seconds);
  if (has_fraction) part(archive, fraction);
  part(archive, offset);
  if constexpr (!Archive::kSaves) {
    if (seconds < kSecondsMin || seconds > kSecondsMax || fraction >= kNanosecondsPerSecond)
      throw Corrupt("no such time");
    if (offset <= -kOffsetMinutesBelow || offset >= kOffsetMinutesBelow)
      throw Corrupt("no such offset from UTC");
    time.utc = std::chrono::sys_seconds(std::chrono::seconds(seconds)) + std::chrono::nanoseconds(fraction);
    time.offset = std::chrono::minutes(offset);
  }
}

/// The distance to the day of `time` in UTC: mostly 0 or 1.
template <class Archive>
void part(Archive& archive, BusinessDay& day, const OffsetTime& time) {
  const auto near = std::chrono::floor<std::chrono::days>(time.utc);
  std::int64_t distance = (day.day - near).count();
  part(archive, distance);
  if constexpr (!Archive::kSaves) {
    constexpr std::int64_t kDistanceMax = (kSecondsMax - kSecondsMin) / kSecondsPerDay;
    if (distance < -kDistanceMax || distance > kDistanceMax) throw Corrupt("no such day");
    day.day = near + std::chrono::days(distance);
  }
}

template <class Content, class Archive>
void content_part(Archive& archive, Document& document) {
  if constexpr (!Archive::kSaves) document.content.emplace<Content>();
  Content* const content = std::get_if<Content>(&document.content);
  TILLSYNC_CHECK(content != nullptr, "a document's content is of its type");
  part(archive, *content);
}

template <class Archive>
void content(Archive& archive, Document& document) {
  switch (document.type) {
    case DocumentType::kSale:
    case DocumentType::kReturn:
      return content_part<Trade>(archive, document);
    case DocumentType::kStockAdjustment:
      return content_part<StockAdjustment>(archive, document);
    case DocumentType::kStockCount:
      return content_part<StockCount>(archive, document);
    case DocumentType::kStockTransfer:
      return content_part<StockTransfer>(archive, document);
    case DocumentType::kCustomerUpdate:
      return content_part<CustomerUpdate>(archive, document);
    case DocumentType::kTillClose:
      return content_part<TillClose>(archive, document);
  }
  throw Corrupt("no such document type");
}

template <class Archive>
void part(Archive& archive, Document& document) {
  auto type = static_cast<std::uint8_t>(document.type);
  const bool has_fraction = document.occurred_at.utc.time_since_epoch().count() % kNanosecondsPerSecond != 0;
  std::uint8_t present = flags(document.terminal_sequence.has_value(), document.operator_id.has_value(),
                               document.customer.has_value(), document.correlation_id.has_value(),
                               document.extensions.has_value(), has_fraction);
  part(archive, type);
  part(archive, present);
  if constexpr (!Archive::kSaves) document.type = static_cast<DocumentType>(type);
  part(archive, document.id);
  part(archive, document.terminal);
  part(archive, document.occurred_at, flag(present, 5));
  part(archive, document.business_day, document.occurred_at);
  part(archive, document.currency);
  part_if(archive, flag(present, 0), document.terminal_sequence);
  part_if(archive, flag(present, 1), document.operator_id);
  part_if(archive, flag(present, 2), document.customer);
  part_if(archive, flag(present, 3), document.correlation_id);
  part_if(archive, flag(present, 4), document.extensions);
  content(archive, document);
}

}  // namespace codec

namespace {

/// Lets a stream write to the end of a string.
class StringSink final : public std::streambuf {
 public:
  void begin(std::string* out) { out_ = out; }

 private:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    if (out_ != nullptr) out_->append(bytes, static_cast<std::size_t>(count));
    return count;
  }
  int_type overflow(int_type byte) override {
    if (out_ != nullptr && !traits_type::eq_int_type(byte, traits_type::eof()))
      *out_ += traits_type::to_char_type(byte);
    return traits_type::not_eof(byte);
  }

  std::string* out_ = nullptr;
};

constexpr char kLittleEndian = 1;

// A stream has a locale and an archive three hash tables: to make them anew costs more than a small document
// does. So each thread has one. The archive's first byte, of endianness, is written as it is made.

struct Encoder {
  StringSink sink;
  std::ostream stream{&sink};
  cereal::PortableBinaryOutputArchive archive{stream,
                                              cereal::PortableBinaryOutputArchive::Options::LittleEndian()};
};

Error corrupt(std::string detail) {
  return Error{ErrorKind::kCorrupt, "corrupt-document", std::move(detail)};
}

}  // namespace

std::string encode_document(const Document& document) {
  thread_local Encoder encoder;
  constexpr std::size_t kUsualBytes = 512;
  std::string out;
  out.reserve(kUsualBytes);
  out += static_cast<char>(kDocumentFormat);
  out += kLittleEndian;
  encoder.sink.begin(&out);
  encoder.stream.clear();
  codec::Output output{encoder.archive};
  // One function reads and writes each part; writing, it leaves the part untouched.
  codec::part(output, const_cast<Document&>(document));
  encoder.sink.begin(nullptr);
  return out;
}

Result<Document> decode_document(std::string_view bytes) {
  if (bytes.empty()) return corrupt("no bytes where a document should be");
  const auto format = static_cast<unsigned char>(bytes.front());
  if (format > kDocumentFormat) {
    return Error{ErrorKind::kCorrupt, "unknown-format",
                 "the document is in format " + std::to_string(format) +
                     ", this version knows formats up to " + std::to_string(kDocumentFormat) +
                     ": use the version that wrote it, or a newer one"};
  }
  if (format == 0) return corrupt("the document's format byte is 0");
  // Parts are bytes, the same on every machine: the archive always says little-endian.
  if (bytes.size() < 2 || bytes[1] != kLittleEndian) {
    return corrupt("the document's byte of endianness is missing or wrong");
  }
  try {
    codec::Input input{bytes.substr(2)};
    Document document;
    codec::part(input, document);
    if (!input.left.empty()) {
      return corrupt(std::to_string(input.left.size()) + " bytes too many behind the document");
    }
    return document;
  } catch (const std::exception& e) {
    return corrupt(std::string("the bytes are no document: ") + e.what());
  }
}

}  // namespace tillsync
