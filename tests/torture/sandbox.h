// A world of the tests' own: mounts and networks that only this program and its children see, and that vanish
// with it. As root, or in a user namespace where this user may have one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tillsync::testing {

/// Once, at the start of main(). Where the kernel refuses, the tests that need it say so and fail.
void enter_sandbox();
/// "", or why there is no sandbox and what to do about it.
const std::string& sandbox_missing();

/// A small disk (tmpfs) on an existing folder. Throws std::runtime_error where it cannot be mounted.
void mount_small_disk(const std::string& folder, std::int64_t bytes);

/// Runs `work` on a thread with a network of its own that has nothing but a loopback, up. Returns "", or why
/// there is none; exceptions of `work` come through.
std::string in_own_network(const std::function<void()>& work);

/// This test's own limit of open descriptors, raised as far as it may be; returns it.
std::uint64_t raise_descriptor_limit(std::uint64_t wanted);

}  // namespace tillsync::testing
