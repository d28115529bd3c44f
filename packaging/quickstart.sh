#!/usr/bin/env bash
# Shows tillsync at work, on a fresh Debian 12 machine or any later time: installs what the build needs (apt), builds,
# then trades a day in a store of 8 tills whose network dies and comes back, and proves that central has every document.
#
#   bash packaging/quickstart.sh           builds, shows, and stops all that it started
#   bash packaging/quickstart.sh --keep    leaves the daemon and the stand-in central running, to look around
#
# Everything stays on this machine and in build/: loopback addresses, a stand-in central of its own. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

keep=no
for argument in "$@"; do
  case "$argument" in
    --keep) keep=yes ;;
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" | sed '/^set /,$d' && exit 0 ;;
    *) echo "quickstart: there is no option \"$argument\"; --keep is the only one" >&2 && exit 2 ;;
  esac
done

documents=5000
tills=8
day=$(date +%F)
jobs=$(nproc)
preset=${QUICKSTART_PRESET:-release} # the checks show the build they have already
bin=$PWD/build/$preset
tillsync=$bin/agent/tillsync
central=$bin/tests/central/central
trading_day=$bin/tests/demo/trading_day
work=$PWD/build/quickstart
settings=$work/tillsync.toml
daemon_pid=
central_pid=
socket_folder=

heading() { printf '\n== %s\n\n' "$*"; }
say() { printf '%s\n' "$*"; }
fail() {
  printf 'quickstart: %s\n' "$*" >&2
  for log in daemon central; do
    if [ -s "$work/$log.log" ]; then printf -- '--- the end of %s\n' "$work/$log.log" >&2 && grep -v delivery.failed "$work/$log.log" | tail -n 15 >&2; fi
  done
  exit 1
}

# Only what this script started, by process id.
stop() {
  local pid=$1
  [ -n "$pid" ] && kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
# With --keep a whole show leaves both running; one that broke off never does.
finished=no
leave() {
  if [ "$keep" = no ] || [ "$finished" = no ]; then
    stop "$daemon_pid"
    stop "$central_pid"
    if [ -n "$socket_folder" ]; then rm -rf "$socket_folder"; fi
  fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Below the range from which the system takes ports for connections, so that nothing takes it while central is down.
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  return 1
}

start_central() { # PORT; false where it does not start
  rm -f "$work/central.port"
  "$central" --listen "127.0.0.1:$1" --ledger "$work/central.db" --port-file "$work/central.port" >>"$work/central.log" 2>&1 &
  central_pid=$!
  for _ in $(seq 200); do
    [ -s "$work/central.port" ] && return 0
    kill -0 "$central_pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

write_settings() {
  cat >"$settings" <<END
[store]
id = "0417"
time_zone = "Europe/London"
currency = "GBP"

[journal]
path = "journal"

[till]
unix_socket = "$socket"
tcp = ""

[ops]
tcp = "127.0.0.1:$ops_port"

[log]
file = "daemon.log"

# Both targets are the stand-in central. A store would wait longer between attempts than this one.
[targets.erp]
base_url = "http://127.0.0.1:$central_port/erp"
backoff_min_s = 0.2
backoff_max_s = 2

[targets.crm]
base_url = "http://127.0.0.1:$central_port/crm"
backoff_min_s = 0.2
backoff_max_s = 2

[routes]
sale = ["erp", "crm"]
return = ["erp", "crm"]
stock_adjustment = ["erp"]
stock_count = ["erp"]
stock_transfer = ["erp"]
customer_update = ["crm"]
till_close = ["erp"]
END
}

start_daemon() { # false where it does not start
  "$tillsync" run --config "$settings" >>"$work/daemon.log" 2>&1 &
  daemon_pid=$!
  for _ in $(seq 200); do
    "$tillsync" status --config "$settings" >/dev/null 2>&1 && return 0
    kill -0 "$daemon_pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

show() { # COMMAND...: tells what a person would type, then runs it
  say "\$ tillsync $*"
  "$tillsync" "$@" --config "$settings"
}

heading "1 of 7  What is needed"
bash packaging/install_dependencies.sh build test

heading "2 of 7  Building (the first time takes some minutes)"
started=$SECONDS
mkdir -p build
if ! cmake --preset "$preset" >build/quickstart-configure.log 2>&1; then
  tail -n 20 build/quickstart-configure.log >&2
  fail "cmake cannot configure; what it said stands above"
fi
cmake --build --preset "$preset" --target tillsync central trading_day -j "$jobs"
say "Built in $((SECONDS - started)) s."

heading "3 of 7  A store opens: the daemon runs, head office (a stand-in) is healthy"
rm -rf "$work"
mkdir -p "$work/day" "$work/start"
socket=$work/till.sock
if [ ${#socket} -gt 100 ]; then # the system's limit for a socket's path is 107 bytes
  socket_folder=$(mktemp -d)
  socket=$socket_folder/till.sock
fi
"$trading_day" --documents "$documents" --tills "$tills" --seed 1 --day "$day" --out "$work/day"

for attempt in 1 2 3; do
  central_port=$(free_port) || fail "no free port was found on 127.0.0.1"
  start_central "$central_port" && break
  stop "$central_pid"
  [ "$attempt" -lt 3 ] || fail "the stand-in central does not start"
done
for attempt in 1 2 3; do
  ops_port=$(free_port) || fail "no free port was found on 127.0.0.1"
  write_settings
  start_daemon && break
  stop "$daemon_pid"
  [ "$attempt" -lt 3 ] || fail "the daemon does not start"
done
say "The daemon has process id $daemon_pid, central $central_pid. Settings: build/quickstart/tillsync.toml"
say "The first 25 documents of each of the $tills tills are posted, and reach ERP and CRM at once:"
say ""
for till in $(seq "$tills"); do head -n 25 "$work/day/T$till.ndjson"; done >"$work/start/morning.ndjson"
show post "$work/start/morning.ndjson" || fail "the tills' documents were not all taken"
"$tillsync" drain --timeout 60 --config "$settings" 2>/dev/null || fail "central did not get the first documents"
say ""
show status

heading "4 of 7  The network dies (central is killed with SIGKILL). $tills tills trade on, all at once"
kill -9 "$central_pid"
wait "$central_pid" 2>/dev/null || true
central_pid=
posted_at=$(date +%s%N)
posters=()
for till in $(seq "$tills"); do
  "$tillsync" post "$work/day/T$till.ndjson" --config "$settings" >"$work/post-T$till.out" 2>"$work/post-T$till.err" &
  posters+=($!)
done
for till in $(seq "$tills"); do
  wait "${posters[$((till - 1))]}" || { cat "$work/post-T$till.err" >&2 && fail "till $till could not post its documents"; }
  say "till T$till: $(tail -n 1 "$work/post-T$till.out")"
done
took_ms=$((($(date +%s%N) - posted_at) / 1000000))
say ""
say "Each till posted its whole day, the morning once more: what was there already was recognised, not doubled."
say "$documents documents were written to disk and answered in $took_ms ms, without central."
say ""
for _ in $(seq 100); do # until the daemon has found out about both targets
  states=$("$tillsync" status --json --config "$settings" | jq -r '[.targets[].state] | unique | join(" ")')
  [[ " $states " != *" up "* ]] && break
  sleep 0.1
done
show status

heading "5 of 7  The network is back: the backlog drains"
start_central "$central_port" || fail "the stand-in central does not start again on port $central_port"
replay_at=$(date +%s%N)
say "\$ tillsync watch --until-drained"
timeout 300 "$tillsync" watch --until-drained --config "$settings" || fail "the backlog did not drain"
say "Nothing is owed any more, $((($(date +%s%N) - replay_at) / 1000000)) ms after central came back."

heading "6 of 7  The proof: central's own list against the store's journal"
show report reconciliation --day "$day" || fail "the report does not balance"
say ""
for target in erp crm; do
  say "What $target counts itself: $(curl -sS --max-time 10 "http://127.0.0.1:$central_port/control/$target/ledger" |
    jq -r '"\(.documents) documents, \(.effects) effects, \(.doubles | length) doubled"')"
done
say ""
show journal verify || fail "the journal's chain does not hold"

heading "7 of 7  The story of one document, from the till to central"
one=$(sed -n 26,400p "$work/day/T1.ndjson" | grep '"type":"return"' | tail -n 1) || fail "the day has no return"
show explain "$(jq -r .id <<<"$one")"

finished=yes
heading "To look around"
if [ "$keep" = yes ]; then
  say "Both still run: the daemon with process id $daemon_pid, central with $central_pid."
  say "When you are done:  kill $daemon_pid $central_pid"
else
  say "Both are stopped now. To have them left running:  bash packaging/quickstart.sh --keep"
fi
say ""
say "  export TILLSYNC_CONFIG=$settings"
if [ "$keep" = no ]; then
  say "  $tillsync run                                # the daemon again; Ctrl-C stops it"
fi
say "  $tillsync --help"
say "  $tillsync explain \$(jq -r .id $work/day/T2.ndjson | sed -n 7p)     # needs no daemon"
say "  $tillsync journal export | head -n 3 | jq .                        # needs no daemon"
say "  $tillsync status"
say "  $tillsync report reconciliation --day $day --format html > $work/report.html"
say "  curl -s http://127.0.0.1:$ops_port/metrics | grep ^tillsync"
say "  less $work/daemon.log"
