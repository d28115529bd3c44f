#include "reconcile/central_facts/contact.h"

#include <algorithm>

namespace tillsync {
namespace {

constexpr std::size_t kPhoneDigitsMin = 5;     ///< what is shorter is an extension or a filler
constexpr std::size_t kContactBytesMax = 320;  ///< RFC 3696: 64 before the @, 255 behind it

}  // namespace

std::string email_contact(std::string_view email) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!email.empty() && blank(email.front())) email.remove_prefix(1);
  while (!email.empty() && blank(email.back())) email.remove_suffix(1);
  if (email.find('@') == std::string_view::npos || email.size() > kContactBytesMax) return {};
  std::string out = "e:";
  for (const char c : email) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string phone_contact(std::string_view phone) {
  std::string digits;
  bool international = false;
  for (std::size_t i = 0; i < phone.size(); ++i) {
    if (phone[i] == '+' && digits.empty()) international = true;
    if (phone[i] < '0' || phone[i] > '9') continue;
    if (digits == "0" && phone[i] == '0' && !international) {
      international = true;
      digits.clear();
      continue;
    }
    const bool trunk_zero = international && !digits.empty() && i > 0 && phone.substr(i - 1, 3) == "(0)";
    if (!trunk_zero) digits += phone[i];
  }
  if (digits.size() < kPhoneDigitsMin || digits.size() > kContactBytesMax) return {};
  return (international ? "p:+" : "p:") + digits;
}

std::vector<std::string> contacts_of(const json::Value& customer) {
  std::vector<std::string> out;
  const auto add = [&](std::string contact) {
    if (!contact.empty() && std::find(out.begin(), out.end(), contact) == out.end())
      out.push_back(std::move(contact));
  };
  for (const auto member : kEmailMembers) add(email_contact(customer.text_of(member)));
  for (const auto member : kPhoneMembers) add(phone_contact(customer.text_of(member)));
  return out;
}

}  // namespace tillsync
