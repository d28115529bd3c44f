#include "tests/simulation/disk/disk_file.h"

#include <algorithm>
#include <cstring>

namespace tillsync::sim {
namespace {

std::uint64_t sector_of(std::uint64_t offset) {
  return offset / kSectorBytes;
}

// What a power loss leaves of one sector. One draw tells all: what happens, to which version, and where it
// tears.
Sector drawn(const std::vector<Sector>& versions, std::uint64_t draw) {
  const auto kind = draw % 8;
  const std::size_t pick = (draw >> 3) % versions.size();
  if (kind < 3) return versions.back();
  if (kind < 6) return versions.front();
  if (kind == 6 || pick == 0) return versions[pick];
  // Both versions agree outside of the written range, so that a tear cannot reach beyond it.
  const std::size_t at = (draw >> 32) % kSectorBytes;
  const bool head_first = (draw >> 60) % 2 == 0;
  Sector torn = versions[head_first ? pick - 1 : pick];
  const Sector& front = versions[head_first ? pick : pick - 1];
  std::copy_n(front.begin(), at, torn.begin());
  return torn;
}

}  // namespace

void DiskFile::remember(std::uint64_t offset, std::uint64_t length) {
  if (!tracked_) return;
  Change change{offset, length, size(), undo_.size(), 0};
  if (offset < size()) {
    change.saved = static_cast<std::size_t>(std::min(length, size() - offset));
    const char* from = bytes_.data() + offset;
    undo_.insert(undo_.end(), from, from + change.saved);
  }
  changes_.push_back(change);
}

void DiskFile::write(std::uint64_t offset, const char* from, std::uint64_t length) {
  if (length == 0) return;
  remember(offset, length);
  if (offset == size()) {
    bytes_.insert(bytes_.end(), from, from + length);
    return;
  }
  if (offset + length > size()) bytes_.resize(offset + length);
  std::memcpy(bytes_.data() + offset, from, length);
}

void DiskFile::truncate(std::uint64_t new_size) {
  if (new_size == size()) return;
  const bool cuts = new_size < size();
  const auto low = std::min(new_size, size());
  remember(low, std::max(new_size, size()) - low);
  if (cuts && tracked_) changes_.back().cuts = true;
  bytes_.resize(new_size);
}

void DiskFile::forget() {
  changes_.clear();
  undo_.clear();
}

// All that reads now is durable.
void DiskFile::settle() {
  forget();
  orphans_.clear();
  orphan_sizes_.clear();
  durable_size_ = size();
}

void DiskFile::sync() {
  if (!orphans_.empty()) {
    for (const auto& change : changes_) {
      orphans_.erase(orphans_.lower_bound(sector_of(change.offset)),
                     orphans_.upper_bound(sector_of(change.offset + change.length - 1)));
    }
  }
  orphan_sizes_.clear();
  durable_size_ = size();
  forget();
}

void DiskFile::fail_sync() {
  for (std::size_t i = changes_.size(); i-- > 0;) {
    if (changes_[i].cuts) cut_for_good(i);
  }
  for_each_changed([this](std::uint64_t sector, const std::vector<const Change*>& changes) {
    if (auto before = versions_before(sector, changes); !before.empty()) {
      auto& orphans = orphans_[sector];
      orphans.insert(orphans.end(), before.begin(), before.end());
    }
  });
  for (const auto& change : changes_) orphan_sizes_.push_back(change.size_before);
  forget();
}

Sector DiskFile::now(std::uint64_t sector) const {
  Sector bytes{};
  const auto from = sector * kSectorBytes;
  if (from < size()) std::memcpy(bytes.data(), bytes_.data() + from, std::min(kSectorBytes, size() - from));
  return bytes;
}

// visit(sector, its changes, newest first), sectors in ascending order.
template <class Visit>
void DiskFile::for_each_changed(Visit visit) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> touched;
  for (std::size_t i = changes_.size(); i-- > 0;) {
    const auto& change = changes_[i];
    const auto last = sector_of(change.offset + change.length - 1);
    for (auto sector = sector_of(change.offset); sector <= last; ++sector) touched.emplace_back(sector, i);
  }
  std::stable_sort(touched.begin(), touched.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const Change*> own;
  for (std::size_t i = 0; i < touched.size();) {
    own.clear();
    const auto sector = touched[i].first;
    for (; i < touched.size() && touched[i].first == sector; ++i) own.push_back(&changes_[touched[i].second]);
    visit(sector, own);
  }
}

// What the sector was before its changes (newest first), oldest first; without versions that a change left
// as they were, such as a log that is written again to be synced again.
DiskFile::Versions DiskFile::versions_before(std::uint64_t sector,
                                             const std::vector<const Change*>& changes) const {
  Versions before;
  const auto begin = sector * kSectorBytes;
  const Sector newest = now(sector);
  Sector bytes = newest;
  for (const auto* change : changes) {
    const auto from = std::max(begin, change->offset);
    const auto to = std::min(begin + kSectorBytes, change->offset + change->length);
    const auto undo_from = std::min(from - change->offset, static_cast<std::uint64_t>(change->saved));
    const auto undo_to = std::min(to - change->offset, static_cast<std::uint64_t>(change->saved));
    char* into = bytes.data() + (from - begin);
    if (undo_to > undo_from) std::memcpy(into, undo_.data() + change->undo + undo_from, undo_to - undo_from);
    std::memset(into + (undo_to - undo_from), 0, (to - from) - (undo_to - undo_from));
    if (bytes != (before.empty() ? newest : before.back())) before.push_back(bytes);
  }
  std::reverse(before.begin(), before.end());
  return before;
}

// Every version that a sector may be left in, the one that reads now last.
std::map<std::uint64_t, DiskFile::Versions> DiskFile::open_versions() const {
  auto all = orphans_;
  for_each_changed([&](std::uint64_t sector, const std::vector<const Change*>& changes) {
    const auto before = versions_before(sector, changes);
    auto& versions = all[sector];
    versions.insert(versions.end(), before.begin(), before.end());
  });
  for (auto& [sector, versions] : all) versions.push_back(now(sector));
  return all;
}

std::uint64_t DiskFile::draw_size(Random& random, bool newest, bool oldest) const {
  if (newest) return size();
  if (oldest) return durable_size_;
  const auto draw = random.next();
  if (draw % 4 == 0) return size();
  if (draw % 4 == 1) return durable_size_;
  const auto count = orphan_sizes_.size() + changes_.size();
  if (count == 0) return durable_size_;
  const auto pick = (draw >> 2) % count;
  return pick < orphan_sizes_.size() ? orphan_sizes_[pick]
                                     : changes_[pick - orphan_sizes_.size()].size_before;
}

// Takes the last changes back, as if they had never been asked for.
void DiskFile::undo_to(std::size_t changes_kept) {
  while (changes_.size() > changes_kept) {
    const auto change = changes_.back();
    bytes_.resize(std::max(size(), change.size_before));
    std::copy_n(undo_.begin() + static_cast<std::ptrdiff_t>(change.undo), change.saved,
                bytes_.begin() + static_cast<std::ptrdiff_t>(change.offset));
    bytes_.resize(change.size_before);
    undo_.resize(change.undo);
    changes_.pop_back();
  }
}

// Nothing beyond the cut comes back, whatever was written there before.
void DiskFile::cut_for_good(std::size_t change) {
  const auto new_size = changes_[change].offset;
  for (std::size_t i = 0; i <= change; ++i) {
    auto& earlier = changes_[i];
    earlier.cuts = false;
    earlier.size_before = std::min(earlier.size_before, new_size);
    earlier.length = earlier.offset < new_size ? std::min(earlier.length, new_size - earlier.offset) : 0;
    earlier.saved = std::min(earlier.saved, static_cast<std::size_t>(earlier.length));
  }
  std::erase_if(changes_, [](const Change& one) { return one.length == 0; });
  orphans_.erase(orphans_.lower_bound(sector_of(new_size + kSectorBytes - 1)), orphans_.end());
  orphan_sizes_.clear();
  durable_size_ = std::min(durable_size_, new_size);
}

// A truncation is the file system's own affair, and journaled there: it has come about whole or not at all,
// and nothing that came after it without it. (A log of which only a part came back after its checkpoint would
// tear any database.)
void DiskFile::decide_cuts(Random& random) {
  for (std::size_t i = changes_.size(); i-- > 0;) {
    if (!changes_[i].cuts) continue;
    if (random.below(2) == 0) return cut_for_good(i);
    undo_to(i);
  }
}

void DiskFile::power_loss(Random& random) {
  if (changes_.empty() && orphans_.empty() && durable_size_ == size()) return;
  decide_cuts(random);
  // Most losses draw sector by sector. All, nothing and the first so many changes are likely in life and next
  // to never drawn that way.
  const auto mode = random.below(8);
  const bool newest = mode == 0;
  const bool oldest = mode == 1;
  if (mode == 2) undo_to(random.below(changes_.size() + 1));
  const auto versions = open_versions();
  const auto size_left = draw_size(random, newest || mode == 2, oldest);
  bytes_.resize(std::max(size(), size_left));
  for (const auto& [sector, all] : versions) {
    const auto from = sector * kSectorBytes;
    if (from >= size_left || newest) continue;
    const bool in_order = mode == 2 && !orphans_.contains(sector);
    if (in_order) continue;
    const Sector left = oldest ? all.front() : drawn(all, random.next());
    std::memcpy(bytes_.data() + from, left.data(), std::min(kSectorBytes, size_left - from));
  }
  bytes_.resize(size_left);
  settle();
}

void DiskFile::put(std::string bytes) {
  bytes_.assign(bytes.begin(), bytes.end());
  entry_durable = true;
  settle();
}

bool DiskFile::flip_bit(std::uint64_t offset, int bit) {
  if (offset >= size()) return false;
  bytes_[offset] = static_cast<char>(static_cast<unsigned char>(bytes_[offset]) ^ (1U << (bit % 8)));
  return true;
}

std::size_t DiskFile::unsettled_sectors() const {
  const auto versions = open_versions();
  return static_cast<std::size_t>(std::count_if(versions.begin(), versions.end(), [](const auto& entry) {
    const auto& all = entry.second;
    return std::any_of(all.begin(), all.end(), [&](const Sector& one) { return one != all.back(); });
  }));
}

}  // namespace tillsync::sim
