// What the mapper and its child say to each other: frames, each a header and a body. Numbers are as the
// machine has them, since both ends are one program on one machine.
//
//   to the child    kLimits, once and first; then one kRun or kCheck at a time
//   from the child  kReady to the first, or its end; then kOutput or kError to each
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tillsync::jq::protocol {

enum class Kind : std::uint8_t {
  kLimits = 1,  ///< WorkerLimits
  kRun,         ///< the program's size (32 bits), the program, the input
  kCheck,       ///< the program
  kReady,       ///< nothing
  kOutput,      ///< of a run: its output; of a check: nothing
  kError,       ///< the error's code, a line end, its detail; all of them are kInvalid
};

struct WorkerLimits {
  std::uint64_t memory_bytes = 0;
  std::uint64_t output_bytes = 0;
};

/// libjq counts bytes in an int.
inline constexpr std::size_t kBodyBytesMax = 1'024 * 1'024 * 1'024;
/// Of an error's code and detail: a program's own error() may say anything.
inline constexpr std::size_t kErrorBytesMax = 2'048;

struct Header {
  std::uint32_t body_bytes = 0;
  Kind kind = Kind::kLimits;
};
inline constexpr std::size_t kHeaderBytes = 5;
using HeaderBytes = std::array<char, kHeaderBytes>;

/// `body_bytes` up to kBodyBytesMax.
inline HeaderBytes header_bytes(Kind kind, std::size_t body_bytes) {
  const auto size = static_cast<std::uint32_t>(body_bytes);
  HeaderBytes bytes{};
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes[sizeof size] = static_cast<char>(kind);
  return bytes;
}

inline Header header_of(const HeaderBytes& bytes) {
  Header header;
  std::memcpy(&header.body_bytes, bytes.data(), sizeof header.body_bytes);
  header.kind = static_cast<Kind>(bytes[sizeof header.body_bytes]);
  return header;
}

/// A body of several parts together with its header; it is no longer than kBodyBytesMax.
template <class... Parts>
std::string frame(Kind kind, const Parts&... parts) {
  const std::size_t size = (std::size_t{0} + ... + std::string_view(parts).size());
  const HeaderBytes header = header_bytes(kind, size);
  std::string all;
  all.reserve(header.size() + size);
  all.append(header.data(), header.size());
  (all.append(std::string_view(parts)), ...);
  return all;
}

/// A number or a plain struct as the bytes that it is.
template <class Plain>
std::string_view bytes_of(const Plain& plain) {
  return {reinterpret_cast<const char*>(&plain), sizeof plain};
}

}  // namespace tillsync::jq::protocol
