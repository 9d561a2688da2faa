#!/usr/bin/env bash
# The exam: real clients against the real daemon. Prints what `go test` prints, then what was skipped and why.
# Needs root for all of it; an ordinary user gets the tests that need none. Arguments go to `go test`.
set -uo pipefail
cd "$(dirname "$0")"
[ -x ../bin/cloister ] || { echo "compat: build first: make build" >&2; exit 1; }

TMPDIR=$(mktemp -d /tmp/cloister-compat.XXXXXX)
export TMPDIR AWS_PAGER="" GOFLAGS="-mod=readonly -trimpath" CGO_ENABLED=0
chmod 755 "$TMPDIR" # an ordinary user's Cloister has its data in there

# What an interrupted run leaves: clients and servers of ours, and what they made.
clean() {
  local at pid
  if [ -n "${TEST:-}" ]; then kill -TERM -- "-$TEST" 2>/dev/null && sleep 2; fi
  for at in "$TMPDIR"/data-*/instance.json; do
    [ -e "$at" ] || continue
    at=${at%/instance.json}
    pid=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$at/instance.json")
    if grep -qszxF -- "$at" "/proc/$pid/cmdline"; then kill "$pid"; sleep 2; fi
    ../bin/cloister --data "$at" purge
  done
  rm -rf "$TMPDIR"
}
trap clean EXIT
trap 'exit 130' INT TERM

# Eight tests at a time on two cores: clients wait more than they work, Terraform most. -p 1 shows lines as they come.
: >"$TMPDIR/log"
tail -f --pid=$$ -n +1 "$TMPDIR/log" | grep --line-buffered -vE '^=== (RUN|PAUSE|CONT)' &
set -m # a process group of its own, so that all of it can be ended together
go test -count=1 -timeout 20m -p 1 -parallel 8 -v "$@" ./... >"$TMPDIR/log" 2>&1 &
TEST=$!
set +m
wait $TEST
FAILED=$?
sleep 1 # the last lines

# The codec against the SDKs' published requests and responses, a module of its own.
if [ $# = 0 ]; then (cd snapshots && go test -count=1 ./...) || FAILED=1; fi

# go prints why under the test's name, and later that it was skipped.
awk '/^=== (RUN|CONT|NAME) / { name = $3 }
  /^ +[a-z0-9_]+_test.go:[0-9]+: / { why[name] = $0; sub(/^[^:]*:[0-9]+: /, "", why[name]) }
  /^ *--- SKIP: / { if (!n++) print "\nSkipped:"; print "  " $3 ": " why[$3] }' "$TMPDIR/log"
exit $FAILED
