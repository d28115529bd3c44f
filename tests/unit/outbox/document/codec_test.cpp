#include "outbox/document/codec.h"

#include <doctest/doctest.h>

#include <iterator>
#include <limits>

#include "outbox/document/canonical.h"
#include "platform/crypto/sha256.h"
#include "tests/unit/outbox/document/samples.h"

using namespace tillsync;
using namespace tillsync::test;

namespace {

// What format 1 made of the sample bodies, in the order of kBodies. Journals hold such bytes: they never
// change.
constexpr std::string_view kFormat1[] = {
    "0101013f0e303431372d54312d303030303137025431a890a0b00d80e59a770000034742502203416e6e05432d313030"
    "0462373a311f7b2262223a5b312e35302c7b227a223a6e756c6c7d5d2c2261223a2278227d07021b063835313233410d"
    "343030363338313333333933310e542d4c4947485420484f4c44455260f41f01057374616666d201010153941d040537"
    "31303533d629b42a940e02000463617368c00201066368616e6765f53c08647261776572203194bd01",
    "01010200025231025432f0c5a2a40d7800034742500a01300638353132334110f41f010153b40606726573656c6c0100"
    "0463617264a426070e303431372d54312d30303030313710343131313131313131313131313131310430343137",
    "01010300024131025431a890a0b00d000003474250010200013193030301310343555030000662726f6b656e",
    "01010400024e31025431a890a0b00d000003474250020131000132d6dc10",
    "01010500025831025431a890a0b00d000003474250036f7574043034313801013140",
    "01010604025531025431a890a0b00d00000347425005432d31303001267b22656d61696c223a2261406578616d706c65"
    "2e636f6d222c22706f696e7473223a312e357d0e7b22656d61696c223a6e756c6c7d",
    "01010700025a31025431e0f6a7b00dd70401034742500101000463617368d28c0aa803",
};

}  // namespace

TEST_CASE("document codec: bytes of format 1 are read for ever, every type") {
  static_assert(std::size(kFormat1) == std::size(kBodies));
  for (std::size_t i = 0; i < std::size(kBodies); ++i) {
    CAPTURE(kBodies[i]);
    CHECK(decode_document(from_hex(kFormat1[i]).value()).value() == accepted(kBodies[i]));
    CHECK(to_hex(encode_document(accepted(kBodies[i]))) == kFormat1[i]);
  }
}

TEST_CASE("document codec: what is written is read back as it was") {
  CHECK(rc::check("decode(encode(d)) == d", [] {
    const Document document = accepted(json::dump(random::body()));
    RC_ASSERT(decode_document(encode_document(document)).value() == document);
  }));
}

TEST_CASE("document codec: the largest numbers and the ends of time fit") {
  Document document = accepted(kSaleBody);
  auto& line = std::get<Trade>(document.content).lines.front();
  line.quantity = Decimal::parse("-999999999999999.9999999", 7).value();
  line.unit_price = Decimal::parse("999999999999999.9999999", 7).value();
  document.terminal_sequence = std::numeric_limits<std::int64_t>::max();
  document.business_day = BusinessDay::parse("1700-01-01").value();
  for (const char* time : {"1700-01-01T00:00:00+23:59", "2200-12-31T23:59:59.999999999-23:59"}) {
    document.occurred_at = OffsetTime::parse(time).value();
    CHECK(decode_document(encode_document(document)).value() == document);
  }
}

TEST_CASE("document codec: bytes cut off anywhere are corrupt, and so are bytes too many") {
  for (const std::string_view body : kBodies) {
    const std::string bytes = encode_document(accepted(body));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto result = decode_document(std::string_view(bytes).substr(0, length));
      REQUIRE(result.has_error());
      CHECK(result.error().kind == ErrorKind::kCorrupt);
    }
    CHECK(decode_document(bytes + '\0').has_error());
  }
}

TEST_CASE("document codec: a newer format is told from damage") {
  std::string bytes = encode_document(accepted(kSaleBody));
  bytes.front() = 2;
  CHECK(decode_document(bytes).error().code == "unknown-format");
  bytes.front() = 0;
  CHECK(decode_document(bytes).error().code == "corrupt-document");
}

TEST_CASE("document codec: any bytes give a document or an error, never more") {
  CHECK(rc::check("hostile bytes", [] {
    std::string bytes = encode_document(accepted(json::dump(random::body())));
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
      bytes[*rc::gen::inRange<std::size_t>(1, bytes.size())] = *rc::gen::arbitrary<char>();
    }
    const auto result = decode_document(bytes);
    if (result.has_value()) (void)content_digest(*result);
  }));
  for (const char filler : {'\x00', '\x01', '\x7f', '\x80', '\xff'}) {
    for (std::size_t length = 0; length < 200; ++length) {
      (void)decode_document(std::string(1, '\x01') + std::string(length, filler));
    }
  }
}

TEST_CASE("document codec: a length beyond the bytes asks for no memory") {
  // Format, endianness, type sale, no flags, then an id of 2^62 bytes.
  const auto result = decode_document(from_hex("01010100808080808080808040").value());
  REQUIRE(result.has_error());
  CHECK(result.error().detail.find("cut off") != std::string::npos);
}

TEST_CASE("document codec: a document takes less than half of its canonical form") {
  for (const std::string_view body : {kSaleBody, kReturnBody}) {
    const Document document = accepted(body);
    CHECK(encode_document(document).size() * 2 < canonical_json(document).size());
  }
}

TEST_CASE("document codec: a wrong byte of endianness is corrupt, not obeyed") {
  std::string bytes = encode_document(accepted(kSaleBody));
  bytes[1] = 0;
  CHECK(decode_document(bytes).error().code == "corrupt-document");
}
