// Gathers every mistake of a settings file, so that a person mends all of them in one go.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/settings.h"

namespace tillsync::config {

class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  /// `line` 0 where there is none.
  void add(std::int64_t line, std::string detail) { list_.push_back({file_, line, std::move(detail)}); }
  bool empty() const { return list_.empty(); }
  /// In the order of the file.
  std::vector<SettingsMistake> take();

 private:
  std::string file_;
  std::vector<SettingsMistake> list_;
};

}  // namespace tillsync::config
