// The IANA time zone database, by Howard Hinnant's date library (GCC 12 has no std::chrono::time_zone yet).
#include <date/tz.h>

#include <exception>

#include "platform/base/time.h"

namespace tillsync {

Result<TimeZone> TimeZone::find(std::string_view iana_name) {
  try {
    const date::time_zone* const zone = date::locate_zone(std::string(iana_name));
    // A zone's file is read at first use: let a broken one show here, not at the first sale.
    (void)zone->get_info(std::chrono::sys_seconds{});
    return TimeZone(zone);
  } catch (const std::exception& e) {
    return Error{ErrorKind::kInvalid, "unknown-time-zone",
                 "no time zone \"" + std::string(iana_name) + "\" in this machine's database (" + e.what() +
                     "): use an IANA name such as \"Europe/London\", and have the package tzdata installed"};
  }
}

std::chrono::seconds TimeZone::offset_at(std::chrono::sys_seconds utc) const {
  return static_cast<const date::time_zone*>(zone_)->get_info(utc).offset;
}

}  // namespace tillsync
