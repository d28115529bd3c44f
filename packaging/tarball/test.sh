#!/usr/bin/env bash
# The tarball as a store meets it: built, packed twice to the same bytes, and run on older and newer systems than the one that it was
# built on: a day is posted, delivered, proven; on Debian 11 it is then made a service of a systemd of its own, reloaded, upgraded and removed.
#
#   bash packaging/tarball/test.sh             builds what is missing, and tries it
#   bash packaging/tarball/test.sh --rebuild   compiles a copy of the tree in another folder as well, without ccache: the same bytes?
#   bash packaging/tarball/test.sh --of build/dev   tries what is compiled there already (build.sh --of)
#
# Needs root (chroot, systemd-nspawn). The systems' files are made once by mmdebstrap and kept under build/tarball. Loopback alone, free ports.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/steps.sh
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 LC_ALL=C.UTF-8

rebuild=no
of=()
while [ $# -gt 0 ]; do
  case "$1" in
    --rebuild) rebuild=yes && shift ;;
    --of) of=(--of "${2:?}") && shift 2 ;;
    -h | --help) sed -n '2,/^set /p' "$0" | sed '$d;s/^# \{0,1\}//' && exit 0 ;;
    *) echo "tarball/test.sh: there is no option \"$1\"; there are --rebuild and --of FOLDER" >&2 && exit 2 ;;
  esac
done
[ "$(id -u)" -eq 0 ] || { echo "tarball/test.sh: needs root, to enter other systems" >&2 && exit 2; }

work=$PWD/build/tarball
central_program=${TILLSYNC_CENTRAL:-$PWD/build/dev/tests/central/central}
root=
central_pid=
daemon_pid=
box_pid=
init_pid=

fail() {
  printf 'tarball/test.sh: %s\n' "$*" >&2
  if [ -n "$init_pid" ]; then in_box journalctl --no-pager -n 25 >&2 || true; fi
  if [ -n "$root" ] && [ -e "$root/srv/daemon.log" ]; then tail -n 10 "$root/srv/daemon.log" >&2; fi
  exit 1
}
step() { printf '== %s\n' "$*"; }
leave() {
  stop_pid "$daemon_pid"
  stop_pid "$central_pid" KILL
  stop_pid "$box_pid"
}
trap leave EXIT

step "The tarball"
bash packaging/tarball/build.sh "${of[@]}"
tarball=$(ls -t build/tillsync-*-linux-x86_64.tar.xz | head -n 1)
first=$(sha256sum <"$tarball")
bash packaging/tarball/build.sh "${of[@]}" >/dev/null
expect "packed again" "$(sha256sum <"$tarball")" "$first"
if [ "$rebuild" = yes ]; then
  step "The same tree in another folder, compiled anew"
  other=$(mktemp -d)
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$other"
  mkdir -p "$other/build/tarball"
  cp -r "$work/sysroot" "$work/sources" "$work/prefix" "$other/build/tarball/"
  epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
  (cd "$other" && SOURCE_DATE_EPOCH=$epoch CCACHE_DISABLE=1 bash packaging/tarball/build.sh)
  expect "compiled in another folder" "$(sha256sum <"$other/$tarball")" "$first"
  rm -rf "$other"
fi
if [ ! -x "$central_program" ]; then
  cmake --preset dev >/dev/null
  cmake --build --preset dev --target central -j "$(nproc)"
fi
name=$(basename "$tarball" .tar.xz)

# --- another system

unpack_system() { # SUITE PACKAGES
  local system=$work/system-$1.tar
  if [ ! -e "$system" ]; then
    mmdebstrap --quiet --variant=minbase --include="$2" "$1" "$work/new-$1.tar" >"$work/system-$1.log" 2>&1 || {
      tail -n 20 "$work/system-$1.log" >&2
      fail "mmdebstrap cannot make the files of $1"
    }
    mv "$work/new-$1.tar" "$system"
  fi
  root=$work/root-$1
  rm -rf "$root"
  mkdir -p "$root"
  tar -C "$root" --exclude='./dev/*' -xf "$system"
  tar -C "$root/opt" -xf "$tarball"
}
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
  done
  fail "no free port"
}
start_central() { # COMMAND...: in front of it
  rm -rf "$work/central" && mkdir -p "$work/central"
  "$@" "$central_program" --listen 127.0.0.1:0 --ledger "$work/central/ledger.db" --port-file "$work/central/port" >"$work/central/log" 2>&1 &
  central_pid=$!
  wait_until 20 "central listens" test -s "$work/central/port"
  central_port=$(cat "$work/central/port")
}
settings_for() { # OPS-PORT: in the place of a store's
  cat <<END
[store]
id = "0417"
time_zone = "Europe/London"
currency = "GBP"
[journal]
disk_reserve_mib = 1
[till]
tcp = ""
[ops]
tcp = "127.0.0.1:$1"
[targets.erp]
base_url = "http://127.0.0.1:$central_port/erp"
backoff_min_s = 0.1
backoff_max_s = 1
# By a connector file that came along: its programs run in a child process. Nobody answers there.
[targets.crm]
connector = "tryton"
base_url = "http://127.0.0.1:9/db"
[targets.crm.auth]
kind = "session"
user = "u"
password = "env:HOME"
[routes]
sale = ["erp"]
return = ["erp"]
END
}
sales() { # PREFIX COUNT
  for i in $(seq "$2"); do
    printf '{"id":"%s-%d","type":"sale","terminal":"T1","occurred_at":"2026-11-20T10:00:00Z","lines":[{"sku":"S%d","quantity":"2","unit_price":"2.55"}],"total":"5.1"}\n' "$1" "$i" "$i"
  done
}
ledger() { curl -sS --fail --max-time 20 "http://127.0.0.1:$central_port/control/erp/ledger"; }

# TLS by the authorities of the machine, at this system's place for them.
check_trust() { # CA-FILE: as the system has it
  local tls=$work/tls port
  rm -rf "$tls" && mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" \
    -keyout "$tls/key.pem" -out "$tls/cert.pem" 2>/dev/null
  port=$(free_port)
  openssl s_server -accept "127.0.0.1:$port" -cert "$tls/cert.pem" -key "$tls/key.pem" -www -quiet >/dev/null 2>&1 &
  local server=$!
  wait_until 10 "openssl listens" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null
  cat >"$root/srv/tls.toml" <<END
[store]
id = "0417"
currency = "GBP"
[targets.erp]
base_url = "https://localhost:$port"
END
  sales TLS 1 >"$root/srv/one.json"
  in_root() { chroot "$root" "/opt/$name/bin/tillsync" connector try rest --document /srv/one.json --target erp --live --config /srv/tls.toml 2>&1; }
  local before after
  before=$(in_root || true)
  cat "$tls/cert.pem" >>"$root$1"
  after=$(in_root || true)
  stop_pid "$server"
  expect_text "a target whose certificate nobody vouches for" "certificate" "$before"
  if grep -qi "certificate" <<<"$after"; then fail "the system's authorities are not asked: $after"; fi
}

trade() { # SUITE: the program in the foreground
  local tillsync=(chroot "$root" "/opt/$name/bin/tillsync")
  expect "--version" "$("${tillsync[@]}" --version)" "tillsync $(cut -d- -f2 <<<"$name")"
  start_central
  local ops_port
  ops_port=$(free_port)
  mkdir -p "$root/etc/tillsync" "$root/run/tillsync" "$root/var/lib/tillsync"
  settings_for "$ops_port" >"$root/etc/tillsync/tillsync.toml"
  "${tillsync[@]}" check || fail "check on $1"
  "${tillsync[@]}" run >"$root/srv/daemon.log" 2>&1 &
  daemon_pid=$!
  wait_until 20 "the daemon is ready on $1" grep -q daemon.ready "$root/srv/daemon.log"
  sales DAY 500 >"$root/srv/day.ndjson"
  "${tillsync[@]}" post /srv/day.ndjson >/dev/null || fail "post on $1"
  "${tillsync[@]}" drain --timeout 60 || fail "drain on $1"
  "${tillsync[@]}" report reconciliation --day 2026-11-20 --format json | jq -e '.targets.erp.matched == 500' >/dev/null || fail "the report on $1"
  expect "central's ledger" "$(ledger | jq -c '[.documents, .effects, (.doubles | length), .totals.GBP]')" '[500,500,0,"2550.00"]'
  # A connector file of the tarball, its jq programs in the child process.
  "${tillsync[@]}" connector try tryton --document /srv/one.json --target crm | grep -q sale || fail "connector try on $1"
  kill "$daemon_pid"
  wait "$daemon_pid" || fail "the daemon ended with $? on $1"
  daemon_pid=
  "${tillsync[@]}" journal verify || fail "journal verify on $1"
  "${tillsync[@]}" explain DAY-7 | grep -q delivered || fail "explain on $1"
  stop_pid "$central_pid" KILL
  central_pid=
}

# --- a system that has booted

in_box() { nsenter -t "$init_pid" -m -u -i -n -p -C env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
boot() {
  # The box's systemd wants cgroup v2; where the machine has v1, its own mount namespace shows it v2 (without controllers).
  unshare --mount --propagation private bash -c '
    [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 none /sys/fs/cgroup
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --machine=tillsync-tarball --console=pipe --directory="$0"' \
    "$root" >"$work/box.log" 2>&1 </dev/null &
  box_pid=$!
  is_up() {
    kill -0 "$box_pid" 2>/dev/null || { tail -n 20 "$work/box.log" >&2 && fail "systemd-nspawn cannot boot the system"; }
    init_pid=$(pgrep -P "$box_pid" -x systemd || true)
    [ -n "$init_pid" ] && in_box systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'
  }
  wait_until 60 "the system is up" is_up
}
box_state() { in_box tillsync service status --json | jq -r "$1"; }

service() {
  boot
  local out
  out=$(in_box setpriv --reuid 65534 --clear-groups "/opt/$name/bin/tillsync" service install 2>&1) && fail "install without root"
  expect_text "install without root" "only root" "$out"
  cp -r "$root/opt/$name" "$root/root/unreachable"
  out=$(in_box /root/unreachable/bin/tillsync service install 2>&1) && fail "install of a program that the service cannot reach"
  expect_text "install below /root" "put it elsewhere" "$out"
  rm -rf "$root/root/unreachable"
  ln -sfn "/opt/$name/bin/tillsync" "$root/usr/local/bin/tillsync"
  out=$(in_box tillsync service start 2>&1) && fail "start of what is not installed"
  expect_text "start before install" "not installed" "$out"
  expect "state before" "$(box_state .state || true)" not-installed

  rm -rf "$root/etc/tillsync" "$root/var/lib/tillsync"
  out=$(in_box tillsync service install)
  expect_text "install" "made the user tillsync" "$out"
  expect_text "install" "wrote first settings" "$out"
  expect_text "install again" "all of it is there already" "$(in_box tillsync service install)"
  expect "rights of the settings" "$(stat -c %a "$root/etc/tillsync/tillsync.toml")" 640
  out=$(in_box tillsync service start 2>&1) && fail "a start without a store's number"
  expect_text "start without settings" "journalctl -u tillsync" "$out"
  expect_text "its log" "store. id is missing" "$(in_box journalctl --no-pager -u tillsync)"

  start_central nsenter -t "$init_pid" -n
  settings_for 7412 >"$root/etc/tillsync/tillsync.toml"
  in_box tillsync service install >/dev/null
  in_box systemctl reset-failed tillsync
  in_box tillsync service start || fail "service start"
  expect "state" "$(box_state .state)" running
  expect "starts with the machine" "$(box_state .starts_with_machine)" true
  sales BOX 200 >"$root/srv/box.ndjson"
  in_box tillsync post /srv/box.ndjson >/dev/null || fail "post to the service"
  in_box tillsync drain --timeout 60 || fail "drain of the service"

  # Reloaded by systemd: a good file and a bad one.
  local process
  process=$(box_state .process_id)
  sed -i 's/backoff_max_s = 1/backoff_max_s = 2/' "$root/etc/tillsync/tillsync.toml"
  in_box systemctl reload tillsync || fail "systemctl reload"
  wait_until 30 "the settings are taken" bash -c "nsenter -t $init_pid -m -p journalctl --no-pager -u tillsync | grep -q 'settings.loaded changed=targets.erp.backoff_max_s'"
  sed -i 's/backoff_max_s = 2/backoff_max = 2/' "$root/etc/tillsync/tillsync.toml"
  in_box kill -HUP "$process"
  wait_until 30 "the settings are refused" bash -c "nsenter -t $init_pid -m -p journalctl --no-pager -u tillsync | grep -q settings.refused"
  expect "state after a bad file" "$(box_state .state)" running
  expect "process after reloads" "$(box_state .process_id)" "$process"
  sed -i 's/backoff_max = 2/backoff_max_s = 2/' "$root/etc/tillsync/tillsync.toml"

  # The next version beside it, and the service with it.
  mv "$root/opt/$name" "$root/opt/$name-next"
  ln -sfn "/opt/$name-next/bin/tillsync" "$root/usr/local/bin/tillsync"
  expect_text "install of the next version" "wrote /etc/systemd/system/tillsync.service" "$(in_box tillsync service install)"
  in_box tillsync service stop || fail "service stop"
  expect "state when stopped" "$(box_state .state || true)" stopped
  in_box tillsync service start || fail "service start of the next version"
  sales NEXT 50 >"$root/srv/next.ndjson"
  in_box tillsync post /srv/next.ndjson >/dev/null || fail "post to the next version"
  in_box tillsync drain --timeout 60 || fail "drain of the next version"
  expect "central's ledger" "$(nsenter -t "$init_pid" -n curl -sS --fail "http://127.0.0.1:$central_port/control/erp/ledger" | jq -c '[.documents, .effects, (.doubles | length)]')" '[250,250,0]'

  out=$(in_box tillsync service uninstall)
  expect_text "uninstall" "removed /etc/systemd/system/tillsync.service" "$out"
  expect "state after uninstall" "$(box_state .state || true)" not-installed
  [ -e "$root/var/lib/tillsync/journal.db" ] && [ -e "$root/etc/tillsync/tillsync.toml" ] || fail "uninstall took data or settings"
  expect_text "uninstall again" "no service to remove" "$(in_box tillsync service uninstall)"
  in_box tillsync journal verify || fail "journal verify after uninstall"
  stop_pid "$central_pid" KILL
  central_pid=
  stop_pid "$box_pid"
  box_pid=
  init_pid=
}

step "Debian 11 (glibc 2.31)"
unpack_system bullseye systemd-sysv,dbus,procps,tzdata,ca-certificates,util-linux
check_trust /etc/ssl/certs/ca-certificates.crt
trade bullseye
step "A service of Debian 11's systemd (247)"
service
step "Debian 13 (glibc 2.41), with the authorities where Red Hat has them"
unpack_system trixie tzdata,ca-certificates
mkdir -p "$root/etc/pki/tls/certs"
mv "$root/etc/ssl/certs/ca-certificates.crt" "$root/etc/pki/tls/certs/ca-bundle.crt"
check_trust /etc/pki/tls/certs/ca-bundle.crt
trade trixie
rm -rf "$work"/root-*
echo "The tarball holds: $tarball"
