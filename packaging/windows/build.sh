#!/usr/bin/env bash
# Cross-compiles dmgateway.exe and dmgcmd.exe into dist/windows, with icon, version and manifest, the same bytes each time.
#
#   VERSION=1.2.3 COMMIT=abc packaging/windows/build.sh
#
# SIGN_PFX=FILE and SIGN_PASSWORD_FILE=FILE sign them; SIGN_TIMESTAMP=URL adds the time of a timestamp server.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows out=${OUT:-dist/windows}
version=${VERSION:?the version to build} commit=${COMMIT:-unknown}
# shellcheck source=packaging/windows/common.sh
. "$here/common.sh"
# LDFLAGS_EXTRA stamps what a release pins, such as the root of the update feed.
stamp="-s -w -X dmgateway/engine.version=$version -X dmgateway/engine.commit=$commit ${LDFLAGS_EXTRA:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# finish gives a program its resources and puts it, signed where a certificate is given, into its place.
finish() { # program description
	sed -e "s/@NUMBERS@/$(numbers "$version")/g; s/@VERSION@/$version/g; s/@DESCRIPTION@/$2/g; s/@PROGRAM@/$1/g" \
		"$here/winres.json" >"$work/winres.json"
	cp "$here/program.manifest" assets/made/app/app-*.png "$work/"
	go-winres patch --no-backup --in "$work/winres.json" "$work/$1.exe"
	sign "$work/$1.exe" "$2"
	mv "$work/$1.exe" "$out/$1.exe"
}

export GOOS=windows GOARCH=amd64
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$stamp" -o "$work/dmgcmd.exe" ./app/dmgcmd
finish dmgcmd "Data Management Gateway, command line"
# The first build takes minutes, nearly all of it the C wrappers of OpenGL; other CGO_CFLAGS would build them anew.
CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc CGO_CFLAGS=-O0 go build -trimpath -buildvcs=false -ldflags "$stamp -H windowsgui" -o "$work/dmgateway.exe" ./app
finish dmgateway "Data Management Gateway"
ls -l "$out"
