#!/usr/bin/env bash
# Proves the container from what `make package` has put into dist/container: the factory and a gateway run from its root file
# system, which they cannot write, as its own user, with its environment, health checks and folders, and a gateway that is
# started again with the same key goes on. Where buildah works the image is built too. Without a container engine
# the files are unpacked and run by chroot in a mount namespace. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
dist=${DIST:-$PWD/dist}
if [ -z "${IN_NAMESPACE:-}" ]; then # mounts of our own, which end with this script
	exec unshare --mount --propagation private env IN_NAMESPACE=1 "$0" "$@"
fi
say() { printf '\n== %s\n' "$*"; }
die() { printf 'prove: %s\n' "$*" >&2; exit 1; }
arch=$(go env GOARCH)
image=$dist/container/root_$arch.tar
[ -f "$image" ] || die "run make package first"
work=$(mktemp -d /tmp/dmgateway-container.XXXXXX)
pids=()
cleanup() {
	for p in "${pids[@]}"; do kill -INT "$p" 2>/dev/null || true; done
	wait || true
	umount -l "$work"/*/data "$work"/*/tmp "$work"/*/dev "$work"/*/proc "$work"/*/etc/ssl "$work"/factory "$work"/gateway 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT

if command -v buildah >/dev/null && [ -z "${NO_BUILDAH:-}" ]; then
	say "the images, by buildah"
	for target in gateway factory; do
		if ! buildah --storage-driver vfs --root "$work/images" --runroot "$work/run" build --isolation chroot --build-arg "TARGETARCH=$arch" \
			--target "$target" -t "dmg$target" -f "$dist/container/Containerfile" "$dist/container" >"$work/build.log" 2>&1; then
			tail -3 "$work/build.log"
			echo "buildah cannot build here; the root file system is run without it"
			break
		fi
		buildah --storage-driver vfs --root "$work/images" --runroot "$work/run" inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}} {{.OCIv1.Config.Env}}' "dmg$target"
	done
fi

# box lays out one container: a read-only root, its volume and /tmp beside it.
box() {
	mkdir -p "$work/$1" "$work/$1.data"
	tar -C "$work/$1" --same-owner -xpf "$image"
	chown 65532:65532 "$work/$1.data"
	chmod 700 "$work/$1.data"
	mkdir -p "$work/$1/dev" "$work/$1/proc" "$work/$1/run"
	mount --bind "$work/$1" "$work/$1"
	mount -o remount,bind,ro "$work/$1"
	mount --bind "$work/$1.data" "$work/$1/data"
	mount -t tmpfs -o mode=1777,nosuid,nodev none "$work/$1/tmp"
	mount --bind /dev "$work/$1/dev"
}
inside() { # NAME WORDS…: the entry point, as the Containerfile says
	local name=$1
	shift
	chroot --userspec=65532:65532 "$work/$name" /usr/bin/dmgcmd "$@"
}
until_ok() { # SECONDS WORDS…
	local n=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ "$n" -gt 0 ] || return 1
		sleep 0.2
	done
}
export DMG_DATA=/data TMPDIR=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/data
unset DMG_KEY DMG_KEY_FILE DMG_PASSPHRASE DMG_PASSPHRASE_FILE

box factory
box gateway
say "what is inside"
tar -tf "$image"
touch "$work/gateway/usr/bin/x" 2>/dev/null && die "the root can be written"

chroot "$work/gateway" /bin/sh -c true 2>/dev/null && die "there is a shell in the image"

say "the factory"
chroot --userspec=65532:65532 "$work/factory" /usr/bin/dmgcmd factory serve --listen 127.0.0.1:0 >"$work/factory.log" 2>&1 &
pids+=($!)
until_ok 60 inside factory factory gateway list || { cat "$work/factory.log"; die "the factory is not healthy"; }
cat "$work/factory.log"
inside factory factory gateway new plant1 >"$work/gateway.data/key"
chown 65532:65532 "$work/gateway.data/key"

say "the gateway"
export DMG_KEY_FILE=/data/key DMG_NODE=box
inside gateway status --check >/dev/null 2>&1 && die "healthy before it runs"
for start in first second; do
	chroot --userspec=65532:65532 "$work/gateway" /usr/bin/dmgcmd run >"$work/gateway.log" 2>&1 &
	gateway=$!
	pids+=("$gateway")
	until_ok 60 inside gateway status --check || { cat "$work/gateway.log"; die "the gateway is not healthy at its $start start"; }
	inside gateway status | head -6
	kill -TERM "$gateway"
	wait "$gateway" || die "it does not end by SIGTERM: $?"
	registered=$(grep -c 'Agent registration is successful' "$work/gateway.log" || true)
	[ "$start:$registered" = first:1 ] || [ "$start:$registered" = second:0 ] || die "at its $start start it registered $registered times"
done
[ -z "$(find "$work/gateway.data" ! -user 65532 -print)" ] || die "files of another user"
echo
echo "prove: factory and gateway run from a root that is read-only, as user 65532, and start again with the same key"
