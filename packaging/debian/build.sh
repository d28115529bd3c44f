#!/usr/bin/env bash
# Builds the Debian package of this tree, and has lintian and systemd's own audit look at it.
#
#   bash packaging/debian/build.sh                    build/package/tillsync_VERSION_ARCHITECTURE.deb
#   bash packaging/debian/build.sh --version 0.2.0~rc1    under another version (the program tells its own)
#   bash packaging/debian/build.sh --preset dev       of another build: the release that the bench measures is what a store runs
#
# Safe to repeat. Installs what it needs with apt. Settings, man page and completion are made of the program and the example file.
set -euo pipefail
cd "$(dirname "$0")/../.."
unset TILLSYNC_CONFIG # the man page tells the default
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 # another clone of the tree finds what this one compiled

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

version=$(sed -n 's/^project(tillsync VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
preset=bench
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=${2:?} && shift 2 ;;
    --preset) preset=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,/^set /p' "$0" | sed '$d;s/^# \{0,1\}//' && exit 0 ;;
    *) fail "there is no option \"$1\"; there are --version and --preset" ;;
  esac
done

bash packaging/install_dependencies.sh build package
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$(nproc)" --target tillsync
tillsync=$PWD/build/$preset/agent/tillsync
grep -qaF /usr/share/tillsync/connectors "$tillsync" || fail "$tillsync looks for its connectors elsewhere than the package has them"
out=$PWD/build/package
source=$out/tillsync-$version
rm -rf "$source"
mkdir -p "$source"
cp -r packaging/debian/debian "$source/debian"
for part in service sysusers tmpfiles; do cp "packaging/systemd/tillsync.$part" "$source/debian/tillsync.$part"; done
cp packaging/systemd/credentials.conf CHANGELOG.md "$source/"
"$tillsync" manual man >"$source/debian/tillsync.1"
echo debian/tillsync.1 >"$source/debian/tillsync.manpages"
"$tillsync" manual bash >"$source/tillsync.bash"

# The example with nothing set: what has no default is missed by `tillsync check`, which says so.
awk '/^\[(targets|routes)/ { listing = 1 } /^\[/ && !/^\[(targets|routes)/ { listing = 0 }
  /^#/ || /^$/ || (/^\[/ && !listing) { print; next } { print "#" $0 }' config/tillsync.example.toml >"$source/tillsync.toml"
said=$("$tillsync" check --config "$source/tillsync.toml" 2>&1) && fail "the packaged settings pass for a store's, though nothing is set"
for missed in '\[store\] id' '\[store\] currency'; do
  grep -q "$missed" <<<"$said" || fail "\`tillsync check\` of the packaged settings does not tell of $missed, but: $said"
done
[ "$(wc -l <<<"$said")" -eq 3 ] || fail "\`tillsync check\` of the packaged settings tells of more than what has to be set: $said"

# Of one commit always the same bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH
cat >"$source/debian/changelog" <<END
tillsync ($version) bookworm; urgency=medium

  * The changes of each version: /usr/share/doc/tillsync/changelog.gz

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/debian/control)  $(date -uR -d "@$SOURCE_DATE_EPOCH")
END

(cd "$source" && TILLSYNC_BUILD=$PWD/../../$preset DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage --build=binary --no-sign) >"$out/build.log" 2>&1 || {
  tail -n 30 "$out/build.log" >&2
  fail "dpkg-buildpackage failed; all that it said is in build/package/build.log"
}
package=$out/tillsync_${version}_$(dpkg --print-architecture).deb
lintian --fail-on error,warning --allow-root "$package" || fail "lintian finds the above"

# 20: an exposure of 2.0 on systemd's scale of 10.
security=$(systemd-analyze security --offline=true --threshold=20 --no-pager "$source/debian/tillsync.service" 2>&1) || {
  grep ✗ <<<"$security" >&2
  fail "the unit is more exposed than 2.0 of 10"
}
tail -n 1 <<<"$security"
echo "Built ${package#"$PWD"/}, $(($(stat -c %s "$package") / 1024)) KiB"
