// E-mail addresses and phone numbers as they are compared to find one person under two numbers. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/json/json.h"

namespace tillsync {

/// Members of a customer that hold an e-mail address or a phone number.
inline constexpr std::string_view kEmailMembers[] = {"email"};
inline constexpr std::string_view kPhoneMembers[] = {"phone", "mobile"};

/// The same text for the same address: blanks around it and the case of ASCII letters do not count. "" for
/// what holds no "@".
std::string email_contact(std::string_view email);
/// The same text for the same number: its digits, and whether a country's code ("+" or "00") leads; a "(0)"
/// behind that code does not count. A number with a country's code and one without are not the same. "" for
/// fewer than 5 digits.
std::string phone_contact(std::string_view phone);

/// Of a customer as central has it, each once.
std::vector<std::string> contacts_of(const json::Value& customer);

}  // namespace tillsync
