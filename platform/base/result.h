// Errors as values: what a caller is expected to handle comes back in a Result, never as an exception.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace tillsync {

/// What a caller can do about a failure; the finer meaning is in Error::code.
enum class ErrorKind {
  kInvalid,      ///< the input is wrong; asking again with the same input gives the same answer
  kNotFound,     ///< there is no such thing
  kStorage,      ///< disk or SQLite failed; nothing was stored by the failed call
  kCorrupt,      ///< stored bytes are not what was written
  kUnavailable,  ///< the other side cannot be reached or will not serve now; asking again later may work
  kTimeout,      ///< the time allowed is up
  kInternal,     ///< a defect of this program
};

/// A failure: a stable `code` for machines (kebab-case), a `detail` for people that says what, where and the
/// cure.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;
  std::string detail;
};

/// Thrown only by Result::value() on a failed result, that is, by a defect of the caller.
class BadResultAccess : public std::logic_error {
 public:
  explicit BadResultAccess(const Error& error) : std::logic_error(error.code + ": " + error.detail) {}
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw BadResultAccess(error);
}

/// A T or an Error. boost::system::result, made [[nodiscard]]: a forgotten failure is a compile error.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using Base = boost::system::result<T, Error>;
  using Base::Base;
};

/// The value of a call that has nothing to return but may fail. `return ok();`
inline Result<void> ok() {
  return Result<void>(boost::system::in_place_value);
}

}  // namespace tillsync
