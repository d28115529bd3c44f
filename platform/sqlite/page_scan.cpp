#include "platform/sqlite/page_scan.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tillsync::sqlite {
namespace {

constexpr std::size_t kDatabaseHeader = 100;
constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kPageSizeDefault = 4096;
constexpr std::size_t kPayloadMax = 64 * 1024 * 1024;
constexpr unsigned char kTableLeaf = 0x0d;

std::uint64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::int64_t signed_big_endian(std::string_view bytes, std::size_t count) {
  if (count == 0) return 0;
  auto value = big_endian(bytes, 0, count);
  if (count < 8 && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0)
    value |= ~std::uint64_t{0} << (8 * count);
  return static_cast<std::int64_t>(value);
}

/// SQLite's varint: up to nine bytes, seven bits each, all eight of the ninth.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 9 && !bytes.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (i == 8) return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Bytes that a value of this serial type takes.
std::optional<std::size_t> size_of(std::uint64_t type) {
  constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < 10) return kSizes[type];
  if (type < 12 || type > kPayloadMax * 2) return std::nullopt;
  return static_cast<std::size_t>((type - 12) / 2);
}

class Scan {
 public:
  Scan(const std::string& path, std::size_t columns, const std::function<bool(std::int64_t)>& wanted,
       const std::function<void(const RawRow&)>& visit)
      : file_(path, std::ios::binary),
        log_(path + "-wal", std::ios::binary),
        columns_(columns),
        wanted_(wanted),
        visit_(visit) {}

  bool run() {
    if (!file_) return false;
    find_page_size();
    read_log();
    std::string page;
    for (std::uint64_t number = 1; read(file_, (number - 1) * page_size_, page); ++number)
      scan_page(page, number == 1);
    for (const auto& [number, offset] : all_frames_) {
      if (read(log_, offset, page)) scan_page(page, number == 1);
    }
    return true;
  }

 private:
  // From the log, which is the younger file, or the database; a power of two from 512 to 65,536.
  void find_page_size() {
    std::string header(kDatabaseHeader, '\0');
    if (file_.read(header.data(), static_cast<std::streamsize>(header.size())))
      take_page_size(big_endian(header, 16, 2) == 1 ? 65'536 : big_endian(header, 16, 2));
    file_.clear();
  }
  void take_page_size(std::uint64_t size) {
    if (size >= 512 && size <= 65'536 && (size & (size - 1)) == 0)
      page_size_ = static_cast<std::size_t>(size);
  }

  // The whole frames of the log's own run (its salts). All are scanned, not only the newest of each page:
  // that one may be torn, and the one before it holds what was committed.
  void read_log() {
    std::string header(kLogHeader, '\0');
    if (!log_ || !log_.read(header.data(), static_cast<std::streamsize>(header.size()))) return log_.clear();
    if ((big_endian(header, 0, 4) | 1) != 0x377f0683) return;
    take_page_size(big_endian(header, 8, 4));
    const auto salts = big_endian(header, 16, 8);
    log_.seekg(0, std::ios::end);
    const auto end = static_cast<std::uint64_t>(std::max<std::streamoff>(log_.tellg(), 0));
    std::string frame(kFrameHeader, '\0');
    for (std::uint64_t at = kLogHeader; at + kFrameHeader + page_size_ <= end;
         at += kFrameHeader + page_size_) {
      log_.clear();
      log_.seekg(static_cast<std::streamoff>(at));
      if (!log_.read(frame.data(), static_cast<std::streamsize>(frame.size()))) break;
      if (big_endian(frame, 8, 8) != salts) continue;
      frames_[big_endian(frame, 0, 4)] = at + kFrameHeader;
      all_frames_.emplace_back(big_endian(frame, 0, 4), at + kFrameHeader);
    }
    log_.clear();
  }

  bool read(std::ifstream& from, std::uint64_t offset, std::string& page) {
    page.resize(page_size_);
    from.clear();
    from.seekg(static_cast<std::streamoff>(offset));
    return static_cast<bool>(from.read(page.data(), static_cast<std::streamsize>(page_size_)));
  }

  bool read_number(std::uint64_t number, bool from_log, std::string& page) {
    if (number == 0 || number > 0xfffffffe) return false;
    const auto frame = frames_.find(number);
    if (from_log && frame != frames_.end()) return read(log_, frame->second, page);
    return read(file_, (number - 1) * page_size_, page);
  }

  void scan_page(const std::string& page, bool first) {
    const std::size_t header = first ? kDatabaseHeader : 0;
    if (page.size() < header + 8 || static_cast<unsigned char>(page[header]) != kTableLeaf) return;
    const std::size_t cells = big_endian(page, header + 3, 2);
    if (header + 8 + cells * 2 > page.size()) return;
    for (std::size_t i = 0; i < cells; ++i) {
      const std::size_t at = big_endian(page, header + 8 + i * 2, 2);
      if (at < page.size()) scan_cell(std::string_view(page).substr(at));
    }
  }

  void scan_cell(std::string_view cell) {
    const auto size = take_varint(cell);
    const auto rowid = take_varint(cell);
    if (!size || !rowid || *size < 2 || *size > kPayloadMax) return;
    RawRow row;
    row.rowid = static_cast<std::int64_t>(*rowid);
    if (!wanted_(row.rowid)) return;
    // A page of the payload's rest may have been written anew since: both are tried.
    for (const bool from_log : {true, false}) {
      const auto payload = assemble(cell, static_cast<std::size_t>(*size), from_log);
      if (payload && decode(*payload, row)) visit_(row);
      if (frames_.empty()) break;
    }
  }

  std::optional<std::string> assemble(std::string_view cell, std::size_t size, bool from_log) {
    const std::size_t most = page_size_ - 35;
    std::size_t local = size;
    if (size > most) {
      const std::size_t least = (page_size_ - 12) * 32 / 255 - 23;
      const std::size_t fitting = least + (size - least) % (page_size_ - 4);
      local = fitting <= most ? fitting : least;
    }
    if (cell.size() < local) return std::nullopt;
    std::string payload(cell.substr(0, local));
    if (local == size) return payload;
    if (cell.size() < local + 4) return std::nullopt;
    std::uint64_t next = big_endian(cell, local, 4);
    std::string page;
    while (payload.size() < size) {
      if (!read_number(next, from_log, page)) return std::nullopt;
      next = big_endian(page, 0, 4);
      payload.append(page, 4, std::min(size - payload.size(), page_size_ - 4));
    }
    return payload;
  }

  bool decode(std::string_view payload, RawRow& row) const {
    std::string_view rest = payload;
    const auto header_size = take_varint(rest);
    if (!header_size || *header_size > payload.size() || *header_size < payload.size() - rest.size())
      return false;
    std::string_view header =
        payload.substr(payload.size() - rest.size(),
                       static_cast<std::size_t>(*header_size) - (payload.size() - rest.size()));
    std::string_view content = payload.substr(static_cast<std::size_t>(*header_size));
    row.values.clear();
    while (!header.empty()) {
      const auto type = take_varint(header);
      const auto size = type ? size_of(*type) : std::nullopt;
      if (!size || *size > content.size() || row.values.size() == columns_) return false;
      RawValue value;
      value.is_null = *type == 0;
      value.is_bytes = *type >= 12;
      if (value.is_bytes) {
        value.bytes = content.substr(0, *size);
      } else if (*type == 8 || *type == 9) {
        value.integer = *type == 9 ? 1 : 0;
      } else {
        value.integer = signed_big_endian(content, *size);
      }
      content.remove_prefix(*size);
      row.values.push_back(std::move(value));
    }
    return row.values.size() == columns_;
  }

  std::ifstream file_, log_;
  const std::size_t columns_;
  const std::function<bool(std::int64_t)>& wanted_;
  const std::function<void(const RawRow&)>& visit_;
  std::size_t page_size_ = kPageSizeDefault;
  std::unordered_map<std::uint64_t, std::uint64_t> frames_;          // page to its newest place in the log
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all_frames_;  // page and place, oldest first
};

}  // namespace

Result<void> scan_leaf_rows(const std::string& path, std::size_t columns,
                            const std::function<bool(std::int64_t rowid)>& wanted,
                            const std::function<void(const RawRow&)>& visit) {
  if (!Scan(path, columns, wanted, visit).run())
    return Error{ErrorKind::kStorage, "storage-io", "cannot read " + path};
  return ok();
}

}  // namespace tillsync::sqlite
