// A handle and its end, and what every call of the system needs: wide text, and words for its errors. For the
// files of this folder.
#pragma once

#include <windows.h>

#include <string>
#include <string_view>
#include <utility>

namespace tillsync {

/// Owns a handle. The system has two values for none; both are.
class Handle {
 public:
  Handle() = default;
  explicit Handle(HANDLE value) : value_(value == INVALID_HANDLE_VALUE ? nullptr : value) {}
  ~Handle() {
    if (value_ != nullptr) ::CloseHandle(value_);
  }
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) Handle(std::exchange(value_, other.release()));
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  explicit operator bool() const { return value_ != nullptr; }
  HANDLE get() const { return value_; }
  HANDLE release() { return std::exchange(value_, nullptr); }

 private:
  HANDLE value_ = nullptr;
};

/// UTF-8 to the system's UTF-16 and back; what is no such text becomes U+FFFD.
std::wstring wide(std::string_view text);
std::string narrow(std::wstring_view text);

/// The system's words for an error of GetLastError(), in UTF-8, without its line end.
std::string words_for(DWORD error);

/// Whether it says that there is no room: on the disk, or within the user's share of it.
bool is_full(DWORD error);

/// "" where the variable is not set.
std::string environment(const wchar_t* name);

/// Where this program lies, absolute.
std::wstring own_path();

}  // namespace tillsync
