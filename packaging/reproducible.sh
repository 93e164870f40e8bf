#!/usr/bin/env bash
# Builds the last commit twice and compares every file: in folders of different names and depth, with another umask, time
# zone and language, and the second time with an empty cache of compiled packages, so that nothing is only copied. It takes
# as long as the first build on a new machine. SYSTEMS and WINDOW=false make it quicker.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
version=$(packaging/version.sh)
version=${version%.dirty}

build() { # folder umask TZ LANG
	git clone -q --no-hardlinks "$top" "$work/$1"
	(
		cd "$work/$1"
		umask "$2"
		export TZ=$3 LANG=$4 LC_ALL=$4
		export DMG_CACHE=${DMG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway}
		go run ./packaging/release -version "$version" -out dist -window="${WINDOW:-true}" ${SYSTEMS:+-systems "$SYSTEMS"}
		sha256sum dist/container/*.tar >>dist/SHA256SUMS
	)
}

build one 022 UTC C
GOCACHE=$work/cache build a/deeper/two 077 Asia/Tokyo de_DE.UTF-8
if ! diff "$work/one/dist/SHA256SUMS" "$work/a/deeper/two/dist/SHA256SUMS"; then
	echo "reproducible: the files above differ" >&2
	exit 1
fi
echo "reproducible: $(wc -l <"$work/one/dist/SHA256SUMS") files of $version are the same twice"
