// Gathers every mistake of a settings file, so that a person mends all of them in one go.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "platform/log/printable.h"

namespace tillsync::config {

class Mistakes {
 public:
  static constexpr std::size_t kDetailBytesMax = 1024;

  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  /// `line` 0 where there is none. The detail may repeat what the file says: it is told as one line that
  /// steers no terminal, cut at kDetailBytesMax.
  void add(std::int64_t line, std::string_view detail) {
    list_.push_back({file_, line, printable(detail, kDetailBytesMax)});
  }
  bool empty() const { return list_.empty(); }
  /// In the order of the file.
  std::vector<SettingsMistake> take();

 private:
  std::string file_;
  std::vector<SettingsMistake> list_;
};

}  // namespace tillsync::config
