// A store and its central that agree about a day: made once, then compared again and again.
#pragma once

#include <string>

#include "outbox/document/validation.h"
#include "platform/base/result.h"

namespace tillsync::bench {

inline constexpr const char* kStore = "0417";
inline constexpr const char* kDay = "2026-11-23";

const StoreDefaults& store_defaults();
/// Document `number`, as the store's till posted it.
std::string id_of(std::int64_t number);
/// In `folder`: journal/ with `documents` delivered sales, and central.db, the stand-in central's ledger,
/// with the same. What is there already is left as it is where it is whole.
Result<void> make(const std::string& folder, const std::string& sale_file, std::int64_t documents);

}  // namespace tillsync::bench
