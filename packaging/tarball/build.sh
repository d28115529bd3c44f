#!/usr/bin/env bash
# Makes build/tillsync-VERSION-linux-x86_64.tar.xz: for boxes without the Debian package. All is linked in but the C library,
# of which 2.31 is enough (Debian 11, Ubuntu 20.04, RHEL 9 and newer). The same tree gives the same bytes, wherever it lies.
#
#   bash packaging/tarball/build.sh
#   bash packaging/tarball/build.sh --of build/dev   of what is compiled there already: to try it, not for a store
#
# Installs what it needs with apt (Debian 12), and fetches source packages of Debian 12 and the C library of Debian 11.
set -euo pipefail
cd "$(dirname "$0")/../.."
# ccache compiles by paths from the build's folder. The map makes the same of a compiler without it, wherever the tree lies; so that
# what the release preset has compiled serves here too.
map=-ffile-prefix-map=$PWD/=../../
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_IGNOREOPTIONS='-ffile-prefix-map=*' LC_ALL=C.UTF-8

fail() {
  echo "tarball: $*" >&2
  exit 1
}
of=
if [ "${1:-}" = --of ]; then of=${2:?"a build folder"}; elif [ $# -gt 0 ]; then fail "there is no option \"$1\"; there is --of FOLDER"; fi
[ "$(dpkg --print-architecture)" = amd64 ] || fail "this makes a program for x86_64, on such a machine"

bash packaging/install_dependencies.sh build tarball
bash packaging/tarball/dependencies.sh

work=$PWD/build/tarball
prefix=$work/prefix
sysroot=$work/sysroot
tree=$PWD/build/tarball-tree
host=/usr/lib/x86_64-linux-gnu

if [ -n "$of" ]; then
  tree=$(cd "$of" && pwd)
else
  echo "Compiling"
  cmake -G Ninja -S . -B "$tree" -DCMAKE_BUILD_TYPE=Release -DTILLSYNC_TESTS=OFF -DTILLSYNC_WERROR=ON \
    "-DCMAKE_CXX_FLAGS=$map" >"$work/configure.log" || { tail -n 20 "$work/configure.log" >&2 && fail "cmake cannot configure"; }
  cmake --build "$tree" -j "$(nproc)" --target tillsync_agent tillsync >"$work/compile.log" || { tail -n 30 "$work/compile.log" >&2 && fail "the tree does not compile"; }
fi
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$tree/CMakeCache.txt")

echo "Linking against glibc 2.31"
gcc -O2 -fPIC -Wall -Wextra -c packaging/tarball/old_glibc.c -o "$work/old_glibc.o"
libraries=()
for layer in agent reconcile outbox config platform; do libraries+=("$tree/$layer/libtillsync_$layer.a"); done
for library in curl prometheus-cpp-core spdlog fmt jq onig; do libraries+=("$prefix/lib/lib$library.a"); done
for library in boost_url boost_json boost_container boost_system pugixml sqlite3 ssh2 nghttp2 ssl crypto z; do libraries+=("$host/lib$library.a"); done
for library in "${libraries[@]}"; do [ -e "$library" ] || fail "there is no $library"; done
# The older C library's start files and libraries go before the machine's own.
g++ -pie -static-libstdc++ -static-libgcc -s -o "$work/tillsync" \
  -B"$sysroot/usr/lib/x86_64-linux-gnu/" -B"$sysroot/lib/x86_64-linux-gnu/" -Wl,--sysroot="$sysroot" \
  -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--build-id=sha1 -Wl,--gc-sections \
  "$tree/agent/CMakeFiles/tillsync.dir/main.cpp.o" "$work/old_glibc.o" \
  -Wl,--start-group "${libraries[@]}" -Wl,--end-group -lresolv -lrt -ldl -lm -lpthread
bash packaging/tarball/needs.sh "$work/tillsync" 2.31

echo "Packing"
name=tillsync-$version-linux-x86_64
folder=$work/pack/$name
rm -rf "$work/pack"
mkdir -p "$folder"/{bin,share/tillsync/connectors,share/tillsync/systemd,share/doc/tillsync/licences}
install -m 755 "$work/tillsync" "$folder/bin/tillsync"
install -m 644 agent/connectors/*.toml "$folder/share/tillsync/connectors/"
install -m 644 packaging/systemd/* "$folder/share/tillsync/systemd/"
install -m 644 README.md CHANGELOG.md LICENSE config/tillsync.example.toml "$folder/share/doc/tillsync/"
sed "s/@VERSION@/$version/g" packaging/tarball/INSTALL.md >"$folder/INSTALL.md"
# Where the program writes its own man page and completion, they go along.
if "$work/tillsync" manual man >"$work/tillsync.1" 2>/dev/null; then
  install -D -m 644 "$work/tillsync.1" "$folder/share/man/man1/tillsync.1"
  "$work/tillsync" manual bash >"$work/tillsync.bash"
  install -D -m 644 "$work/tillsync.bash" "$folder/share/bash-completion/completions/tillsync"
fi
# Of what is linked in: each asks that its notice goes with it.
for package in libssl-dev libsqlite3-dev zlib1g-dev libssh2-1-dev libnghttp2-dev libboost1.81-dev libpugixml-dev libcereal-dev \
  libcli11-dev libtomlplusplus-dev libstdc++-12-dev; do
  install -m 644 "/usr/share/doc/$package/copyright" "$folder/share/doc/tillsync/licences/$package"
done
for source in fmtlib spdlog prometheus-cpp libonig jq curl; do
  install -m 644 "$(find "$work/sources" -path "*/$source-*/debian/copyright")" "$folder/share/doc/tillsync/licences/$source"
done
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date -r CHANGELOG.md +%s)}
find "$folder" -type d -exec chmod 755 {} +
tar -C "$work/pack" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$name" |
  xz -9 -T1 >"$work/$name.tar.xz"
mv "$work/$name.tar.xz" "build/$name.tar.xz"
echo "build/$name.tar.xz: $(stat -c %s "build/$name.tar.xz") bytes, sha256 $(sha256sum "build/$name.tar.xz" | cut -d' ' -f1)"
