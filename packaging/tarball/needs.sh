#!/usr/bin/env bash
# Says which shared libraries and which C library a program needs; fails where that is more than glibc VERSION.
#   bash packaging/tarball/needs.sh PROGRAM VERSION
set -euo pipefail
program=$1
allowed=$2

needed=$(objdump -p "$program" | awk '$1 == "NEEDED" { print $2 }')
for library in $needed; do
  case "$library" in
    libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | libresolv.so.2 | ld-linux-x86-64.so.2) ;;
    *) echo "needs: $program needs $library, which another system may not have" >&2 && exit 1 ;;
  esac
done
newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
if objdump -T "$program" | grep -qE '(GLIBCXX|CXXABI|GCC)_[0-9]'; then
  echo "needs: $program needs the C++ library of the machine" >&2
  exit 1
fi
if [ "$(printf '%s\n%s\n' "$newest" "$allowed" | sort -V | tail -n 1)" != "$allowed" ]; then
  echo "needs: $program needs glibc $newest; $allowed was allowed. Its symbols:" >&2
  objdump -T "$program" | grep "GLIBC_$newest" >&2
  exit 1
fi
echo "The program needs glibc $newest or newer, and no library beside it ($(tr '\n' ' ' <<<"$needed"))"
