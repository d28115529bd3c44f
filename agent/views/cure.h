// What a person can do about a quarantined delivery.
#pragma once

#include <string>
#include <string_view>

namespace tillsync {

/// One sentence, by what stopped it: a policy of ours, or the target's status. `reason` is the outcome's.
std::string_view suggested_cure(std::string_view reason, int http_status);

}  // namespace tillsync
