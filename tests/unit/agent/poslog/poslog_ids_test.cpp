#include "agent/poslog/poslog_ids.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "outbox/document/validation.h"

using namespace tillsync;

TEST_CASE("poslog ids: the four parts, each in the contract's letters") {
  CHECK(poslog_document_id({"RS-0221", "65252", "123", "2017-12-05"}) == "RS-0221:65252:123:2017-12-05");
  CHECK(poslog_document_id({"A B", "1:2", "\xc3\xa5", "_"}) == "A_20B:1_3A2:_C3_A5:_5F");
  CHECK(poslog_terminal("Till 1") == "Till_201");
  CHECK(poslog_terminal("") == "");
}

TEST_CASE("poslog ids: what is too long becomes a digest that no short one looks like") {
  const auto id = poslog_document_id({std::string(60, 'x'), "1", "2", "2026-11-20"});
  CHECK(id.size() == 63);
  CHECK(id.starts_with("poslog:"));
  CHECK(is_document_id(id));
  CHECK(poslog_terminal(std::string(32, 'x')) == std::string(32, 'x'));
  CHECK(poslog_terminal(std::string(33, 'x')).size() == 31);
  CHECK(poslog_terminal(std::string(33, 'x')) != poslog_terminal(std::string(33, 'y')));
}

TEST_CASE("poslog ids, property: two transactions never share an id") {
  const auto part =
      rc::gen::container<std::string>(rc::gen::element('a', 'A', '1', '_', ':', ' ', '5', 'F', '\xc3'));
  rc::check([&] {
    const PoslogKey one{*part, *part, *part, *part};
    const PoslogKey other{*part, *part, *part, *part};
    const bool same = one.store == other.store && one.workstation == other.workstation &&
                      one.sequence == other.sequence && one.day == other.day;
    RC_ASSERT((poslog_document_id(one) == poslog_document_id(other)) == same);
    RC_ASSERT(is_document_id(poslog_document_id(one)));
    RC_ASSERT((poslog_identifier(one.store) == poslog_identifier(other.store)) == (one.store == other.store));
  });
}
