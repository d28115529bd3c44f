#!/usr/bin/env bash
# Makes the journal of an older version, for the tests of what newer ones do with it. That version's own programs write it:
# they are built from its commit, and trade half a day with a central that takes some, refuses some and then goes away.
#
#   bash tests/upgrade/make_fixture.sh v0.1.0 [COMMIT]    COMMIT where there is no tag of that name
#
# Writes tests/upgrade/journal-VERSION/: fixture.tar.xz with
#   killed/          the journal's folder as kill -9 left it: much of it in the write-ahead log
#   stopped/         the same after a start and a clean stop
#   documents.ndjson every document as it was posted, in the order of the journal, with `sequence`, `status`, `deliveries`
#   central.ndjson   what central had by then, in its own order
# and expected.json: what is promised of it. Builds in build/upgrade; everything runs on loopback, on free ports.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ $# -ge 1 ] || { sed -n '2,/^set /p' "$0" | sed '$d;s/^# \{0,1\}//' && exit 2; }
version=$1
commit=${2:-$1}
source_folder=$PWD/build/upgrade/$version
work=$PWD/build/upgrade/work
out=$PWD/tests/upgrade/journal-$version
day=2026-11-20
daemon_pid=
central_pid=

fail() {
  echo "make_fixture: $*" >&2
  for log in daemon central; do tail -n 15 "$work/$log.log" >&2 || true; done
  exit 1
}

# Only what this script started, by process id.
leave() {
  for pid in $daemon_pid $central_pid; do kill -9 "$pid" 2>/dev/null || true; done
}
trap leave EXIT

if [ ! -d "$source_folder" ]; then
  mkdir -p build/upgrade
  git worktree add --detach "$source_folder" "$commit"
fi
(
  cd "$source_folder"
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake --preset dev >/dev/null
  cmake --build --preset dev -j "$(nproc)" --target tillsync central trading_day
)
bin=$source_folder/build/dev
rm -rf "$work"
mkdir -p "$work"
settings=$work/tillsync.toml

tillsync() { "$bin/agent/tillsync" "$@" --config "$settings"; }

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
central_port=$(free_port) till_port=$(free_port) ops_port=$(free_port)

wait_until() { # WHAT COMMAND...: polls for 30 s
  local what=$1
  shift
  for _ in $(seq 300); do
    "$@" && return 0
    sleep 0.1
  done
  fail "waited in vain until $what"
}

start_central() {
  rm -f "$work/central.port"
  "$bin/tests/central/central" --listen "127.0.0.1:$central_port" --ledger "$work/central.db" \
    --port-file "$work/central.port" >>"$work/central.log" 2>&1 &
  central_pid=$!
  wait_until "central listens" test -s "$work/central.port"
}
is_ready() { tillsync status >/dev/null 2>&1; }
start_daemon() {
  "$bin/agent/tillsync" run --config "$settings" >>"$work/daemon.log" 2>&1 &
  daemon_pid=$!
  wait_until "the daemon is ready" is_ready
}
central() { # TARGET WHAT [BODY]
  curl -sS --fail --max-time 10 ${3:+-d "$3"} "http://127.0.0.1:$central_port/control/$1/$2"
}
post_one() { # FILE [HEADER]: prints the answer's status
  curl -sS --max-time 10 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' ${2:+-H "$2"} \
    --data-binary "@$1" "http://127.0.0.1:$till_port/v1/documents"
}
view() { curl -sS --fail --max-time 10 "http://127.0.0.1:$till_port/v1/documents/$1"; }
state_of() { view "$1" | jq -r --arg t "$2" '.deliveries[] | select(.target == $t) | .state'; }
quarantined() { tillsync quarantine list --json | jq -r '.quarantine[].delivery'; }
has_quarantined() { [ "$(quarantined | wc -l)" -ge "$1" ]; }
# What could be delivered is: what is left is in quarantine, or waits behind it because order matters.
is_quiet() {
  local before
  before=$(tillsync status --json | jq .backlog)
  sleep 1.5
  [ "$(tillsync status --json | jq .backlog)" -eq "$before" ]
}

cat >"$settings" <<END
[store]
id = "0417"
time_zone = "Europe/London"
currency = "GBP"
[journal]
path = "journal"
[till]
unix_socket = ""
tcp = "127.0.0.1:$till_port"
[ops]
tcp = "127.0.0.1:$ops_port"
[targets.erp]
base_url = "http://127.0.0.1:$central_port/erp"
backoff_min_s = 0.05
backoff_max_s = 0.5
[targets.crm]
base_url = "http://127.0.0.1:$central_port/crm"
backoff_min_s = 0.05
backoff_max_s = 0.5
[routes]
sale = ["erp", "crm"]
return = ["erp", "crm"]
stock_adjustment = ["erp"]
stock_count = ["erp"]
stock_transfer = ["erp"]
customer_update = ["crm"]
till_close = ["erp"]
END

"$bin/tests/demo/trading_day" --documents 300 --tills 3 --seed 11 --day "$day" --out "$work/day" >/dev/null
start_central
start_daemon

echo "T1 trades while all is well: delivered."
tillsync post "$work/day/T1.ndjson" >/dev/null
tillsync drain --timeout 60

echo "The ERP refuses four documents of T2: one is amended, one discarded, two stay in quarantine."
mapfile -t poison < <(jq -r 'select(.type == "sale") | .id' "$work/day/T2.ndjson" | sed -n '3p;9p;15p;21p')
central erp faults "$(jq -nc '{poison: $ARGS.positional}' --args "${poison[@]}")" >/dev/null
tillsync post "$work/day/T2.ndjson" >/dev/null
wait_until "the refused documents are in quarantine" has_quarantined 4
wait_until "the rest is settled" is_quiet
central erp faults '{}' >/dev/null
first=$(tillsync quarantine list --json | jq -r --arg id "${poison[0]}" '.quarantine[] | select(.document == $id).delivery')
second=$(tillsync quarantine list --json | jq -r --arg id "${poison[1]}" '.quarantine[] | select(.document == $id).delivery')
jq -c --arg id "${poison[0]}" 'select(.id == $id) | .operator = "Bea"' "$work/day/T2.ndjson" >"$work/amended.json"
tillsync quarantine amend "$first" --document "$work/amended.json" --reason "operator corrected" --by ann >/dev/null
tillsync quarantine discard "$second" --reason "entered twice by hand" --by ann >/dev/null
is_amended() { [ "$(state_of "${poison[0]}" erp)" = delivered ]; }
wait_until "the amended one is delivered" is_amended
has_quarantined 2 || fail "two documents should be left in quarantine"

echo "An answer of the ERP is lost behind its commit: the outcome is unknown."
central erp faults '{"reply_lost_after_commit": 100, "faults_on_get": true}' >/dev/null
jq -c 'select(.type == "sale")' "$work/day/T3.ndjson" | sed -n 1p >"$work/unknown.json"
unknown=$(jq -r .id "$work/unknown.json")
[ "$(post_one "$work/unknown.json")" = 201 ] || fail "the document with the unknown outcome was not taken"
is_unknown() { [ "$(state_of "$unknown" erp)" = unknown ] && [ "$(state_of "$unknown" crm)" = delivered ]; }
wait_until "its outcome is unknown" is_unknown

echo "Central goes away with it. T3 trades on: everything is owed. The CRM is paused by a person."
kill -9 "$central_pid"
wait "$central_pid" 2>/dev/null || true
central_pid=
sqlite3 "$work/central.db" "SELECT json_object('target', target, 'reference', reference, 'step', step, 'sequence', sequence,
  'document', json(document)) FROM effect ORDER BY id" >"$work/central.ndjson"
curl -sS --fail --max-time 10 -o /dev/null -X POST -H 'Content-Type: application/json' \
  -d '{"reason": "stock-taking at head office", "by": "ann"}' "http://127.0.0.1:$ops_port/v1/targets/crm/pause"
jq -c 'select(.type == "sale")' "$work/day/T3.ndjson" | sed -n 2p >"$work/keyed.json"
[ "$(post_one "$work/keyed.json" 'Idempotency-Key: "order-4711"')" = 201 ] || fail "the document with a key was not taken"
tillsync post "$work/day/T3.ndjson" >/dev/null

jq -r .id "$work"/day/T*.ndjson | while read -r id; do
  view "$id" | jq -c '{id: .document.id, sequence, status, deliveries: [.deliveries[] | {target, step, state, central_reference}]}'
done | jq -sc 'sort_by(.sequence)[]' >"$work/views.ndjson"
jq -sc --slurpfile views "$work/views.ndjson" '(map({(.id): .}) | add) as $posted | $views[] | . + {document: $posted[.id]}' \
  "$work"/day/T*.ndjson >"$work/documents.ndjson"

echo "kill -9, then a start and a clean stop."
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || true
mkdir "$work/fixture"
cp -r "$work/journal" "$work/fixture/killed"
start_daemon
kill "$daemon_pid"
wait "$daemon_pid" || fail "the daemon did not stop well"
daemon_pid=
cp -r "$work/journal" "$work/fixture/stopped"
[ "$(stat -c %s "$work/fixture/killed/journal.db-wal")" -gt 100000 ] || fail "the write-ahead log should hold much"

head_of() { # FOLDER: read in a copy, since a reader may leave files behind
  rm -rf "$work/copy"
  cp -r "$work/fixture/$1" "$work/copy"
  tillsync journal verify --journal "$work/copy" --json | jq -c .head
}
cp "$work/documents.ndjson" "$work/central.ndjson" "$work/fixture/"
rm -f "$work"/fixture/*/*-shm # made anew by whoever opens it first
mkdir -p "$out"
tar -C "$work/fixture" --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-11-20 00:00Z' -cf - . | xz -9e >"$out/fixture.tar.xz"
jq -n --arg version "$version" --arg day "$day" --arg unknown "$unknown" --argjson killed "$(head_of killed)" \
  --argjson stopped "$(head_of stopped)" --argjson poison "$(jq -nc '$ARGS.positional' --args "${poison[@]}")" \
  --arg keyed "$(jq -r .id "$work/keyed.json")" --slurpfile documents "$work/documents.ndjson" \
  --slurpfile central "$work/central.ndjson" '{
    version: $version, business_day: $day, head: {killed: $killed, stopped: $stopped},
    documents: ($documents | length), statuses: ($documents | group_by(.status) | map({(.[0].status): length}) | add),
    types: ($documents | group_by(.document.type) | map({(.[0].document.type): length}) | add),
    central: ($central | group_by(.target) | map({(.[0].target): length}) | add),
    amended: $poison[0], discarded: $poison[1], quarantined: $poison[2:], unknown: $unknown,
    keyed: {id: $keyed, key: "order-4711"}, paused: "crm"}' >"$out/expected.json"
ls -l "$out"
cat "$out/expected.json"
