// W3C Trace Context from till to target.
#pragma once

#include <string>

#include "platform/base/random.h"

namespace tillsync {

/// The traceparent of an attempt: the till's trace (or, where it sent none, one that follows from the
/// document's reference, the same for every attempt), with a new span of our own.
std::string child_traceparent(const std::string& tills, const std::string& reference, Random& random);

}  // namespace tillsync
