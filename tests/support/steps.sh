# For scripts that start programs, wait for them and say what was expected. To be sourced; the script has a fail() of its own.

stop_pid() { # PID [SIGNAL]: waits for the end, at last by force
  [ -n "$1" ] || return 0
  kill "-${2:-TERM}" "$1" 2>/dev/null || true
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

wait_until() { # SECONDS WHAT COMMAND...
  local until=$((SECONDS + $1)) what=$2
  shift 2
  while ! "$@"; do
    [ "$SECONDS" -lt "$until" ] || fail "waited in vain until $what"
    sleep 0.1
  done
}

expect() { # WHAT IS WANTED
  [ "$2" = "$3" ] || fail "$1: \"$2\", and should be \"$3\""
}

expect_text() { # WHERE PATTERN TEXT
  grep -q -- "$2" <<<"$3" || fail "$1 does not tell \"$2\": $3"
}
