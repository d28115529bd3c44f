#!/usr/bin/env bash
# Installs what tillsync is built, tested and checked with, from Debian's own packages. The one list of dependencies.
#
#   bash packaging/install_dependencies.sh build|test|lint|bench|package|tarball|windows ...     (all but build include what they stand on)
#
# Safe to repeat: packages that are there are left alone, and where none is missing no network is used.
set -euo pipefail

# What the compiler and the linker need.
build_packages=(
  build-essential cmake ninja-build ccache pkg-config
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev # Asio, Beast, JSON, URL
  libcurl4-openssl-dev libssl-dev                             # HTTP client; SHA-256
  libsqlite3-dev libcereal-dev                                # the journal and its records
  libspdlog-dev libfmt-dev prometheus-cpp-dev                 # logging, text, metrics
  libtomlplusplus-dev libcli11-dev                            # settings, command line
  libpugixml-dev                                              # POSLog XML
  libjq-dev                                                   # mappings in the language that operators know: jq
  tzdata                                                      # business days in the store's time zone
  doctest-dev librapidcheck-dev python3                       # the build is configured with its tests
  ca-certificates
)
# What the tests and the quickstart call.
test_packages=(
  curl jq sqlite3 xz-utils openssl faketime iproute2 nftables
  tryton-server tryton-proteus tryton-modules-sale python3-phonenumbers python3-psycopg2 postgresql-15 postgresql-client-15 # a real ERP
  openssh-server python3-pyftpdlib python3-openssl # servers that take files: SFTP, FTPS
  chromium fonts-dejavu-core # shows the reports' pages, and reads events
  prometheus python3-yaml # promtool: the alert rules and their tests
)
# The mock server's npm packages need node, from wherever it comes: another node than Debian's has its own npm, which Debian's would displace.
command -v node >/dev/null && command -v npm >/dev/null || test_packages+=(nodejs npm)
# What the checks call.
lint_packages=(clang-format clang-tidy git clang-14 libclang-rt-14-dev llvm-14) # the last three fuzz, and name what is found
# What the bench suite measures beside tillsync, and with. PostgreSQL's package brings pgbench.
bench_packages=(wrk redis-server rabbitmq-server nats-server postgresql-15 postgresql-client-15 strace binutils xz-utils)
# What makes the Debian package and tries it: a system of its own, started with its own systemd.
package_packages=(debhelper dpkg-dev lintian systemd mmdebstrap systemd-container curl jq sqlite3 xz-utils)
# What the tarball is made with (packaging/tarball), and the systems it is tried in.
tarball_packages=(libssh2-1-dev libnghttp2-dev zlib1g-dev autoconf automake libtool binutils git xz-utils dpkg-dev mmdebstrap systemd-container jq curl openssl)
# What the cross-build for Windows and its tests under wine call.
windows_packages=(
  g++-mingw-w64-x86-64-posix mingw-w64-tools libz-mingw-w64-dev wine wine64
  wixl msitools # the installer
  dpkg-dev autoconf automake libtool tcl patch curl jq # libraries from their source packages
)

fail() {
  echo "install_dependencies: $*" >&2
  exit 1
}

wanted=()
for group in "$@"; do
  case "$group" in
    build) wanted+=("${build_packages[@]}") ;;
    test) wanted+=("${build_packages[@]}" "${test_packages[@]}") ;;
    lint) wanted+=("${build_packages[@]}" "${test_packages[@]}" "${lint_packages[@]}") ;;
    tarball) wanted+=("${build_packages[@]}" "${tarball_packages[@]}") ;;
    bench) wanted+=("${build_packages[@]}" "${bench_packages[@]}") ;;
    package) wanted+=("${build_packages[@]}" "${package_packages[@]}") ;;
    windows) wanted+=("${build_packages[@]}" "${windows_packages[@]}") ;;
    *) fail "there is no group \"$group\"; the groups are build, test, lint, bench, package, tarball and windows" ;;
  esac
done
[ ${#wanted[@]} -gt 0 ] || fail "name a group: build, test, lint, bench, package, tarball or windows"

distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || distribution=
release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_ID:-}") || release=
if [ "$distribution" != debian ] || [ "${release%%.*}" != 12 ]; then
  fail "this installs packages of Debian 12 (bookworm); here is \"${distribution:-an unknown system} $release\"." \
    "Install the like of these by hand, then build with cmake: ${wanted[*]}"
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  if [ "$status" != installed ] && [[ " ${missing[*]:-} " != *" $package "* ]]; then missing+=("$package"); fi
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "Every package that is needed is installed already."
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "needs root to install ${missing[*]}: run it as root, or install sudo"
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages with apt: ${missing[*]}"
log=$(mktemp)
# The tests and the suite start the servers that they need: while their packages are installed, their own services stay down.
policy=/usr/sbin/policy-rc.d
services_held=no
leave() {
  rm -f "$log"
  if [ "$services_held" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi
}
trap leave EXIT
if [ ! -e "$policy" ]; then
  services_held=yes
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 || {
    tail -n 25 "$log" >&2
    fail "apt-get $1 failed; what it said stands above"
  }
}
apt update -q
apt install -q -y --no-install-recommends "${missing[@]}"
echo "Installed."
