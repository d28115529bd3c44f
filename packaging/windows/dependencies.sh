#!/usr/bin/env bash
# Builds the libraries that tillsync.exe is linked with, for Windows, from Debian's source packages: into
# build/windows-deps/prefix. Called by build.sh; safe to repeat: what is built already stays.
#
#   bash packaging/windows/dependencies.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
here=$root/packaging/windows
deps=$root/build/windows-deps
prefix=$deps/prefix
sources=$deps/sources
logs=$deps/logs
triple=x86_64-w64-mingw32
jobs=$(nproc)
cxx=(ccache $triple-g++-posix)
cc="ccache $triple-gcc-posix"
mkdir -p "$prefix/include" "$prefix/lib" "$sources" "$logs" "$deps/done"

fail() {
  echo "dependencies.sh: $*" >&2
  exit 1
}

# --- the sources. Lists of our own, so that the machine's are left alone.

# All of Debian's suites that this machine takes packages from; then the release alone.
prepare_lists() {
  [ -e "$deps/done/lists" ] && return
  local targets
  targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' | sort -u)
  [ -n "$targets" ] || fail "apt knows no package lists of Debian; run apt-get update first"
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  sed "s|^|deb-src [signed-by=$keyring] |" <<<"$targets" >"$deps/all.list"
  grep -v -- '-security ' "$deps/all.list" >"$deps/release.list" || fail "apt knows no release of Debian"
  local suites
  for suites in all release; do
    mkdir -p "$deps/lists-$suites/partial" "$deps/cache/archives/partial"
    apt_of "$suites" update -q >"$logs/update-$suites.log" 2>&1 || fail "apt-get update failed: $(tail -n 3 "$logs/update-$suites.log")"
  done
  touch "$deps/done/lists"
}
apt_of() { # SUITES COMMAND...
  local suites=$1
  shift
  apt-get -o "Dir::Etc::sourcelist=$deps/$suites.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$deps/lists-$suites" \
    -o "Dir::Cache=$deps/cache" -o APT::Sandbox::User=root "$@"
}

# The newest that can be had, its signature and checksums verified by apt; a mirror may lack what its security suite lists.
unpack() { # PACKAGE: leaves its tree, Debian's patches applied, in $sources/PACKAGE
  local package=$1 folder=$sources/$1
  [ -e "$folder/.whole" ] && return
  rm -rf "$folder" "$sources/$package.download"
  mkdir -p "$sources/$package.download"
  local suites got=
  for suites in all release; do
    rm -rf "$sources/$package.download"/*
    if (cd "$sources/$package.download" && apt_of "$suites" source -q --download-only --only-source "$package") >"$logs/$package-source.log" 2>&1; then
      got=$suites
      break
    fi
  done
  [ -n "$got" ] || fail "the source of $package cannot be had: $(grep '^E:' "$logs/$package-source.log" | head -n 1)"
  [ "$got" = all ] || echo "  (the newest source of $package cannot be had from this mirror: taking $(basename "$sources/$package.download"/*.dsc .dsc))"
  dpkg-source --no-check -x "$sources/$package.download"/*.dsc "$folder" >>"$logs/$package-source.log" 2>&1 ||
    fail "the source of $package cannot be unpacked: $(tail -n 2 "$logs/$package-source.log")"
  touch "$folder/.whole"
}

# --- the builds

build() { # NAME: runs build_NAME in $sources/NAME, once
  local name=$1
  [ -e "$deps/done/$name" ] && return
  local started=$SECONDS
  unpack "$name"
  # Not as a condition: there bash would go on behind a command that fails.
  local result=0
  set +e
  (
    set -e
    cd "$sources/$name"
    "build_${name//-/_}"
  ) >"$logs/$name.log" 2>&1
  result=$?
  set -e
  if [ "$result" -ne 0 ]; then
    tail -n 20 "$logs/$name.log" >&2
    fail "$name was not built; all that was said is in build/windows-deps/logs/$name.log"
  fi
  echo "  $name ($((SECONDS - started)) s): $(basename "$sources/$name.download"/*.dsc .dsc)"
  touch "$deps/done/$name"
}

with_cmake() { # OPTION...: configures, builds and installs the tree that we are in
  cmake -S . -B windows-build -G Ninja -DCMAKE_TOOLCHAIN_FILE="$here/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
  cmake --build windows-build -j "$jobs"
  cmake --install windows-build
}

build_openssl() {
  ./Configure mingw64 CC="$cc" AR=$triple-gcc-ar-posix RANLIB=$triple-gcc-ranlib-posix RC=$triple-windres --prefix="$prefix" --libdir=lib \
    --openssldir='C:/Program Files/tillsync/ssl' no-shared no-tests no-engine no-dso no-legacy no-ui-console -D_WIN32_WINNT=0x0A00
  make -j "$jobs" build_generated
  make -j "$jobs" libcrypto.a libssl.a
  cp -r include/openssl "$prefix/include/"
  cp libcrypto.a libssl.a "$prefix/lib/"
}

build_sqlite3() {
  ./configure --disable-readline --disable-tcl
  make sqlite3.c sqlite3.h
  # As Debian has it where it matters to the journal and the reports; and no second copy of a page through a mapping.
  $cc -O2 -c sqlite3.c -o sqlite3.o -DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB \
    -DSQLITE_ENABLE_JSON1 -DSQLITE_MAX_VARIABLE_NUMBER=250000 -DSQLITE_OMIT_LOAD_EXTENSION
  $triple-gcc-ar-posix rcs "$prefix/lib/libsqlite3.a" sqlite3.o
  cp sqlite3.h "$prefix/include/"
}

build_fmtlib() { with_cmake -DFMT_TEST=OFF -DFMT_DOC=OFF; }

build_libonig() { with_cmake; }

build_jq() {
  autoreconf -fi
  ./configure --host=$triple CC="$cc" AR=$triple-gcc-ar-posix RANLIB=$triple-gcc-ranlib-posix --prefix="$prefix" --with-oniguruma="$prefix" \
    --disable-shared --enable-static --disable-maintainer-mode --disable-docs --disable-valgrind \
    CPPFLAGS="-DWIN32 -D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=1 -DONIG_EXTERN=extern" CFLAGS="-O2"
  make src/builtin.inc src/version.h # which no rule of the library asks for
  make -j "$jobs" libjq.la
  cp .libs/libjq.a "$prefix/lib/"
  cp src/jq.h src/jv.h "$prefix/include/"
}

build_libssh2() {
  with_cmake -DCRYPTO_BACKEND=OpenSSL -DBUILD_EXAMPLES=OFF -DENABLE_ZLIB_COMPRESSION=OFF -DOPENSSL_ROOT_DIR="$prefix" -DOPENSSL_USE_STATIC_LIBS=ON \
    -DCMAKE_C_STANDARD_LIBRARIES="-lws2_32 -lcrypt32 -lgdi32 -lbcrypt"
}

build_curl() {
  with_cmake -DBUILD_CURL_EXE=OFF -DCURL_USE_OPENSSL=ON -DCURL_USE_SCHANNEL=OFF -DOPENSSL_ROOT_DIR="$prefix" -DOPENSSL_USE_STATIC_LIBS=ON \
    -DCURL_USE_LIBSSH2=ON -DCURL_USE_LIBPSL=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF -DUSE_WIN32_IDN=ON -DCURL_ZLIB=ON -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
    -DCURL_DISABLE_LDAP=ON -DCURL_DISABLE_LDAPS=ON -DCURL_DISABLE_DICT=ON -DCURL_DISABLE_GOPHER=ON -DCURL_DISABLE_IMAP=ON -DCURL_DISABLE_MQTT=ON \
    -DCURL_DISABLE_POP3=ON -DCURL_DISABLE_RTSP=ON -DCURL_DISABLE_SMB=ON -DCURL_DISABLE_SMTP=ON -DCURL_DISABLE_TELNET=ON -DCURL_DISABLE_TFTP=ON \
    -DCURL_TARGET_WINDOWS_VERSION=0x0A00 -DENABLE_UNICODE=ON -DPICKY_COMPILER=OFF -DENABLE_MANUAL=OFF \
    -DCMAKE_C_STANDARD_LIBRARIES="-lws2_32 -lcrypt32 -lgdi32 -lbcrypt -ladvapi32 -luser32 -lnormaliz"
}

build_pugixml() { with_cmake; }
build_prometheus_cpp() { with_cmake -DENABLE_PULL=OFF -DENABLE_PUSH=OFF -DENABLE_COMPRESSION=OFF -DENABLE_TESTING=OFF -DUSE_THIRDPARTY_LIBRARIES=OFF -DRUN_IWYU=OFF; }

# --- what Debian has as headers for every system. Boost.JSON and Boost.URL are whole in theirs, and compiled once here.

link_headers() {
  local name
  for name in boost cereal spdlog fmt doctest toml++ CLI; do
    [ -e "/usr/include/$name" ] || fail "/usr/include/$name is not there: bash packaging/install_dependencies.sh windows"
    ln -sfn "/usr/include/$name" "$prefix/include/$name"
  done
}

compile_headers() { # NAME "INCLUDE..." [OPTION...]
  local name=$1 text=$2
  shift 2
  [ -e "$prefix/lib/lib$name.a" ] && return
  local source=$deps/$name.cpp
  printf '%b' "$text" >"$source"
  "${cxx[@]}" -std=c++20 -O2 -D_WIN32_WINNT=0x0A00 -DWIN32_LEAN_AND_MEAN -DNOMINMAX -I "$prefix/include" "$@" -c "$source" -o "$deps/$name.o" >"$logs/$name.log" 2>&1 ||
    fail "$name was not compiled: $(head -n 3 "$logs/$name.log")"
  $triple-gcc-ar-posix rcs "$prefix/lib/lib$name.a" "$deps/$name.o"
  echo "  $name"
}

prepare_lists
link_headers
compile_headers boost_json '#include <boost/json/src.hpp>\n'
compile_headers boost_url '#include <boost/url/src.hpp>\n'
for name in fmtlib openssl sqlite3 libonig jq libssh2 curl pugixml prometheus-cpp; do build "$name"; done
