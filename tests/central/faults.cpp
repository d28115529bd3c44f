#include "tests/central/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "platform/base/decimal.h"

namespace tillsync::central {
namespace {

using Reader = std::function<bool(Faults&, const json::Value&)>;

Reader chance(Chance Faults::*member) {
  return [member](Faults& faults, const json::Value& value) {
    const std::string* text = value.as_string();
    if (text == nullptr && value.as_number() != nullptr) text = &value.as_number()->text;
    if (text == nullptr) return false;
    const auto percent = Decimal::parse(*text, 4);
    if (!percent || percent->is_negative() || *percent > Decimal::from_integer(100)) return false;
    (faults.*member).millionths =
        static_cast<std::uint32_t>(percent->units() / 1000);  // 10^-7 of a percent to 10^-6 of one
    return true;
  };
}

bool integer(const json::Value& value, std::int64_t& out) {
  if (value.as_number() == nullptr) return false;
  const json::Value holder = json::Object{{"n", value}};
  out = holder.integer_of("n", -1);
  return out >= 0;
}

bool flag(const json::Value& value, bool& out) {
  if (value.as_bool() == nullptr) return false;
  out = *value.as_bool();
  return true;
}

bool names(const json::Value& value, std::set<std::string>& out) {
  if (value.as_array() == nullptr) return false;
  for (const json::Value& item : *value.as_array()) {
    if (item.as_string() == nullptr) return false;
    out.insert(*item.as_string());
  }
  return true;
}

bool outage(Faults& faults, const json::Value& value) {
  if (value.as_string() != nullptr && *value.as_string() == "refuse503") {
    faults.outage = Faults::Outage::kAnswer503;
    return true;
  }
  bool on = false;
  if (!flag(value, on)) return false;
  faults.outage = on ? Faults::Outage::kDrop : Faults::Outage::kNone;
  return true;
}

bool object(const json::Value& value, json::Object& out) {
  if (value.as_object() == nullptr) return false;
  out = *value.as_object();
  return true;
}

bool read_back_lie(Faults& faults, const json::Value& value) {
  if (value.as_object() == nullptr) return false;
  for (const auto& [name, member] : *value.as_object()) {
    bool fits = false;
    if (name == "missing") fits = names(member, faults.lie.missing);
    if (name == "doubled") fits = names(member, faults.lie.doubled);
    if (name == "total") fits = object(member, faults.lie.total);
    if (name == "line") fits = object(member, faults.lie.line);
    if (name == "extra" && member.as_array() != nullptr) {
      faults.lie.extra = *member.as_array();
      fits = true;
    }
    if (!fits) return false;
  }
  return true;
}

bool digests(Faults& faults, const json::Value& value) {
  constexpr std::string_view kKinds[] = {"on",         "off",           "not_implemented", "contradicting",
                                         "other_text", "prefix_ignored"};
  if (value.as_string() == nullptr) return false;
  faults.digests = *value.as_string();
  return std::find(std::begin(kKinds), std::end(kKinds), faults.digests) != std::end(kKinds);
}

bool changes_feed(Faults& faults, const json::Value& value) {
  using Wrong = ChangesFeed::Wrong;
  static const std::map<std::string, Wrong, std::less<>> kWrongs = {
      {"not-served", Wrong::kNotServed},
      {"repeats", Wrong::kRepeats},
      {"goes-back", Wrong::kGoesBack},
      {"stands", Wrong::kStands},
      {"cursor-unknown", Wrong::kCursorUnknown}};
  if (value.as_object() == nullptr) return false;
  for (const auto& [name, member] : *value.as_object()) {
    bool fits = false;
    if (name == "values") fits = flag(member, faults.changes.values);
    if (name == "page") fits = integer(member, faults.changes.page) && faults.changes.page > 0;
    if (name == "wrong" && member.as_string() != nullptr) {
      const auto wrong = kWrongs.find(*member.as_string());
      fits = wrong != kWrongs.end();
      if (fits) faults.changes.wrong = wrong->second;
    }
    if (!fits) return false;
  }
  return true;
}

const std::map<std::string, Reader, std::less<>>& readers() {
  static const std::map<std::string, Reader, std::less<>> kReaders = {
      {"outage", outage},
      {"reply_lost_before_commit", chance(&Faults::reply_lost_before_commit)},
      {"reply_lost_after_commit", chance(&Faults::reply_lost_after_commit)},
      {"status_503", chance(&Faults::status_503)},
      {"status_429", chance(&Faults::status_429)},
      {"status_500_before", chance(&Faults::status_500_before)},
      {"status_500_after", chance(&Faults::status_500_after)},
      {"in_progress", chance(&Faults::in_progress)},
      {"retry_after_s", [](Faults& f, const json::Value& v) { return integer(v, f.retry_after_s); }},
      {"delay_ms",
       [](Faults& f, const json::Value& v) {
         std::int64_t ms = 0;
         const bool fits = integer(v, ms);
         f.delay = std::chrono::milliseconds(ms);
         return fits;
       }},
      {"delay_jitter", [](Faults& f, const json::Value& v) { return flag(v, f.delay_jitter); }},
      {"forget_keys_after_s",
       [](Faults& f, const json::Value& v) {
         std::int64_t seconds = 0;
         const bool fits = integer(v, seconds);
         f.forget_keys_after_s = seconds;
         return fits;
       }},
      {"poison", [](Faults& f, const json::Value& v) { return names(v, f.poison); }},
      {"poison_skus", [](Faults& f, const json::Value& v) { return names(v, f.poison_skus); }},
      {"expired_credentials", [](Faults& f, const json::Value& v) { return flag(v, f.expired_credentials); }},
      {"accept_token",
       [](Faults& f, const json::Value& v) {
         if (v.as_string() != nullptr) f.accept_token = *v.as_string();
         return v.as_string() != nullptr;
       }},
      {"faults_on_get", [](Faults& f, const json::Value& v) { return flag(v, f.on_get); }},
      {"read_back_lie", read_back_lie},
      {"digests", digests},
      {"changes", changes_feed},
      {"seed",
       [](Faults&, const json::Value& v) {  // taken by the holder of the generator
         std::int64_t seed = 0;
         return integer(v, seed);
       }},
  };
  return kReaders;
}

}  // namespace

Result<Faults> Faults::from_json(const json::Value& value) {
  if (value.as_object() == nullptr) {
    return Error{ErrorKind::kInvalid, "bad-faults", "faults are a JSON object; {} for none"};
  }
  Faults faults;
  faults.as_given = value;
  for (const auto& [name, member] : *value.as_object()) {
    const auto reader = readers().find(name);
    if (reader == readers().end()) {
      return Error{ErrorKind::kInvalid, "bad-faults", fmt::format("there is no fault \"{}\"", name)};
    }
    if (!reader->second(faults, member)) {
      return Error{ErrorKind::kInvalid, "bad-faults",
                   fmt::format("\"{}\" has a value that does not fit", name)};
    }
  }
  return faults;
}

}  // namespace tillsync::central
