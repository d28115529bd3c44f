// The published samples of POSLog's Digital Receipt (SwedishPaymentAndECRGroup, MIT licence), where the
// machine has them: in poslog/ of the folder that TILLSYNC_REAL_DATA names, or of `data/` in or beside the
// source tree. No copy of them is part of the project.
#pragma once

#include <filesystem>
#include <optional>

namespace tillsync::test {

std::optional<std::filesystem::path> poslog_samples();

}  // namespace tillsync::test
