#!/usr/bin/env bash
# Builds tillsync.exe for Windows (64-bit, 10 and Server 2016 or later) on Debian 12: one static program that needs
# system libraries alone, into build/windows/agent.
#
#   bash packaging/windows/build.sh              the program
#   bash packaging/windows/build.sh TARGET...    other targets of the build, e.g. unit_platform
#
# Installs what it needs (apt), builds the libraries once (build/windows-deps), then the tree. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(tillsync)
case "${targets[0]}" in
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" && exit 0 ;;
  -*) echo "build.sh: there is no option \"${targets[0]}\"; name targets of the build" >&2 && exit 2 ;;
esac

bash packaging/install_dependencies.sh windows
mkdir -p build
echo "The libraries, for Windows (the first time takes some minutes):"
bash packaging/windows/dependencies.sh
cmake --preset windows >build/windows-configure.log 2>&1 || {
  tail -n 30 build/windows-configure.log >&2
  echo "build.sh: cmake cannot configure; what it said stands above" >&2
  exit 1
}
cmake --build --preset windows -j "$(nproc)" --target "${targets[@]}"
if [[ " ${targets[*]} " == *" tillsync "* ]]; then
  exe=build/windows/agent/tillsync.exe
  # What is not a system library would be missing on the store's machine.
  foreign=$(x86_64-w64-mingw32-objdump -p "$exe" | sed -n 's/^\s*DLL Name: //p' |
    grep -viE '^(kernel32|advapi32|bcrypt|crypt32|gdi32|msvcrt|mswsock|normaliz|ole32|psapi|shell32|user32|userenv|ws2_32)\.dll$' || true)
  [ -z "$foreign" ] || { echo "build.sh: $exe needs libraries that Windows does not have: $foreign" >&2 && exit 1; }
  echo "Built $exe"
fi
