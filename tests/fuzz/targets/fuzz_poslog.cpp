// POSLog: whatever the file is, each of its transactions is documents, a note or faults, always the same
// ones, and none of it carries on what an id must not hold.
#include "agent/poslog/poslog_reader.h"
#include "tests/fuzz/support.h"

namespace tillsync::fuzz {
namespace {

const PoslogContext& context() {
  static const PoslogContext kContext{"0417", "T9", "GBP", TimeZone::find("Europe/London").value()};
  return kContext;
}

void check_transaction(const PoslogTransaction& transaction, std::size_t number) {
  FUZZ_CHECK(transaction.number == number, "transactions are told in order");
  FUZZ_CHECK(transaction.id.empty() || is_document_id(transaction.id), "an id is one of the contract's");
  const int outcomes = (transaction.documents.empty() ? 0 : 1) + (transaction.note.empty() ? 0 : 1) +
                       (transaction.faults.empty() ? 0 : 1);
  FUZZ_CHECK(outcomes == 1, "it is documents, a note or faults, and never nothing");
  FUZZ_CHECK(transaction.faults.size() <= kPoslogFaultsMax, "faults are bounded");
  FUZZ_CHECK(transaction.documents.size() <= 2, "an exchange is two documents");
  for (const auto& document : transaction.documents) {
    const auto checked = parse_document(document.body, store());
    if (const auto* refusal = std::get_if<Refusal>(&checked)) {
      check_refusal(*refusal);
      continue;
    }
    const auto& good = std::get<Document>(checked);
    FUZZ_CHECK(good.id == document.id, "the body has the id that was told");
    const auto& trade = std::get<Trade>(good.content);
    FUZZ_CHECK(trade.lines.size() == document.line_xpaths.size(), "each line knows its place");
  }
}

}  // namespace
}  // namespace tillsync::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tillsync;
  const std::string bytes(fuzz::text_of(data, size));
  std::vector<std::string> bodies;
  std::size_t number = 0;
  const auto read = read_poslog(bytes, fuzz::context(), [&](const PoslogTransaction& transaction) {
    fuzz::check_transaction(transaction, ++number);
    for (const auto& document : transaction.documents) bodies.push_back(document.body);
    return true;
  });
  if (!read) {
    fuzz::check_error(read.error(), ErrorKind::kInvalid);
    FUZZ_CHECK(number == 0, "nothing of a refused file is told");
  }
  std::vector<std::string> again;
  const auto repeated = read_poslog(bytes, fuzz::context(), [&](const PoslogTransaction& transaction) {
    for (const auto& document : transaction.documents) again.push_back(document.body);
    return true;
  });
  FUZZ_CHECK(repeated.has_value() == read.has_value() && again == bodies,
             "the same file says the same twice");
  return 0;
}
