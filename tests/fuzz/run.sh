#!/usr/bin/env bash
# Fuzzes every parser of bytes from outside (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer; Clang 14).
#
#   bash tests/fuzz/run.sh                           60 s each
#   bash tests/fuzz/run.sh 600                       10 minutes each
#   bash tests/fuzz/run.sh 600 fuzz_codec fuzz_json  only these
#
# Two run at a time. Seeds are made anew; what a run finds of interest stays in build/fuzz/corpus and is where the next one
# begins. A finding fails the run and is kept in build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Another clone of the tree finds what this one compiled; of a unity build too, whose sources name others by whole paths.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_IGNOREOPTIONS='-fmacro-prefix-map=*'
export UBSAN_OPTIONS=print_stacktrace=1

fail() {
  echo "tests/fuzz/run.sh: $*" >&2
  exit 1
}

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "\"$seconds\" is no number of seconds; see the head of this file"
shift || true

all=()
for source in tests/fuzz/targets/*.cpp; do all+=("$(basename "$source" .cpp)"); done
chosen=("$@")
[ ${#chosen[@]} -gt 0 ] || chosen=("${all[@]}")
for target in "${chosen[@]}"; do
  [[ " ${all[*]} " == *" $target "* ]] || fail "there is no target \"$target\"; there are: ${all[*]}"
done

programs=$PWD/build/asan/tests/fuzz
corpus=$PWD/build/fuzz/corpus
findings=$PWD/build/fuzz/findings
logs=$PWD/build/fuzz/logs
mkdir -p "$findings" "$logs"
cmake --preset asan >"$logs/configure.log" 2>&1 || {
  tail -n 30 "$logs/configure.log" >&2
  fail "cmake cannot configure; what it said stands above"
}
cmake --build --preset asan -j "$(nproc)" --target fuzz_targets
"$programs/make_corpus" "$corpus" config/tillsync.example.toml

# The journals of fuzz_ndjson and the files of fuzz_import: in memory where there is such a place, since every post
# and every export waits for its fsync.
scratch=$(mktemp -d -p /dev/shm tillsync-fuzz-XXXXXX 2>/dev/null || mktemp -d -t tillsync-fuzz-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

# What a target is run with: its words, the longest input, and the largest single allocation where that is part of the
# parser's promise.
options_of() { # TARGET
  case "$1" in
    fuzz_codec) echo json 4096 16 ;;
    fuzz_import) echo json 8192 16 ;;
    fuzz_decimal_time) echo small_texts 128 16 ;;
    fuzz_request_head) echo http 20000 64 ;;
    fuzz_connector_file) echo connector_file 16384 256 ;;
    fuzz_poslog) echo poslog 16384 256 ;;
    fuzz_settings) echo settings 16384 256 ;;
    *) echo json 16384 256 ;;
  esac
}

# What was found before is run with the seeds, until it is cured.
run_target() { # TARGET
  local target=$1 words longest allocation
  find "$findings" -name "$target-*" -exec mv -t "$corpus/$target" {} +
  read -r words longest allocation < <(options_of "$target")
  "$programs/$target" "$corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -malloc_limit_mb="$allocation" -max_len="$longest" -dict="tests/fuzz/dictionaries/$words.dict" \
    -artifact_prefix="$findings/$target-" -print_final_stats=1 >"$logs/$target.log" 2>&1
}

show() { # TARGET RESULT
  local log=$logs/$1.log runs edges inputs
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  inputs=$(find "$corpus/$1" -type f | wc -l)
  printf '%-22s %10s runs  %6s edges  %6s inputs  %s\n' "$1" "${runs:-?}" "${edges:-?}" "$inputs" "$2"
}

# A run that ends well but has not run its seeds would prove nothing.
finish() { # TARGET RESULT
  if [ "$2" -eq 0 ] && grep -q '^Done [1-9]' "$logs/$1.log"; then
    show "$1" well
    return
  fi
  show "$1" FAILED
  failed+=("$1")
  grep -v '^#[0-9]' "$logs/$1.log" | tail -n 40 >&2
}

failed=()
for ((first = 0; first < ${#chosen[@]}; first += 2)); do
  pair=("${chosen[@]:first:2}")
  pids=()
  for target in "${pair[@]}"; do
    run_target "$target" &
    pids+=($!)
  done
  for i in "${!pair[@]}"; do
    result=0
    wait "${pids[i]}" || result=$?
    finish "${pair[i]}" "$result"
  done
done

if [ ${#failed[@]} -gt 0 ]; then
  for target in "${failed[@]}"; do
    echo "to replay: for f in build/fuzz/findings/$target-*; do build/asan/tests/fuzz/$target \$f; done" >&2
  done
  fail "findings in ${failed[*]} (see above; all output: build/fuzz/logs). Cure it, and keep the input as a test"
fi
echo "tests/fuzz/run.sh: ${#chosen[@]} targets, $seconds s each, nothing found"
