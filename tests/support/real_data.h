// The real transactions of UCI "Online Retail" (CC BY 4.0, doi.org/10.24432/C5BW33) as documents of the
// contract, where the machine has them: in the folder that the environment variable TILLSYNC_REAL_DATA names,
// or in `data/` in or beside the source tree.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tillsync::test {

struct RealDocument {
  std::string type;  ///< as the source has it; "account_adjustment" is none of the model
  std::string body;  ///< JSON, as a till would post it
};

/// All documents in the source's order, or nothing where the data is not on this machine. Throws where it is
/// there and unreadable.
std::optional<std::vector<RealDocument>> real_documents();

}  // namespace tillsync::test
