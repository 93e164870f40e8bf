#!/usr/bin/env bash
# Installs what this machine lacks to build, run and test the project. Debian 12 or a relative of it, with Go.
#
#   packaging/setup.sh run     what `make run` needs: C libraries for the window
#   packaging/setup.sh test    that, and what the tests need: servers, a display without a screen, Node packages, linters
#   packaging/setup.sh package what `make package` needs: C libraries for the window, packagers
#   packaging/setup.sh prove   that, and what proves the packages for Linux in a clean system: `make prove-linux`
#   packaging/setup.sh bench   that, and the tools that `make bench` compares with
#   packaging/setup.sh windows what `make msi` needs: a C compiler for Windows, tools for the installer and its signature, Wine
#
# It says what it installs, does nothing where nothing is missing, and needs root only to install Debian packages.
set -euo pipefail

what=${1:-test}
cache=${DMG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway}

# Versions of what is not a Debian package. Go modules of the product itself are in go.mod.
azurite=3.35.0 servicebus=7.9.5 datafactory=12.0.0 duckdb=1.5.6-r.1
nfpm=v2.45.0 cyclonedx=v1.10.0
golangci=v2.15.0 gofumpt=v0.12.0 govulncheck=v1.9.0
azcopy=v10.32.6 azcopy_azfile=v1.5.2-0.20250507070125-9e8eb1f00372 rclone=v1.76.0

gowinres=v0.3.3

say() { printf 'setup: %s\n' "$*" >&2; }

command -v go >/dev/null || { say "Go is missing. Install Go 1.26 or newer from https://go.dev/dl/ and run this again."; exit 1; }

packages=(gcc libc6-dev pkg-config libgl-dev libxrandr-dev libxcursor-dev libxinerama-dev libxi-dev libxxf86vm-dev libgl1-mesa-dri)
case $what in
run) ;;
package) packages+=(ca-certificates) ;;
prove) packages+=(ca-certificates mmdebstrap lintian rpm desktop-file-utils appstream systemd openssl xvfb openbox imagemagick x11-utils xdotool buildah zsh fish groff) ;;
*)
	packages+=(postgresql-15 mariadb-server openssh-server squid openssl iproute2 xvfb openbox xdotool wmctrl imagemagick x11-utils dbus dbus-x11 libglib2.0-bin lxqt-panel dunst curl chromium)
	command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
	;;
esac
[ "$what" != bench ] || packages+=(postgresql-client mariadb-client freetds-bin mydumper pigz zstd)

if [ "$what" = windows ]; then
	packages=(gcc-mingw-w64-x86-64 wixl msitools osslsigncode openssl faketime wine wine64 xvfb openbox xdotool imagemagick)
fi

install_packages() {
	command -v dpkg-query >/dev/null || { say "not a Debian system; needed, under whatever names: ${packages[*]}"; return 0; }
	local missing=() p
	for p in "${packages[@]}"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	local root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || { say "please install as root: apt-get install ${missing[*]}"; exit 1; }
		root=(sudo)
	fi
	say "installing Debian packages: ${missing[*]}"
	local log
	log=$(mktemp)
	# The servers' packages may start servers of their own; the tests start private ones and never use those.
	if ! { "${root[@]}" apt-get update -q &&
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		tail -20 "$log" >&2
		say "apt-get failed; its whole output is in $log"
		exit 1
	fi
	rm -f "$log"
}

# npm packages for the tests, outside the tree: Azurite (Azure's storage emulator), Microsoft's own clients.
install_node_packages() {
	local dir=$cache/node want="azurite@$azurite @azure/service-bus@$servicebus @azure/arm-datafactory@$datafactory"
	[ "$what" != bench ] || want="$want @duckdb/node-api@$duckdb"
	[[ "$(cat "$dir/.installed" 2>/dev/null)" = "$want"* ]] && return 0
	say "installing Node packages into $dir: $want"
	mkdir -p "$dir"
	[ -f "$dir/package.json" ] || echo '{"private":true}' >"$dir/package.json"
	# shellcheck disable=SC2086 # one word a package
	(cd "$dir" && npm install --no-audit --no-fund --loglevel=error $want >&2)
	echo "$want" >"$dir/.installed"
}

# Linters are built from source with the machine's Go, into the cache.
install_tool() { # name version module
	local bin=$cache/bin/$1
	[ "$(cat "$bin.version" 2>/dev/null)" = "$2 $(go env GOVERSION)" ] && [ -x "$bin" ] && return 0
	say "building $1 $2"
	GOBIN=$cache/bin GOFLAGS='' go install "$3@$2"
	echo "$2 $(go env GOVERSION)" >"$bin.version"
}

# Programs that `make bench` compares with and no distribution has in a recent version. azcopy replaces one of its modules, which
# `go install` refuses; of rclone only the two stores and the one command are built that are compared. So each is built
# in a module of its own.
install_peer() { # name version "modules to get" package; a main package on standard input, or none
	local bin=$cache/bin/$1 dir=$cache/peers/$1 main
	[ "$(cat "$bin.version" 2>/dev/null)" = "$2 $(go env GOVERSION)" ] && [ -x "$bin" ] && return 0
	say "building $1 $2, which takes some minutes"
	rm -rf "$dir"
	mkdir -p "$dir" "$cache/bin"
	main=$(cat)
	[ -z "$main" ] || printf '%s\n' "$main" >"$dir/main.go"
	# shellcheck disable=SC2086 # one word a module
	(
		cd "$dir" && export GOFLAGS=-mod=mod CGO_ENABLED=0 GOWORK=off
		go mod init "peers/$1"
		[ "$1" != azcopy ] || go mod edit -replace "github.com/Azure/azure-sdk-for-go/sdk/storage/azfile=github.com/Azure/azure-sdk-for-go/sdk/storage/azfile@$azcopy_azfile"
		go get $3 && go build -o "$bin" "$4"
	) >"$dir.log" 2>&1 || { tail -5 "$dir.log" >&2; say "$1 could not be built; its lines are left out of the comparison. The whole output is in $dir.log"; return 0; }
	echo "$2 $(go env GOVERSION)" >"$bin.version"
}

install_packages
if [ "$what" = windows ]; then
	install_tool go-winres "$gowinres" github.com/tc-hib/go-winres
	exit 0
fi
case $what in
run) ;;
package | prove)
	install_tool nfpm "$nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm
	install_tool cyclonedx-gomod "$cyclonedx" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	;;
*)
	install_node_packages
	install_tool gofumpt "$gofumpt" mvdan.cc/gofumpt
	install_tool govulncheck "$govulncheck" golang.org/x/vuln/cmd/govulncheck
	install_tool golangci-lint "$golangci" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	;;
esac
if [ "$what" = bench ]; then
	install_peer azcopy "$azcopy" "github.com/Azure/azure-storage-azcopy/v10@$azcopy" github.com/Azure/azure-storage-azcopy/v10 </dev/null
	install_peer rclone-bin "$rclone" "github.com/rclone/rclone@$rclone" . <<-'END'
		package main

		import (
			_ "github.com/rclone/rclone/backend/azureblob"
			_ "github.com/rclone/rclone/backend/local"
			"github.com/rclone/rclone/cmd"
			_ "github.com/rclone/rclone/cmd/copyto"
		)

		func main() { cmd.Main() }
	END
fi
