// Builds, from a target's settings, what writes its files.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/connectors/credentials.h"
#include "agent/connectors/file/file_connector.h"
#include "config/settings.h"
#include "platform/base/files.h"

namespace tillsync::file {

/// Under the journal's folder: a ledger for each file target.
inline constexpr const char* kLedgerFolder = "files";

/// What a file target needs of the daemon around it.
struct FileHost {
  std::string journal_folder;
  FileConnector::Post post;         ///< to the delivery thread
  std::function<bool()> make_room;  ///< as BatchSender::Parts has it; from the connector's thread
  Files* files = &system_files();   ///< outlives the connector
};

/// kInternal where libcurl lacks the protocol. A folder or server that is not there is no error: it may come.
Result<std::unique_ptr<TargetPort>> make_file_port(const std::string& name, const TargetSettings& settings,
                                                   const std::string& store, FileHost host,
                                                   Credentials::ReadSecret read);

}  // namespace tillsync::file
