#!/usr/bin/env bash
# Installs what the tests need (apt, Debian 12), builds everything with warnings as errors, and passes all tests.
#
#   bash tests/run.sh                what a developer and the checks run
#   bash tests/run.sh -R unit_       only tests whose name matches; any option of ctest is passed on
#   bash tests/run.sh --windows      builds for Windows instead, and tests that under wine (packaging/windows/DESIGN.md)
#
# Safe to repeat: what is installed and built already is left alone. The tests use this machine's loopback alone, on free
# ports, and stop what they start.
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

[ "${1:-}" != --windows ] || exec bash tests/windows/run.sh

started=$SECONDS
phase() { printf '\n== %s\n' "$*"; }
took() { printf '   (%s: %d s)\n' "$1" $((SECONDS - phase_started)); }

phase_started=$SECONDS
phase "What the tests need"
bash packaging/install_dependencies.sh build test
took installing

phase_started=$SECONDS
phase "Building: preset dev, $(nproc) at a time"
mkdir -p build
cmake --preset dev >build/dev-configure.log 2>&1 || {
  tail -n 30 build/dev-configure.log >&2
  echo "tests/run.sh: cmake cannot configure; what it said stands above" >&2
  exit 1
}
cmake --build --preset dev -j "$(nproc)"
took building

phase_started=$SECONDS
phase "Testing"
result=0
ctest --test-dir build/dev --output-on-failure --no-tests=error -j "$(nproc)" "$@" || result=$?
took testing
if [ "$result" -ne 0 ]; then
  printf '\ntests/run.sh: tests FAILED (see above; all output: build/dev/Testing/Temporary/LastTest.log)\n' >&2
  exit 1
fi
printf '\ntests/run.sh: all tests passed, after %d s in all\n' $((SECONDS - started))
