// The keys that were seen, as 64-bit hashes in an open table: a million of them cost 16 MiB and no allocation
// each. Two keys of a million share a hash once in 30 million runs.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace tillsync::bench {

class KeySet {
 public:
  static std::uint64_t hash(std::string_view key) {
    const auto value = static_cast<std::uint64_t>(std::hash<std::string_view>()(key));
    return value == 0 ? 1 : value;
  }
  /// False where it was there.
  bool insert(std::uint64_t hash) {
    if (size_ * 2 >= slots_.size()) grow();
    if (!put(hash)) return false;
    ++size_;
    return true;
  }
  bool contains(std::uint64_t hash) const { return slots_[place(hash)] == hash; }
  std::size_t size() const { return size_; }

 private:
  std::size_t place(std::uint64_t hash) const {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & (slots_.size() - 1);
    return at;
  }
  bool put(std::uint64_t hash) {
    std::uint64_t& slot = slots_[place(hash)];
    if (slot == hash) return false;
    slot = hash;
    return true;
  }
  void grow() {
    std::vector<std::uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (const auto hash : old) {
      if (hash != 0) put(hash);
    }
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1 << 16);  // 0: free
  std::size_t size_ = 0;
};

}  // namespace tillsync::bench
