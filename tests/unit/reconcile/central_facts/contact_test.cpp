#include "reconcile/central_facts/contact.h"

#include <doctest/doctest.h>

namespace tillsync {
namespace {

TEST_CASE("contact: an e-mail address is the same in any case and between blanks") {
  CHECK(email_contact(" Ann.Lee@Example.COM\t") == email_contact("ann.lee@example.com"));
  CHECK(email_contact("ann@example.com") != email_contact("ann@example.org"));
  CHECK(email_contact("ann").empty());
  CHECK(email_contact("").empty());
  CHECK(email_contact(std::string(400, 'a') + "@b").empty());
}

TEST_CASE("contact: a phone number is its digits, however they are set") {
  const std::string ours = phone_contact("+44 20 7946 0000");
  for (const char* same :
       {"0044 (0)20 79460000", "+442079460000", "+44-20-7946.0000", "  +44 (20) 7946 0000"})
    CHECK(phone_contact(same) == ours);
  // Which country a national number is of nobody can know here.
  CHECK(phone_contact("020 7946 0000") != ours);
  CHECK(phone_contact("020 7946 0000") == phone_contact("(020) 79460000"));
  CHECK(phone_contact("+44 20 7946 0001") != ours);
  CHECK(phone_contact("1234").empty());
  CHECK(phone_contact("none").empty());
  CHECK(phone_contact("").empty());
}

TEST_CASE("contact: a customer's are found in its members, each once") {
  const auto customer = json::parse(
      R"({"email":"a@b.example","phone":"+44 20 7946 0000","mobile":"+442079460000","name":"x@y.example"})");
  REQUIRE(customer.has_value());
  CHECK(contacts_of(*customer).size() == 2);
  CHECK(contacts_of(json::Value()).empty());
  CHECK(contacts_of(*json::parse(R"({"email":7,"phone":null})")).empty());
}

}  // namespace
}  // namespace tillsync
