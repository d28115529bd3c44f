#include "platform/base/random.h"

#include <random>

namespace tillsync {

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // The lowest 2^64 mod bound numbers would make some remainders likelier than others.
  const std::uint64_t uneven = (0 - bound) % bound;
  std::uint64_t number = next();
  while (number < uneven) number = next();
  return number % bound;
}

std::uint64_t SystemRandom::next() {
  thread_local std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::uint64_t SeededRandom::next() {
  // SplitMix64 (Steele, Lea, Flood 2014).
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace tillsync
