#!/usr/bin/env bash
# The bench suite: installs what it needs, builds the preset `bench`, runs the cases and prints one table (README.md).
#
#   bash tests/bench/run.sh                      every case, 5 rounds: some 30 minutes on an otherwise idle machine
#   bash tests/bench/run.sh durable replay       only these; --help lists them
#   bash tests/bench/run.sh --quick              everything once and small, figures not judged: shows that all of it runs
#   bash tests/bench/run.sh --write              writes the table and the plots into tests/bench as well
#
# All servers are children of the suite, on the loopback, with their data in build/bench/bench-work.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

bash packaging/install_dependencies.sh bench >&2
if [ "${TILLSYNC_BENCH_BUILT:-}" != yes ]; then # a measurement is no time to build
  mkdir -p build/bench
  cmake --preset bench >build/bench/configure.log 2>&1 || {
    tail -n 30 build/bench/configure.log >&2
    echo "tests/bench/run.sh: cmake cannot configure; what it said stands above" >&2
    exit 1
  }
  cmake --build --preset bench -j "$(nproc)" >&2
fi
exec env PYTHONPATH=tests/bench PYTHONDONTWRITEBYTECODE=1 python3 -B tests/bench/suite/main.py "$@"
