#!/usr/bin/env bash
# Go benchmarks of the hot paths, then whole copies beside psql. BENCH_ROWS and BENCH_TIMES change the second part.
set -euo pipefail
cd "$(dirname "$0")/.."
go test -run '^$' -bench . -benchmem ./engine/...
CGO_ENABLED=0 go build -o bin/dmgcmd ./app/dmgcmd
go run ./packaging/bench -dmgcmd bin/dmgcmd -rows "${BENCH_ROWS:-1000000}" -times "${BENCH_TIMES:-5}"
