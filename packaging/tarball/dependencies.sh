#!/usr/bin/env bash
# Makes, under build/tarball/, what the tarball's program is linked with beside Debian's own static libraries: those that
# Debian 12 has as shared libraries alone, from its source packages; and the C library of Debian 11 (glibc 2.31), so that
# the program asks for nothing that an older system lacks. Called by packaging/tarball/build.sh; safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

work=$PWD/build/tarball
prefix=$work/prefix
sysroot=$work/sysroot
sources=$work/sources
jobs=$(nproc)
mkdir -p "$prefix" "$sysroot" "$sources"

fail() {
  echo "tarball: $*" >&2
  exit 1
}

# apt with lists of its own: the machine's stay as they are.
apt_lists=$work/apt
private_apt() { # LIST COMMAND...
  local list=$1
  shift
  mkdir -p "$apt_lists/$list/lists/partial" "$apt_lists/$list/cache/archives/partial"
  "$@" -q -o Dir::Etc::SourceList="$apt_lists/$list.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$apt_lists/$list/lists" -o Dir::Cache="$apt_lists/$list/cache" \
    -o Dir::State::status=/dev/null -o APT::Sandbox::User="$(id -un)" "${apt_arguments[@]}"
}
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ') || true
[ -n "$mirror" ] || fail "apt's sources name no Debian mirror"
mirror=${mirror%/}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fetch() { # LIST APT-LINE COMMAND ARGUMENT...: runs in the current folder
  local list=$1 line=$2
  shift 2
  mkdir -p "$apt_lists"
  echo "$line" >"$apt_lists/$list.list"
  apt_arguments=(update)
  private_apt "$list" apt-get >"$apt_lists/$list.log" 2>&1 || { tail -n 20 "$apt_lists/$list.log" >&2 && fail "apt cannot read $line"; }
  apt_arguments=("$@")
  private_apt "$list" apt-get >>"$apt_lists/$list.log" 2>&1 || { tail -n 20 "$apt_lists/$list.log" >&2 && fail "apt-get $* failed"; }
}

if [ ! -e "$sysroot/.done" ]; then
  echo "The C library of Debian 11, to link against"
  rm -rf "$work/bullseye" && mkdir -p "$work/bullseye"
  (cd "$work/bullseye" && fetch bullseye "deb [signed-by=$keyring] $mirror bullseye main" download libc6 libc6-dev)
  for package in "$work"/bullseye/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
  # Its links are absolute: they would lead out of it, to this machine's own.
  find "$sysroot" -type l -lname '/*' -printf '%p %l\n' | while read -r link to; do ln -sfnr "$sysroot$to" "$link"; done
  touch "$sysroot/.done"
fi

if [ ! -e "$sources/.done" ]; then
  echo "Source packages of Debian 12"
  rm -rf "$sources" && mkdir -p "$sources"
  (cd "$sources" && fetch sources "deb-src [signed-by=$keyring] $mirror bookworm main" \
    source fmtlib spdlog prometheus-cpp libonig jq curl)
  touch "$sources/.done"
fi

folder_of() { # NAME: the unpacked source
  find "$sources" -maxdepth 1 -type d -name "$1-*" | head -n 1
}
built() { # LIBRARY
  [ -e "$prefix/lib/$1" ]
}
flags="-O2 -g0 -fPIC -ffile-prefix-map=$sources=."
made() { # NAME LOG-TAIL
  tail -n 25 "$work/$1.log" >&2
  fail "$1 cannot be built; what was said stands above"
}
with_cmake() { # NAME OPTION...
  local name=$1
  shift
  echo "Building $name"
  {
    cmake -G Ninja -S "$(folder_of "$name")" -B "$work/$name" -DCMAKE_BUILD_TYPE=None "-DCMAKE_C_FLAGS=$flags" "-DCMAKE_CXX_FLAGS=$flags" \
      -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_INSTALL_PREFIX="$prefix" \
      -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" -DBUILD_SHARED_LIBS=OFF "$@" &&
      cmake --build "$work/$name" -j "$jobs" && cmake --install "$work/$name"
  } >"$work/$name.log" 2>&1 || made "$name"
}

built libfmt.a || with_cmake fmtlib -DFMT_TEST=OFF -DFMT_DOC=OFF
built libspdlog.a || with_cmake spdlog -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_EXAMPLE=OFF -DSPDLOG_BUILD_TESTS=OFF
built libprometheus-cpp-core.a || with_cmake prometheus-cpp -DENABLE_PULL=OFF -DENABLE_PUSH=OFF -DENABLE_TESTING=OFF \
  -DENABLE_COMPRESSION=OFF -DUSE_THIRDPARTY_LIBRARIES=OFF
built libonig.a || with_cmake libonig
# What tillsync asks of it: HTTP and its TLS, SFTP, FTPS. No CA bundle is built in: distributions have it at different
# places, and the program looks for it.
built libcurl.a || with_cmake curl -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DCURL_USE_OPENSSL=ON -DCURL_USE_LIBSSH2=ON \
  -DUSE_NGHTTP2=ON -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DCURL_DISABLE_LDAP=ON -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
  -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_CA_FALLBACK=ON -DHAVE_ARC4RANDOM=OFF
if ! built libjq.a; then
  echo "Building jq"
  {
    rm -rf "$work/jq" && cp -r "$(folder_of jq)" "$work/jq" && cd "$work/jq" &&
      { [ -x configure ] || autoreconf -fi; } &&
      ./configure --disable-shared --enable-static --disable-maintainer-mode --disable-docs --with-oniguruma="$prefix" \
        --prefix="$prefix" CC="ccache gcc" CFLAGS="$flags -ffile-prefix-map=$work/jq=." &&
      make src/builtin.inc src/version.h && make -j "$jobs" libjq.la && cp .libs/libjq.a "$prefix/lib/"
  } >"$work/jq.log" 2>&1 || made jq
fi
echo "All that the program is linked with is in build/tarball."
