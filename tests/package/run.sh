#!/usr/bin/env bash
# The Debian package as a store lives with it, for years in some minutes: installed on a box that knows nothing of it, set up, killed and
# hung, upgraded in place under a backlog of 100,000 with tills posting, rolled back, met by a newer journal, removed and purged.
#
#   bash tests/package/run.sh                  builds the package and tries it
#   bash tests/package/run.sh --preset dev     of another build than the release that the bench measures
#
# The box is a minimal Debian 12 with a systemd of its own (systemd-nspawn: namespaces of this machine, no network but its own loopback). Needs
# root. Everything lies under build/package; the box's system is made once and kept. What is started here is stopped by its process id.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/steps.sh

backlog=100000
tills=8
preset=bench
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,/^set /p' "$0" | sed '$d;s/^# \{0,1\}//' && exit 0 ;;
    *) echo "run.sh: there is no option \"$1\"; there is --preset" >&2 && exit 2 ;;
  esac
done

out=$PWD/build/package
work=$out/run
root=$work/root
bin=$PWD/build/$preset
settings=$root/etc/tillsync/tillsync.toml
box_pid= # of systemd-nspawn
init_pid=
central_pid=
tills_pid=

fail() {
  printf 'tests/package/run.sh: %s\n' "$*" >&2
  if [ -n "$init_pid" ]; then in_box journalctl --no-pager -n 25 -u tillsync >&2 || true; fi
  exit 1
}
step_started=
step() {
  [ -z "$step_started" ] || printf '   (%d s)\n' $((SECONDS - step_started))
  step_started=$SECONDS
  printf '== %s\n' "$*"
}

# --- the box

in_box() { nsenter -t "$init_pid" -m -u -i -n -p -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
in_box_net() { nsenter -t "$init_pid" -n "$@"; }
leave() {
  if [ -n "$tills_pid" ]; then touch "$work/tills.stop"; fi
  stop_pid "$tills_pid"
  stop_pid "$central_pid" KILL
  stop_pid "$box_pid"
}
trap leave EXIT

# The system's files, with the archives of what the package depends on beside them: the box itself has no network.
make_system() { # PACKAGE
  local depends
  depends=$(dpkg-deb -f "$1" Depends)
  system=$out/system-$(sha256sum <<<"1 $depends" | cut -c1-12).tar
  [ -e "$system" ] && return
  mmdebstrap --quiet --variant=minbase --include=systemd-sysv,dbus,curl,procps --skip=cleanup/apt,cleanup/reproducible \
    --customize-hook="copy-in $1 /tmp" \
    --customize-hook='chroot "$1" apt-get install -q -y --download-only --no-install-recommends /tmp/'"$(basename "$1")" \
    --customize-hook='rm "$1"/tmp/*.deb' bookworm "${system%.tar}.new.tar" >"$out/system.log" 2>&1 || {
    tail -n 20 "$out/system.log" >&2
    fail "mmdebstrap cannot make the box's system; all that it said is in build/package/system.log"
  }
  mv "${system%.tar}.new.tar" "$system"
}

boot_box() {
  rm -rf "$root"
  mkdir -p "$root"
  tar -C "$root" --exclude='./dev/*' -xf "$system"
  # The box's systemd wants cgroup v2; where the machine has v1, its own mount namespace shows it v2 (without controllers).
  unshare --mount --propagation private bash -c '
    [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --machine=tillsync-box --console=pipe --directory="$0"' \
    "$root" >"$work/box.log" 2>&1 </dev/null &
  box_pid=$!
  is_up() {
    kill -0 "$box_pid" 2>/dev/null || {
      tail -n 20 "$work/box.log" >&2
      fail "systemd-nspawn cannot start the box"
    }
    init_pid=$(pgrep -P "$box_pid" -x systemd || true)
    [ -n "$init_pid" ] && in_box systemctl is-system-running 2>/dev/null | grep -q running
  }
  wait_until 60 "the box's systemd is up" is_up
  [ "$(in_box ps -o comm= -p 1)" = systemd ] || fail "process 1 of the box is not systemd"
}

# --- central, and tills

start_central() {
  rm -f "$work/central.port"
  # No function here: its process id would be that of a shell around central.
  nsenter -t "$init_pid" -n "$bin/tests/central/central" --listen 127.0.0.1:8080 --ledger "$work/central.db" --port-file "$work/central.port" \
    --token "the store's secret" >>"$work/central.log" 2>&1 &
  central_pid=$!
  wait_until 20 "central listens" test -s "$work/central.port"
}
stop_central() {
  kill -9 "$central_pid"
  wait "$central_pid" 2>/dev/null || true
  central_pid=
}
central_count() { # TARGET MEMBER
  in_box_net curl -sS --fail --max-time 20 "http://127.0.0.1:8080/control/$1/ledger" | jq "$2"
}
socket() { echo "/proc/$init_pid/root/run/tillsync/till.sock"; }
start_tills() { # PREFIX
  rm -f "$work/tills.stop"
  python3 -B tests/package/tills.py --socket "$(socket)" --tills "$tills" --prefix "$1" --until "$work/tills.stop" \
    --answered "$work/answered.$1" >"$work/tills.$1.json" 2>"$work/tills.$1.err" &
  tills_pid=$!
  have_posted() { in_box curl -sf -o /dev/null --max-time 5 --unix-socket /run/tillsync/till.sock "http://localhost/v1/documents/${1}1-000001"; }
  wait_until 30 "the tills post" have_posted "$1"
}
stop_tills() { # PREFIX LONGEST_WAIT_S
  touch "$work/tills.stop"
  wait "$tills_pid" || fail "a till met what it should not: $(cat "$work/tills.$1.json" "$work/tills.$1.err")"
  tills_pid=
  echo "   tills: $(cat "$work/tills.$1.json")"
  [ "$(jq .answered "$work/tills.$1.json")" -gt "$tills" ] || fail "the tills posted next to nothing"
  jq -e ".longest_wait_s < $2" "$work/tills.$1.json" >/dev/null || fail "a till waited for more than $2 s"
}

# --- the service

state() { in_box systemctl is-active tillsync || true; }
property() { in_box systemctl show -P "$1" tillsync; }
is_active() { [ "$(state)" = active ]; }
journal_files() { (cd "$root/var/lib/tillsync" && find . -type f ! -name '*-shm' ! -name .settled -exec sha256sum {} + | sort -k2); }
install_package() { # FILE [OPTIONS...]: what was said goes to "said"
  local file=$1
  shift
  cp "$file" "$root/var/cache/apt/archives/" # beside what it depends on
  said=$(in_box apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" "/var/cache/apt/archives/$(basename "$file")" 2>&1) ||
    fail "apt-get install failed: $said"
}
set_up() {
  sed -i -e 's/^#id = "0417"/id = "0417"/' -e 's/^#currency = "GBP"/currency = "GBP"/' -e 's/^#time_zone = /time_zone = /' "$settings"
  cat >>"$settings" <<'END'

[targets.erp]
base_url = "http://127.0.0.1:8080/erp"
token = "systemd-credential:tillsync_erp.token"
batch_max = 100
backoff_min_s = 0.1
backoff_max_s = 1

# The same by a connector file, whose jq programs run in a child process.
[targets.crm]
connector = "store"
base_url = "http://127.0.0.1:8080/crm"
token = "file:crm.token"
backoff_min_s = 0.1
backoff_max_s = 1

[routes]
sale = ["erp"]
return = ["erp"]
stock_adjustment = ["erp"]
stock_count = ["erp"]
stock_transfer = ["erp"]
customer_update = ["crm"]
till_close = ["crm"]
END
  printf "the store's secret" >"$root/etc/tillsync/credentials/erp.token"
  chmod 600 "$root/etc/tillsync/credentials/erp.token"
  printf "the store's secret" >"$root/etc/tillsync/crm.token"
  in_box chown root:tillsync /etc/tillsync/crm.token
  chmod 640 "$root/etc/tillsync/crm.token"
  mkdir -p "$root/etc/tillsync/connectors"
  cat >"$root/etc/tillsync/connectors/store.toml" <<'END'
format = 1
safe_to_resend = "the target knows each delivery by its key"
[[submit]]
types = ["customer_update", "till_close"]
[[submit.requests]]
path = "/documents"
headers = {"Idempotency-Key" = "{.delivery.idempotency_key}"}
body = '{reference: .delivery.reference, step: .delivery.step, store: .delivery.store, sequence: .delivery.sequence, document: .document}'
answer = 'if .answer.status == 201 or .answer.status == 200 then {outcome: "delivered", central_reference: .answer.body.central_reference} else null end'
[read_back]
[[read_back.requests]]
method = "GET"
path = '/documents?store={.store}&business_day={.day}&limit=1000&cursor={.cursor // "c0"}'
answer = 'if .answer.status == 200 then {rows: .answer.body.documents, next: .answer.body.next} else null end'
END
}

[ "$(id -u)" -eq 0 ] || fail "needs root: it starts a system of its own in namespaces"
bash packaging/install_dependencies.sh build package
rm -rf "$work"
mkdir -p "$work"

step "The package, and one of a later version"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$(nproc)" --target tillsync central trading_day
bash packaging/debian/build.sh --preset "$preset"
older=$(ls "$out"/tillsync_*_"$(dpkg --print-architecture)".deb | grep -v +later | head -n 1)
version=$(dpkg-deb -f "$older" Version)
newer=$out/tillsync_${version}+later1_$(dpkg --print-architecture).deb
rm -rf "$work/later"
dpkg-deb -R "$older" "$work/later"
sed -i "s/^Version: .*/&+later1/" "$work/later/DEBIAN/control"
echo "# A setting of the later version." >>"$work/later/etc/tillsync/tillsync.toml"
dpkg-deb --root-owner-group -Znone -b "$work/later" "$newer" >/dev/null

step "A box: Debian 12, minimal, with a systemd of its own"
make_system "$older"
boot_box

step "Installed: enabled, not started, and it says what to set"
install_package "$older"
expect_text "the installation" "not set up yet" "$said"
expect_text "the installation" "\[store\] id" "$said"
expect "the unit" "$(in_box systemctl is-enabled tillsync)" enabled
expect "the service" "$(state)" inactive
in_box systemctl start tillsync 2>/dev/null && fail "it starts without a store's id"
expect "the service, started without settings," "$(state)" failed
expect_text "its log" "\[store\] id" "$(in_box journalctl --no-pager -u tillsync)"
sleep 7 # longer than RestartSec: a loop would show
expect "restarts after wrong settings" "$(property NRestarts)" 0
in_box test -s /usr/share/man/man1/tillsync.1.gz || fail "there is no man page"

step "Set up: a journal that 0.1.0 wrote is brought up to date at the start, then its own begins"
set_up
tar -C "$work" -xJf tests/upgrade/journal-v0.1.0/fixture.tar.xz
rm -rf "$root/var/lib/tillsync"
cp -r "$work/killed" "$root/var/lib/tillsync"
in_box chown -R tillsync:tillsync-tills /var/lib/tillsync
said=$(in_box tillsync check 2>&1) || fail "check: $said"
expect_text "check" "older version" "$said"
in_box systemctl start tillsync
in_box systemctl stop tillsync
head=$(in_box tillsync journal verify --json | jq .head.sequence)
[ "$head" -ge "$(jq .head.killed.sequence tests/upgrade/journal-v0.1.0/expected.json)" ] || fail "the journal of 0.1.0 ends at $head"
rm -rf "$root/var/lib/tillsync"
start_central
in_box systemctl start tillsync
expect "the service" "$(state)" active

step "Rights: the tills' group posts, nobody else does, and the journal is the service's alone"
post_as() { # GROUPS...: the answer's status, 000 where none came
  in_box setpriv --reuid nobody --regid nogroup "$@" curl -s -o /dev/null -w '%{http_code}' --max-time 10 --unix-socket /run/tillsync/till.sock \
    -H 'Content-Type: application/json' -d "$(head -n 1 "$work/day/T1.ndjson")" http://localhost/v1/documents || true
}
"$bin/tests/demo/trading_day" --documents "$backlog" --tills "$tills" --seed 7 --day 2026-11-23 --time-zone Europe/London --out "$work/day" >/dev/null
expect "a post of nobody" "$(post_as --clear-groups)" 000
expect "a post of a till" "$(post_as --groups tillsync-tills)" 201
expect "the journal's folder" "$(stat -c %a "$root/var/lib/tillsync")" 700
in_box setpriv --reuid nobody --regid nogroup --groups tillsync-tills ls /var/lib/tillsync >/dev/null 2>&1 && fail "a till looks into the journal's folder"
jq -c 'select(.type == "till_close" or .type == "customer_update")' "$work"/day/T*.ndjson >"$root/root/some.ndjson"
in_box tillsync post /root/some.ndjson >/dev/null 2>&1
in_box tillsync drain --timeout 120 2>/dev/null || fail "what jq and a credential deliver does not arrive: $(in_box tillsync status)"
[ "$(central_count crm .documents)" -eq "$(wc -l <"$root/root/some.ndjson")" ] || fail "the CRM has $(central_count crm .documents) documents"
in_box tillsync terminal add T1 >/dev/null 2>&1 # by root, in the service's folder
expect "who has the tokens' file" "$(in_box stat -c %U /var/lib/tillsync/access.json)" tillsync

step "It is killed, it hangs: systemd starts it again, and by nobody's hand"
in_box systemctl kill --kill-whom=main -s KILL tillsync
restarted() { is_active && [ "$(property NRestarts)" -ge "$1" ]; }
wait_until 30 "it runs again after a kill" restarted 1
mkdir -p "$root/etc/systemd/system/tillsync.service.d"
printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\nRestartSec=1\n' >"$root/etc/systemd/system/tillsync.service.d/test.conf"
in_box systemctl daemon-reload
in_box systemctl restart tillsync
restarts=$(property NRestarts)
sleep 5 # twice what the watchdog allows: it is fed
expect "restarts while it is well" "$(property NRestarts)" "$restarts"
in_box systemctl kill --kill-whom=main -s STOP tillsync
wait_until 30 "it runs again after it hung" restarted $((restarts + 1))
expect_text "its log" "[Ww]atchdog timeout" "$(in_box journalctl --no-pager -u tillsync)"
rm "$root/etc/systemd/system/tillsync.service.d/test.conf"
in_box systemctl daemon-reload
in_box systemctl restart tillsync
in_box systemctl reload tillsync
sed -i 's/^id = "0417"/id = 17/' "$settings"
in_box systemctl reload tillsync 2>/dev/null && fail "wrong settings are loaded"
sed -i 's/^id = 17/id = "0417"/' "$settings"
expect "the service after a refused reload" "$(state)" active

step "An outage: $backlog documents are owed, $tills tills post on, and the package is upgraded"
stop_central
in_box_net curl -s -o /dev/null --max-time 5 http://127.0.0.1:8080/ && fail "central is still there"
for till in $(seq "$tills"); do cat "$work/day/T$till.ndjson"; done >"$root/root/day.ndjson"
in_box tillsync post /root/day.ndjson >"$work/post.out" 2>&1 || fail "the day was not taken: $(tail -n 3 "$work/post.out")"
start_tills A
install_package "$newer"
expect "the version" "$(in_box dpkg-query -W -f '${Version}' tillsync)" "$version+later1"
expect "the service after the upgrade" "$(state)" active
grep -q '^id = "0417"' "$settings" || fail "the settings were overwritten"
sleep 2
stop_tills A 15
[ "$(in_box tillsync status --json | jq .backlog)" -ge $((backlog * 9 / 10)) ] || fail "the backlog is $(in_box tillsync status --json | jq .backlog)"

step "Rolled back, with tills posting"
start_tills B
install_package "$older" --allow-downgrades
expect "the version" "$(in_box dpkg-query -W -f '${Version}' tillsync)" "$version"
expect "the service after the way back" "$(state)" active
sleep 2
stop_tills B 15

step "A journal of a newer version: refused in words, untouched, and taken up again by the newer one"
in_box systemctl stop tillsync
schema=$(sqlite3 "$root/var/lib/tillsync/journal.db" "PRAGMA user_version")
sqlite3 "$root/var/lib/tillsync/journal.db" "PRAGMA user_version = $((schema + 1))"
before=$(journal_files)
in_box systemctl start tillsync 2>/dev/null && fail "it starts on a newer journal"
install_package "$older" --reinstall
expect "the service on a newer journal" "$(state)" failed
expect_text "dpkg" "the journal has schema $((schema + 1))" "$said"
expect_text "the log" "the journal has schema $((schema + 1))" "$(in_box journalctl --no-pager -n 20 -u tillsync)"
expect "the journal's files" "$(journal_files)" "$before"
sqlite3 "$root/var/lib/tillsync/journal.db" "PRAGMA user_version = $schema" # what the newer program would find right
install_package "$newer"
expect "the service under the newer version again" "$(state)" active

step "Removed while central is owed: the journal survives remove and purge, and trades on when it is back"
in_box apt-get remove -q -y tillsync >"$work/remove.out" 2>&1
expect "the program" "$(ls "$root/usr/bin/tillsync" 2>/dev/null || true)" ""
[ -e "$settings" ] || fail "remove took the settings"
[ -e "$root/var/lib/tillsync/journal.db" ] || fail "remove took the journal"
cp -a "$root/etc/tillsync" "$work/etc"
said=$(in_box apt-get purge -q -y tillsync 2>&1)
expect_text "purge" "is kept" "$said"
[ -e "$root/var/lib/tillsync/journal.db" ] || fail "purge took a journal that owes"
[ ! -e "$root/etc/tillsync" ] || fail "purge left settings"
mkdir "$root/etc/tillsync"
cp "$work/etc/tillsync.toml" "$root/etc/tillsync/"
install_package "$newer"
cp -a "$work/etc/." "$root/etc/tillsync/"
in_box chown root:tillsync /etc/tillsync/crm.token
in_box systemctl restart tillsync

step "Central is back: the backlog drains, and every document that a till has an answer for is there, once"
start_central
in_box tillsync drain --timeout 240 >"$work/drain.out" 2>&1 || fail "the backlog did not drain: $(tail -n 2 "$work/drain.out") $(in_box tillsync status)"
cat "$work"/answered.* >"$work/answered"
jq -r .id "$work"/day/T*.ndjson >>"$work/answered"
sqlite3 "$work/central.db" "SELECT reference FROM effect" | sed 's|^0417/||' | sort >"$work/central.ids"
sort -u "$work/answered" >"$work/answered.ids"
cmp "$work/answered.ids" <(sort -u "$work/central.ids") || fail "central does not have exactly what was answered"
expect "documents with a second effect" "$(sort "$work/central.ids" | uniq -d | wc -l)" 0
# A report waits ten seconds for central's list; that of a day of this size takes longer on a busy machine.
balances() { in_box tillsync report reconciliation --day 2026-11-23 >"$work/report.out" 2>&1; }
wait_until 120 "the report balances (build/package/run/report.out)" balances
in_box tillsync journal verify >/dev/null || fail "the journal's chain does not hold"
echo "   $(wc -l <"$work/central.ids") documents, each once"

step "Removed and purged when all is settled: nothing is left"
in_box apt-get purge -q -y tillsync >"$work/purge.out" 2>&1
for left in /etc/tillsync /var/lib/tillsync /usr/bin/tillsync /run/tillsync; do
  [ ! -e "/proc/$init_pid/root$left" ] || fail "purge left $left: $(cat "$work/purge.out")"
done
in_box systemctl list-unit-files tillsync.service 2>/dev/null | grep -q tillsync && fail "purge left the unit"
step "All of it holds; the whole took $SECONDS s"
