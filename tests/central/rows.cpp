#include "tests/central/rows.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace tillsync::central {
namespace {

std::optional<std::size_t> index_of(std::string_view text) {
  std::size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

void set_member(json::Value& object, std::string_view name, json::Value value) {
  for (auto& [member, held] : *object.as_object()) {
    if (member == name) {
      held = std::move(value);
      return;
    }
  }
  object.as_object()->emplace_back(std::string(name), std::move(value));
}

/// Sets what a JSON Pointer (RFC 6901, without escapes) names; does nothing where it names nothing.
void set_at(json::Value& root, std::string_view pointer, const json::Value& value) {
  json::Value* at = &root;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    json::Value* next = nullptr;
    if (at->as_object() != nullptr) {
      if (at->find(token) == nullptr && pointer.empty()) set_member(*at, token, nullptr);
      next = const_cast<json::Value*>(at->find(token));
    } else if (at->as_array() != nullptr) {
      const auto index = index_of(token);
      if (index && *index < at->as_array()->size()) next = &(*at->as_array())[*index];
    }
    if (next == nullptr) return;
    at = next;
  }
  *at = value;
}

std::string id_of(const json::Value& row) {
  const json::Value* document = row.find("document");
  return document == nullptr ? std::string() : std::string(document->text_of("id"));
}

}  // namespace

json::Value row_of(const std::string& target, const Effect& effect) {
  auto document = json::parse(effect.document);
  return json::Object{
      {"reference", effect.reference},
      {"step", effect.step},
      {"central_reference", central_reference(target, effect.id)},
      {"total", effect.total ? json::Value(*effect.total) : json::Value()},
      {"currency", effect.currency ? json::Value(*effect.currency) : json::Value()},
      {"recorded_at", effect.recorded_at},
      {"document", document ? std::move(*document) : json::Value()},
  };
}

void append_row(json::Array& rows, json::Value row, const ReadBackLie& lie) {
  const std::string id = id_of(row);
  if (lie.missing.contains(id)) return;
  const json::Value totals = lie.total, lines = lie.line;
  if (const json::Value* total = totals.find(id)) set_member(row, "total", *total);
  if (const json::Value* line = lines.find(id)) {
    const json::Value* value = line->find("value");
    set_at(row, fmt::format("/document{}", line->text_of("pointer")),
           value != nullptr ? *value : json::Value());
  }
  if (lie.doubled.contains(id)) rows.push_back(row);
  rows.push_back(std::move(row));
}

std::string day_of(const json::Value& extra) {
  const json::Value* document = extra.find("document");
  return document == nullptr ? std::string() : std::string(document->text_of("business_day"));
}

}  // namespace tillsync::central
