#!/usr/bin/env bash
# Prints the version of what is checked out, as a semantic version: the tag v1.2.3 gives 1.2.3; a commit behind it
# 1.2.4-dev.N+gHASH, N commits later; where there is no tag, 0.1.0-dev.N+gHASH. Changes that are not committed add ".dirty".
set -euo pipefail
cd "$(dirname "$0")/.."
tag=$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null || true)
dirty=$(git diff-index --quiet HEAD -- 2>/dev/null || echo .dirty)
hash=$(git rev-parse --short=12 HEAD)
if [ -z "$tag" ]; then
	echo "0.1.0-dev.$(git rev-list --count HEAD)+g$hash$dirty"
	exit
fi
later=$(git rev-list --count "$tag..HEAD")
version=${tag#v}
if [ "$later" = 0 ]; then
	echo "$version${dirty:+-dev.0+g$hash$dirty}"
	exit
fi
case $version in
*-*) echo "$version.dev.$later+g$hash$dirty" ;; # 1.2.3-rc.1 is followed by 1.2.3-rc.1.dev.5
*) echo "${version%.*}.$((${version##*.} + 1))-dev.$later+g$hash$dirty" ;;
esac
