// A running store with a central of its own.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/e2e/store.h"
#include "tests/support/central_process.h"

namespace tillsync::testing {

struct Shop {
  explicit Shop(StoreOptions options = {})
      : central(CENTRAL_PROGRAM, dir.path().string()), store(with_central(std::move(options))) {
    store.start();
  }
  StoreOptions with_central(StoreOptions options) const {
    options.central = fmt::format("http://127.0.0.1:{}", central.port());
    return options;
  }
  bool settles(const std::string& id, const std::string& status) {
    return eventually([&] { return store.status_of(id) == status; }, std::chrono::seconds(20));
  }
  /// The only entry of the quarantine.
  json::Value quarantined() {
    const auto list = parsed(store.command({"quarantine", "list", "--json"}).output);
    const auto& entries = *list.find("quarantine")->as_array();
    REQUIRE(entries.size() == 1);
    return entries.front();
  }

  TempDir dir;
  CentralProcess central;
  Store store;
};

}  // namespace tillsync::testing
