// The ops API's answers that need nothing but a reader of the journal: they also stand while the journal is
// damaged, as far as it can be read. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/http_server/server.h"
#include "outbox/journal/reader.h"
#include "platform/json/json.h"

namespace tillsync {

inline constexpr std::size_t kQuarantineListMax = 1'000;
inline constexpr std::size_t kJournalPageMax = 10'000;
inline constexpr std::size_t kJournalPageDefault = 1'000;

ServerResponse json_response(const json::Value& value);
ServerResponse bad_request(std::string_view detail);
ServerResponse error_response(const Error& error);
/// Decimal digits alone; nothing for anything else.
std::optional<std::int64_t> integer(std::string_view text);

struct Period {
  BusinessDay from, to;
};
/// business_day, or from and to.
Result<Period> read_period(const ServerRequest& request);

struct RecordsPage {
  Sequence after;
  std::size_t limit = kJournalPageDefault;
};
Result<RecordsPage> read_page(const ServerRequest& request);
ServerResponse records_response(JournalReader& reader, const RecordsPage& page);

ServerResponse quarantine_response(JournalReader& reader);
ServerResponse story_response(JournalReader& reader, const std::string& id);

}  // namespace tillsync
