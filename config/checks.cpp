#include "config/checks.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "platform/base/time.h"

namespace tillsync::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
  return is_lower(c) || is_upper(c);
}

std::optional<unsigned> number_to(std::string_view text, unsigned highest) {
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value > highest) return std::nullopt;
  return value;
}

struct HostPort {
  std::string host;
  std::string_view port;
};

// "host:port" or "[v6]:port". A bare IPv6 address is not taken: its last group would pass for a port.
std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort parts;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 >= text.size() || text[close + 1] != ':')
      return std::nullopt;
    parts.host = std::string(text.substr(1, close - 1));
    parts.port = text.substr(close + 2);
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
      return std::nullopt;
    parts.host = std::string(text.substr(0, colon));
    parts.port = text.substr(colon + 1);
  }
  if (parts.host.empty() || parts.port.empty()) return std::nullopt;
  return parts;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

template <std::size_t N>
std::string one_of(std::string_view value, const std::array<std::string_view, N>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  std::string text = "must be one of ";
  for (std::size_t i = 0; i < N; ++i) text += (i == 0 ? "\"" : ", \"") + std::string(allowed[i]) + "\"";
  return text + ", not \"" + std::string(value) + "\"";
}

/// As systemd takes the names of credentials: a file's name, printable.
bool is_credential_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != ':'; });
}

}  // namespace

std::string check_store_id(std::string_view value) {
  const bool good =
      !value.empty() && value.size() <= 32 && std::all_of(value.begin(), value.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
      });
  return good ? ""
              : "must be 1 to 32 of the letters A-Z a-z 0-9 . _ -; write the store's number, e.g. \"0417\"";
}

std::string check_currency(std::string_view value) {
  const bool good = value.size() == 3 && std::all_of(value.begin(), value.end(), is_upper);
  return good ? "" : "must be an ISO 4217 code of three capital letters, e.g. \"GBP\"";
}

std::string check_time_zone(std::string_view value) {
  const auto zone = TimeZone::find(value);
  return zone ? ""
              : "is no time zone of this machine (" + zone.error().detail + "); write e.g. \"Europe/London\"";
}

std::string check_not_empty(std::string_view value) {
  return value.empty() ? "must not be empty" : "";
}

std::string check_log_format(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"text", "json"});
}

std::string check_log_level(std::string_view value) {
  return one_of(value, std::array<std::string_view, 4>{"debug", "info", "warning", "error"});
}

std::string check_return_policy(std::string_view value) {
  return one_of(value, std::array<std::string_view, 4>{"off", "flag", "hold", "reject"});
}

std::string check_watch_policy(std::string_view value) {
  return one_of(value, std::array<std::string_view, 3>{"off", "flag", "ask"});
}

std::string check_count_policy(std::string_view value) {
  return one_of(value, std::array<std::string_view, 5>{"off", "store", "central", "rebase", "ask"});
}

std::string check_customer_policy(std::string_view value) {
  return one_of(value, std::array<std::string_view, 5>{"off", "store", "central", "newest", "ask"});
}

std::string check_intake_format(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"poslog", "ndjson"});
}

std::string check_terminal_or_none(std::string_view value) {
  const bool good = value.size() <= 32 && std::all_of(value.begin(), value.end(), [](char c) {
                      return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == ':' || c == '-';
                    });
  return good ? "" : "must be at most 32 of the letters A-Z a-z 0-9 . _ : -, or \"\" for none";
}

std::string check_auth_kind(std::string_view value) {
  return one_of(value, std::array<std::string_view, 7>{"bearer", "basic", "api_key", "oauth2", "oauth2_jwt",
                                                       "session", "ssh_key"});
}

std::string check_algorithm(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"RS256", "PS256"});
}

std::string check_header_name(std::string_view value) {
  // RFC 9110 section 5.6.2, `token`.
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const bool good =
      !value.empty() && value.size() <= 64 && std::all_of(value.begin(), value.end(), [](char c) {
        return is_letter(c) || is_digit(c) || kMarks.find(c) != std::string_view::npos;
      });
  return good ? "" : "must be the name of an HTTP header, e.g. \"X-API-Key\"";
}

std::string check_url(std::string_view value) {
  return parse_url(value).fault;
}

std::string check_base_url(std::string_view value) {
  const FilePlace place = parse_file_place(value);
  return place.scheme.empty() ? parse_url(value).fault : place.fault;
}

std::string check_file_format(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"csv", "poslog"});
}

std::string check_file_tls(std::string_view value) {
  return one_of(value, std::array<std::string_view, 2>{"explicit", "implicit"});
}

std::string check_host_key(std::string_view value) {
  constexpr std::size_t kDigestCharacters = 43;  // 32 bytes as base64 without padding
  const bool good = value.substr(0, 7) == "SHA256:" && value.size() == 7 + kDigestCharacters &&
                    std::all_of(value.begin() + 7, value.end(),
                                [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '/'; });
  return good || value.empty() ? ""
                               : "must be a key's fingerprint as `ssh-keygen -lf KEY.pub` shows it: "
                                 "\"SHA256:\" and 43 characters";
}

std::string check_secret(std::string_view value) {
  if (value.empty()) return {};
  constexpr std::string_view kCredential = "systemd-credential:";
  const bool file = value.substr(0, 5) == "file:";
  const bool environment = value.substr(0, 4) == "env:";
  const bool credential = value.starts_with(kCredential);
  const bool sealed = value.starts_with("dpapi:");
  if (!file && !environment && !credential && !sealed) {
    return "must name where the secret is kept, not hold it; put the secret into a file that only tillsync "
           "may read "
           "and write \"file:/etc/tillsync/NAME\", or \"env:NAME\", or \"systemd-credential:NAME\", or \"\" "
           "for "
           "none";
  }
  if (credential && !is_credential_name(value.substr(kCredential.size()))) {
    return "names no credential; write \"systemd-credential:NAME\", NAME as in the unit's LoadCredential= "
           "(no / "
           "and no :)";
  }
  if (credential) return {};
  if (sealed) return value.size() > 6 ? "" : "names no file; write \"dpapi:NAME\"";
  if (file) return value.size() > 5 ? "" : "names no file; write \"file:/etc/tillsync/NAME\"";
  const std::string_view name = value.substr(4);
  const bool good =
      !name.empty() && !is_digit(name.front()) &&
      std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  return good ? "" : "names no environment variable; write \"env:NAME\" (letters, digits and _)";
}

std::string check_listen_address(std::string_view value) {
  const auto parts = split_host_port(value);
  if (!parts || !is_host(parts->host)) return "must be \"host:port\", e.g. \"127.0.0.1:7411\"";
  if (!number_to(parts->port, 65535))
    return "must have a port of 0 to 65535 behind the colon, e.g. \"127.0.0.1:7411\"";
  return {};
}

std::string listen_host(std::string_view address) {
  const auto parts = split_host_port(address);
  return parts ? std::string(parts->host) : std::string();
}

std::string check_listen_address_or_none(std::string_view value) {
  return value.empty() ? std::string() : check_listen_address(value);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-';
  });
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  if (host.substr(0, 4) != "127.") return false;
  // All four parts are looked at: "127.example.com" is somebody else's.
  int parts = 0;
  std::size_t begin = 0;
  while (begin <= host.size()) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    if (end - begin > 3 || !number_to(host.substr(begin, end - begin), 255)) return false;
    ++parts;
    begin = end + 1;
  }
  return parts == 4;
}

Url parse_url(std::string_view text) {
  Url url;
  const auto wrong = [&url](std::string fault) {
    url.fault = std::move(fault);
    return url;
  };
  constexpr std::size_t kUrlBytesMax = 2048;
  std::string_view rest = text;
  if (rest.substr(0, 8) == "https://") {
    url.encrypted = true;
    rest.remove_prefix(8);
  } else if (rest.substr(0, 7) == "http://") {
    rest.remove_prefix(7);
  } else {
    return wrong(
        "must be a URL that starts with https:// (or http://), e.g. \"https://erp.example.com/tillsync\"");
  }
  if (text.size() > kUrlBytesMax) return wrong("must be at most 2048 bytes long");
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c <= ' ' || c == '\x7f'; })) {
    return wrong("must not hold blanks or control characters");
  }
  if (rest.find_first_of("?#") != std::string_view::npos)
    return wrong("must not hold a query (?) or fragment (#)");
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.find('@') != std::string_view::npos) {
    return wrong(
        "must not hold a user or password before the host; use the target's [targets.NAME.auth] table");
  }
  std::string with_port(authority);
  const bool bracketed = !authority.empty() && authority.front() == '[';
  const bool has_port = bracketed ? authority.find("]:") != std::string_view::npos
                                  : authority.find(':') != std::string_view::npos;
  if (!has_port) with_port += ":443";
  const auto parts = split_host_port(with_port);
  if (!parts || !is_host(parts->host))
    return wrong("has no host that can be read; write e.g. \"https://erp.example.com\"");
  const auto port = number_to(parts->port, 65535);
  if (!port || *port == 0) return wrong("has a port that is no number from 1 to 65535");
  url.host = parts->host;
  return url;
}

FilePlace parse_file_place(std::string_view text) {
  FilePlace place;
  for (const std::string_view scheme : {"file", "sftp", "ftps"}) {
    const std::string start = std::string(scheme) + "://";
    if (text.substr(0, start.size()) != start) continue;
    place.scheme = scheme;
    text.remove_prefix(start.size());
  }
  const auto wrong = [&place](std::string fault) {
    place.fault = std::move(fault);
    return place;
  };
  if (place.scheme.empty()) return wrong("must start with file://, sftp:// or ftps://");
  constexpr std::size_t kPathBytesMax = 1024;
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view authority = text.substr(0, slash), path = text.substr(slash);
  // What a path may hold is what needs no quoting, neither in a URL nor in a server's commands.
  static constexpr std::string_view kMarks = "/._-~+,=";
  if (path.size() > kPathBytesMax || !std::all_of(path.begin(), path.end(), [](char c) {
        return is_letter(c) || is_digit(c) || kMarks.find(c) != std::string_view::npos;
      })) {
    return wrong("must have a path of at most 1024 of the characters A-Z a-z 0-9 / . _ - ~ + , =");
  }
  if (("/" + std::string(path) + "/").find("/../") != std::string::npos)
    return wrong("must not lead upwards with ..");
  if (place.scheme == "file") {
    if (!authority.empty() || path.size() < 2)
      return wrong(
          "must name a folder of this machine by its whole path, e.g. \"file:///var/spool/central/in\"");
    return place;
  }
  if (authority.find('@') != std::string_view::npos)
    return wrong(
        "must not hold a user or password before the host; use the target's [targets.NAME.auth] table");
  const Url url = parse_url("https://" + std::string(authority));
  if (!url.fault.empty()) return wrong(url.fault);
  place.host = url.host;
  return place;
}

}  // namespace tillsync::config
