#!/usr/bin/env bash
# Builds tillsync for Windows and tests it under wine: the units of every layer, then a day with an outage in which the
# daemon is killed. Called by tests/run.sh --windows. Installs what it needs; loopback and build/ alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

units=(unit_platform unit_config unit_outbox unit_reconcile unit_agent)
bash packaging/windows/build.sh tillsync "${units[@]}"

# Central, and what makes a day's documents, are programs of this machine: wine shares its loopback.
bash packaging/install_dependencies.sh build
cmake --preset dev >build/dev-configure.log 2>&1 || { tail -n 30 build/dev-configure.log >&2 && exit 1; }
cmake --build --preset dev -j "$(nproc)" --target tillsync central trading_day

python3 -B tests/windows/units_test.py --folder build/windows/wine/units $(printf "build/windows/tests/%s.exe " "${units[@]}")
python3 -B tests/windows/outage_test.py --tillsync build/windows/agent/tillsync.exe --linux build/dev/agent/tillsync \
  --central build/dev/tests/central/central --trading-day build/dev/tests/demo/trading_day --folder build/windows/wine/outage
echo "tests/run.sh --windows: all passed, after $SECONDS s"
