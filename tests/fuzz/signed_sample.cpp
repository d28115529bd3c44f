#include "tests/fuzz/signed_sample.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "agent/views/document_view.h"
#include "outbox/journal/journal.h"
#include "platform/crypto/base64.h"
#include "tests/fuzz/support.h"
#include "tests/support/temp_dir.h"

namespace tillsync::fuzz {
namespace {

class StoppedClock final : public Clock {
 public:
  UtcTime utc_now() const override {
    return UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
  }
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::hours(1)); }
};

constexpr std::string_view kSeed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
constexpr std::string_view kPublic = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

/// Ed25519's fixed front (RFC 8410, section 7) and the key itself.
std::string pem_of(const char* label, std::string_view front_hex, std::string_view key_hex) {
  const std::string name(label);
  return "-----BEGIN " + name + "-----\n" +
         to_base64(from_hex(front_hex).value() + from_hex(key_hex).value()) + "\n-----END " + name +
         "-----\n";
}

DocumentPost sale(const std::string& id) {
  const auto checked = parse_document(
      R"({"id":")" + id +
          R"(","type":"sale","terminal":"T1","occurred_at":"2026-11-23T10:00:00Z","lines":[{"sku":"X","quantity":1,"unit_price":"2.50"}]})",
      store());
  return make_post(std::get<Document>(checked), DocumentMeta{"", "corr-1", id});
}

OutcomeFact outcome_of(Sequence document, OutcomeKind kind) {
  OutcomeFact fact;
  fact.delivery = DeliveryKey{document, "erp"};
  fact.target = "erp";
  fact.outcome.kind = kind;
  if (kind == OutcomeKind::kDelivered) {
    fact.outcome.central_reference = "ERP-1";
  } else {
    fact.outcome.reason = "unknown SKU";
    fact.outcome.http_status = 422;
  }
  return fact;
}

void fill(Journal& journal) {
  Routes routes;
  routes.steps[DocumentType::kSale] = {{"erp", "erp", {}}};
  journal.begin().value();
  journal.set_routes(routes).value();
  const auto first = journal.append(sale("A1")).value().sequence;
  const auto second = journal.append(sale("A2")).value().sequence;
  journal.append(sale("A3")).value();
  journal.record(outcome_of(first, OutcomeKind::kDelivered)).value();
  journal.record(outcome_of(second, OutcomeKind::kRejected)).value();
  DecisionFact discard{
      DecisionFact::Kind::kDiscard, {second, "erp"}, "erp", "no such article", "ann", {}, {}};
  journal.decide(discard).value();
  journal.commit().value();
}

/// As `journal export --sign` does.
std::string make_export() {
  const testing::TempDir dir;
  const StoppedClock clock;
  {
    auto journal = Journal::open({.folder = dir.file("journal"), .vfs = ""}, clock).value();
    fill(*journal);
  }
  auto reader = JournalReader::open(dir.file("journal")).value();
  const auto head = reader->head().value();
  auto writer =
      SignedFileWriter::open(dir.file("export"), {"0417", Sequence{1}, head.sequence, head, clock.utc_now()})
          .value();
  for (const auto& record : reader->records(Sequence{}, 100).value())
    writer.add(json::dump(record_view(record).value())).value();
  writer.finish(sample_key()).value();
  std::ifstream file(dir.file("export"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

const SigningKey& sample_key() {
  static const SigningKey key =
      SigningKey::from_pem(pem_of("PRIVATE KEY", "302e020100300506032b657004220420", kSeed)).value();
  return key;
}

const VerifyingKey& sample_trust() {
  static const VerifyingKey key =
      VerifyingKey::from_pem(pem_of("PUBLIC KEY", "302a300506032b6570032100", kPublic)).value();
  return key;
}

const std::string& sample_export() {
  static const std::string file = make_export();
  return file;
}

std::string signed_content(std::string_view content) {
  const auto records = std::max<std::ptrdiff_t>(std::count(content.begin(), content.end(), '\n'), 1) - 1;
  const auto digest = to_hex(sha256(content));
  const auto text = "tillsync journal export 1\n" + digest + "\n" + std::to_string(records);
  return std::string(content) + R"({"signature":")" + to_base64(sample_key().sign(text)) +
         R"(","public_key":")" + to_base64(sample_key().public_key()) + R"(","records":)" +
         std::to_string(records) + R"(,"sha256":")" + digest + "\"}\n";
}

std::size_t trailer_at(std::string_view file) {
  if (file.size() < 2) return 0;
  return file.rfind('\n', file.size() - 2) + 1;  // npos + 1 is 0
}

}  // namespace tillsync::fuzz
