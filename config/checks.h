// What the text of a setting must look like. Each check returns "" where it is well, else what is wrong and
// the cure, worded to follow the key's name.
#pragma once

#include <string>
#include <string_view>

namespace tillsync::config {

using TextCheck = std::string (*)(std::string_view value);

std::string check_store_id(std::string_view value);
std::string check_currency(std::string_view value);
std::string check_time_zone(std::string_view value);
std::string check_not_empty(std::string_view value);
std::string check_log_format(std::string_view value);
std::string check_log_level(std::string_view value);
/// What becomes of a conflict, by its kind (ConflictSettings).
std::string check_return_policy(std::string_view value);
std::string check_watch_policy(std::string_view value);
std::string check_count_policy(std::string_view value);
std::string check_customer_policy(std::string_view value);
std::string check_auth_kind(std::string_view value);
std::string check_algorithm(std::string_view value);
/// poslog, ndjson.
std::string check_intake_format(std::string_view value);
/// A terminal as documents name it (CONTRACT section 1), or "".
std::string check_terminal_or_none(std::string_view value);
std::string check_header_name(std::string_view value);
std::string check_url(std::string_view value);
/// A target's address: http(s), or a place for files (file, sftp, ftps).
std::string check_base_url(std::string_view value);
std::string check_file_format(std::string_view value);
std::string check_file_tls(std::string_view value);
/// "SHA256:" and 43 characters of base64, as `ssh-keygen -l` shows a key.
std::string check_host_key(std::string_view value);
/// "file:PATH", "env:NAME", "systemd-credential:NAME" or "". Never repeats the value: it may be the secret
/// itself.
std::string check_secret(std::string_view value);
/// "host:port". Whether an address beyond this machine is guarded is listeners.cpp's to check.
std::string check_listen_address(std::string_view value);
/// The same, or "" for none.
std::string check_listen_address_or_none(std::string_view value);

/// The host of an address that check_listen_address() found right, without brackets.
std::string listen_host(std::string_view address);

/// Longest path of a Unix socket in bytes: sun_path holds 108 with its ending zero (unix(7)).
inline constexpr std::size_t kSocketPathBytesMax = 107;

/// Names of targets and steps: 1 to 32 of a-z 0-9 _ -.
bool is_name(std::string_view text);

/// An http or https URL taken apart. `fault` is "" where it is well.
struct Url {
  std::string fault;
  bool encrypted = false;
  std::string host;  ///< without brackets
};
Url parse_url(std::string_view text);

/// Where files go, taken apart. `fault` is "" where it is well.
struct FilePlace {
  std::string fault;
  std::string scheme;  ///< "file", "sftp", "ftps"; "" where the text begins with none of them
  std::string host;    ///< "" for file
};
FilePlace parse_file_place(std::string_view text);

/// 127.0.0.0/8, ::1 or localhost.
bool is_loopback(std::string_view host);

}  // namespace tillsync::config
