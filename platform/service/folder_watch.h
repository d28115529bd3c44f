// A hint that something has changed in a folder. Only a hint: network shares give none, and where the system
// has no watch left there is none either. Who waits looks for himself as well, now and then. One .cpp per
// system implements it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "platform/base/result.h"

namespace tillsync {

class FolderWatch {
 public:
  /// kUnavailable where the system has not the means to wait.
  static Result<std::unique_ptr<FolderWatch>> open();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Watches this folder from now on, and no other; may be called again where it was made anew. False where
  /// no hints will come. One thread, the one that waits.
  bool watch(const std::string& folder);

  enum class Woken { kHint, kTimeout, kStopped };
  /// Waits for a hint (a file was renamed into the folder, or closed after writing), for stop(), or until
  /// `at_most` is over. Hints that came together are one.
  Woken wait(std::chrono::milliseconds at_most);

  /// Ends every wait(), now and later. Any thread.
  void stop();

 private:
  struct Impl;
  explicit FolderWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tillsync
