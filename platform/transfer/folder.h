// A folder that others take files out of: on this machine, on a mounted share, or on a server. A file appears
// in it whole or not at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace tillsync::transfer {

/// Blocking; one thread at a time.
class Folder {
 public:
  virtual ~Folder() = default;

  /// Writes the bytes under temporary_name(name), and gives them their name once they are whole; what stood
  /// under either name is replaced. Done again, it has the same end.
  ///
  /// kUnavailable: the codes of the folder's own header. Where may_be_there(code) is false, `name` is as it
  /// was.
  virtual Result<void> put(const std::string& name, std::string_view bytes) = 0;
  /// The file's content; nothing where there is no such file. A longer one than `bytes_max` is kInvalid
  /// `too-large`; else kUnavailable.
  virtual Result<std::optional<std::string>> get(const std::string& name, std::size_t bytes_max) = 0;
  /// Whether the folder can be used now; kUnavailable as above where it cannot.
  virtual Result<void> reach() = 0;
  /// For messages: without credentials.
  virtual std::string place() const = 0;
};

/// Hidden from whoever looks for whole files: ".NAME.part".
std::string temporary_name(const std::string& name);

/// Whether a put() that failed with this code may have given the file its name all the same.
bool may_be_there(std::string_view code);

}  // namespace tillsync::transfer
