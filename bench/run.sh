#!/usr/bin/env bash
# Measures Cloister beside its peers, in one run on this machine; prints a table. Fails only when
# something could not be measured.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "bench/run.sh needs root: run it by 'make bench'" >&2; exit 1; }
go build -o bin/figures ./bench/cmd/figures
exec bin/figures all "$@"
