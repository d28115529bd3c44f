// For tests of the file connector: deliveries of documents, a folder, and a receiver that keeps its rule.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/connectors/file/batch_sender.h"
#include "outbox/document/canonical.h"
#include "platform/json/json.h"
#include "platform/transfer/local_folder.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/outbox/document/samples.h"

namespace tillsync::test {

inline OutgoingDelivery delivery_of(const Document& document, std::int64_t sequence,
                                    const std::string& step = "legacy") {
  OutgoingDelivery delivery;
  delivery.key = {Sequence{sequence}, step};
  delivery.type = document.type;
  delivery.store = "0417";
  delivery.document_id = document.id;
  delivery.document = canonical_json(document);
  return delivery;
}

inline OutgoingDelivery sale(std::int64_t sequence, const std::string& price = "2.50") {
  return delivery_of(accepted(R"({"id":"S)" + std::to_string(sequence) +
                              R"(","type":"sale","terminal":"T1","occurred_at":"2026-11-23T09:00:00Z",)"
                              R"("lines":[{"sku":"A1","quantity":1,"unit_price":")" +
                              price + R"("}]})"),
                     sequence);
}

inline std::vector<file::BatchDocument> documents_of(const std::vector<OutgoingDelivery>& deliveries,
                                                     file::Format format = file::Format::kCsv) {
  std::vector<file::BatchDocument> documents;
  for (const auto& each : deliveries) documents.push_back(file::batch_document(each, format).value());
  return documents;
}

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Head office: takes whole batches out of a folder, each name once.
class Receiver {
 public:
  explicit Receiver(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void collect() {
    std::vector<std::filesystem::path> manifests;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name[0] != '.' && name.ends_with(".manifest.json")) manifests.push_back(entry.path());
    }
    for (const auto& path : manifests) take(path);
  }
  /// How often each idempotency key was booked.
  const std::map<std::string, int>& booked() const { return booked_; }
  std::size_t batches() const { return seen_.size(); }
  int repeats() const { return repeats_; }

 private:
  void take(const std::filesystem::path& path) {
    const json::Value manifest = json::parse(text_of(path)).value();
    const auto data_path = folder_ / manifest.text_of("file");
    const std::string data = text_of(data_path);
    // A manifest speaks of bytes that are there, whole.
    CHECK(static_cast<std::int64_t>(data.size()) == manifest.integer_of("bytes"));
    CHECK(to_hex(sha256(data)) == manifest.text_of("sha256"));
    std::filesystem::remove(data_path);
    std::filesystem::remove(path);
    if (!seen_.insert(std::string(manifest.text_of("batch"))).second) {
      ++repeats_;
      return;
    }
    for (const json::Value& each : *manifest.find("documents")->as_array())
      ++booked_[std::string(each.text_of("idempotency_key"))];
  }

  const std::filesystem::path folder_;
  std::set<std::string> seen_;
  std::map<std::string, int> booked_;
  int repeats_ = 0;
};

/// Cells of a CSV text, by RFC 4180 alone.
inline std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted) {
      if (text[i] != '"') {
        cell += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == ',') {
      rows.back().emplace_back();
    } else if (text.compare(i, 2, "\r\n") == 0) {
      ++i;
      rows.emplace_back(1);
    } else {
      cell += text[i];
    }
  }
  rows.pop_back();  // what follows the last line end
  return rows;
}

/// A row as column: cell.
inline std::map<std::string, std::string> named(const std::vector<std::vector<std::string>>& rows,
                                                std::size_t row) {
  std::map<std::string, std::string> cells;
  for (std::size_t i = 0; i < rows[0].size(); ++i) cells[rows[0][i]] = rows[row].at(i);
  return cells;
}

/// What the writer put in front so that no spreadsheet runs it.
inline std::string without_apostrophe(const std::string& cell) {
  return !cell.empty() && cell[0] == '\'' ? cell.substr(1) : cell;
}

}  // namespace tillsync::test
