#!/usr/bin/env bash
# Runs the tests that touch Windows itself under Wine: the control pipe, the key store, files and their locks, the log, the
# update's files. Tests of things that only other systems have are left out by name, with what they need.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows
work=$(mktemp -d)
# shellcheck source=packaging/windows/wine.sh
. "$here/wine.sh"
trap 'leave_wine; rm -rf "$work"' EXIT
enter_wine || { echo "test: Wine does not start" >&2; exit 1; }
# Each line: package, tests, and what is left out.
while read -r package run skip; do
	[ -n "$package" ] || continue
	nice env CGO_ENABLED=0 GOOS=windows GOARCH=amd64 go test -exec wine -json -count=1 -timeout 5m -run "$run" ${skip:+-skip "$skip"} "./$package" </dev/null
done >"$work/said.json" 2>"$work/errors.txt" <<'END' || true
engine Control
engine/credential . TestVaultFallsBackToAFile
engine/logging . TestAFileThatWasMovedAwayIsBegunAnew
engine/update .
engine/supervise .
END
go run ./$here/winetest <"$work/said.json" || { tail -5 "$work/errors.txt"; exit 1; }
