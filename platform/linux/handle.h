// A file descriptor and its end. For the files of this folder.
#pragma once

#include <unistd.h>

#include <utility>

namespace tillsync {

/// Owns a file descriptor.
class Handle {
 public:
  explicit Handle(int value) : value_(value) {}
  ~Handle() {
    if (value_ >= 0) ::close(value_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

}  // namespace tillsync
