// What central knows, through a connector file's `[[fetch]]`: rows by their key, and lists where the file's
// requests can go on at a cursor. Blocking, on the reconcile thread, with an HTTP client of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/connectors/mapped/mapped_fetch.h"
#include "reconcile/central_facts/fetch_port.h"

namespace tillsync {

class MappedFetchPort final : public FetchPort {
 public:
  /// `client` is the one that `fetch` asks with; null: somebody else keeps it.
  MappedFetchPort(std::unique_ptr<http::Client> client, MappedFetch fetch,
                  std::shared_ptr<const Connector> connector, std::string store)
      : client_(std::move(client)),
        fetch_(std::move(fetch)),
        connector_(std::move(connector)),
        store_(std::move(store)) {}

  bool offers(FactKind kind) const override;
  /// Connector files have no change feed.
  Result<ChangesPage> changes(const std::string& cursor) override;
  Result<FetchedFact> fetch(FactKind kind, const std::string& key, const std::string& etag) override;
  Result<std::optional<FactsPage>> list(FactKind kind, const std::optional<std::string>& cursor) override;
  /// Connector files cannot say what a target has of any one document.
  Result<std::optional<std::vector<CentralRow>>> sale(const std::string& reference) override;
  Result<std::optional<std::vector<CentralRow>>> returns_of(const std::string& reference) override;

 private:
  bool goes_on_at_a_cursor(FactKind kind) const;

  std::unique_ptr<http::Client> client_;
  MappedFetch fetch_;
  std::shared_ptr<const Connector> connector_;
  const std::string store_;
};

}  // namespace tillsync
