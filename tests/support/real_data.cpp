#include "tests/support/real_data.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "platform/json/json.h"
#include "tests/support/poslog_samples.h"

namespace tillsync::test {
namespace {

namespace fs = std::filesystem;
using json::Value;

constexpr unsigned kTerminals = 8;

std::optional<fs::path> transactions_in(const fs::path& folder) {
  for (const char* name : {"online-retail/transactions.ndjson.xz", "transactions.ndjson.xz"}) {
    if (fs::path file = folder / name; fs::is_regular_file(file)) return file;
  }
  return std::nullopt;
}

std::optional<fs::path> samples_in(const fs::path& folder) {
  fs::path samples = folder / "poslog/arts-digital-receipt-2.0-se";
  return fs::is_directory(samples) ? std::optional(samples) : std::nullopt;
}

/// Wherever data of this kind may be.
template <class In>
std::optional<fs::path> find_data(In in_folder) {
  if (const char* folder = std::getenv("TILLSYNC_REAL_DATA"); folder != nullptr && *folder != '\0')
    return in_folder(folder);
  const fs::path root = TILLSYNC_SOURCE_DIR;
  if (auto found = in_folder(root / "data")) return found;
  if (auto found = in_folder(root.parent_path() / "data")) return found;
  std::error_code unreadable;
  for (const auto& neighbour : fs::directory_iterator(root.parent_path(), unreadable)) {
    if (auto found = in_folder(neighbour.path() / "data")) return found;
  }
  return std::nullopt;
}

std::string decompress(const fs::path& file) {
  const std::string command = "xz -dc '" + file.string() + "'";
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run xz");
  std::string text;
  std::vector<char> buffer(1 << 20);
  for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), count);
  if (pclose(pipe) != 0) throw std::runtime_error("xz failed for " + file.string());
  return text;
}

/// Any even spread that is the same every time (FNV-1a).
std::string terminal_of(std::string_view receipt) {
  std::uint32_t hash = 2166136261U;
  for (const char c : receipt) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return "T" + std::to_string(1 + hash % kTerminals);
}

Value without_null_descriptions(Value lines) {
  for (Value& line : *lines.as_array()) {
    std::erase_if(*line.as_object(),
                  [](const json::Member& m) { return m.first == "description" && m.second.is_null(); });
  }
  return lines;
}

RealDocument to_contract(std::string_view line) {
  const Value source = json::parse(line).value();
  const std::string receipt(source.text_of("receipt"));
  json::Object body{{"id", receipt},
                    {"type", source.text_of("type")},
                    {"terminal", terminal_of(receipt)},
                    {"occurred_at", source.text_of("at")},
                    {"currency", "GBP"},
                    {"customer", *source.find("customer")},
                    {"lines", without_null_descriptions(*source.find("lines"))},
                    {"extensions", json::Object{{"country", *source.find("country")}}}};
  return {std::string(source.text_of("type")), json::dump(Value(std::move(body)))};
}

}  // namespace

std::optional<std::vector<RealDocument>> real_documents() {
  const auto file = find_data(transactions_in);
  if (!file) return std::nullopt;
  const std::string text = decompress(*file);
  std::vector<RealDocument> documents;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) documents.push_back(to_contract(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  return documents;
}

std::optional<std::filesystem::path> poslog_samples() {
  return find_data(samples_in);
}

}  // namespace tillsync::test
