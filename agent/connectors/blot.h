// Secrets taken out of what a target answers: some repeat the request that they refuse, and answers are kept
// in the journal and shown to people (I9).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/http/client.h"

namespace tillsync {

class Blot {
 public:
  Blot() = default;
  /// Finds each secret as it is and as it stands in JSON, in a URL or form, and in base64. One of less than
  /// six bytes is not looked for: it would tear holes into plain words.
  explicit Blot(const std::vector<std::string>& secrets);

  /// "***" in the place of each.
  void out_of(std::string& text) const;
  /// Of its body and its headers.
  void out_of(http::Answer& answer) const;

 private:
  std::vector<std::string> forms_;  ///< the longest first, since one may be within another
};

/// Adds the words of twelve bytes and more of a header's value, which a target may repeat without the rest:
/// "Bearer TOKEN", "token KEY:SECRET", "session=TOKEN; path=/".
void add_words(std::vector<std::string>& secrets, const std::string& value);

}  // namespace tillsync
