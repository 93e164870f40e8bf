#!/usr/bin/env bash
# Proves the packages that `make package` has put into dist/: checks them with the distributions' own tools, then installs
# the Debian one into a clean system below a temporary folder, copies with it, opens the window from its menu entry, upgrades,
# removes and purges it. Needs root, and Debian's package servers. Screenshots go to SHOTS (default dist/proof).
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD dist=${DIST:-$PWD/dist} cache=${DMG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway}
shots=${SHOTS:-$dist/proof}
suite=${SUITE:-bookworm}

if [ -z "${IN_NAMESPACE:-}" ]; then # mounts of our own, which end with this script
	exec unshare --mount --propagation private env IN_NAMESPACE=1 "$0" "$@"
fi
say() { printf '\n== %s\n' "$*"; }
die() { printf 'prove: %s\n' "$*" >&2; exit 1; }
deb=$(ls "$dist"/dmgateway_*_linux_amd64.deb) rpm=$(ls "$dist"/dmgateway_*_linux_amd64.rpm) || die "run make package first"
[ "$(wc -w <<<"$deb")" = 1 ] || die "several packages in $dist: $deb"
mkdir -p "$shots"
work=$(mktemp -d /tmp/dmgateway-prove.XXXXXX)
root=$work/root xvfb=
cleanup() {
	[ -z "$xvfb" ] || kill "$xvfb" 2>/dev/null || true
	umount -l "$root"/{proc,sys,dev,tmp/.X11-unix} 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT

say "the packages, as Debian and Red Hat check them"
dpkg-deb --info "$deb" | sed -n '/Package:/,$p'
# What lintian may say: static programs are how Go links; a changelog of Debian's kind belongs to Debian's own packages; the
# scripts serve RPM too, so they call systemctl; nfpm writes a field License.
lintian --tag-display-limit 0 --suppress-tags statically-linked-binary,maintainer-script-calls-systemctl,unknown-field,no-changelog,debian-changelog-file-missing,hardening-no-pie,initial-upload-closes-no-bugs "$deb" | tee "$work/lintian"
if grep '^E:' "$work/lintian"; then die "lintian finds errors"; fi
rpm --nosignature -K "$rpm"
rpm -qp --nosignature --requires --scripts "$rpm" >"$work/rpm"
grep -q 'libGL.so.1' "$work/rpm" || die "the RPM does not ask for libGL"
[ "$(rpm -qpl --nosignature "$rpm" | grep -c '^/usr/bin/dm')" = 2 ] || die "the RPM lacks a program"

say "a clean $suite"
[ -f "${TARBALL:-}" ] || { TARBALL=$work/base.tar; mmdebstrap --quiet --variant=minbase "$suite" "$TARBALL"; }
mkdir "$root"
tar -C "$root" -xf "$TARBALL"
mkdir -p "$root/tmp/.X11-unix"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${PROXY:+http_proxy=$PROXY} "$@"; }
as() { local user=$1; shift; in_root setpriv --reuid "$user" --regid "$user" --clear-groups env HOME="/home/$user" "$@"; }
in_root apt-get update -qq
in_root useradd --create-home ada

say "install"
cp "$deb" "$root/tmp/dmgateway.deb"
in_root apt-get install -y -qq --no-install-recommends /tmp/dmgateway.deb >"$work/install" 2>&1 || { cat "$work/install"; die "it cannot be installed"; }
tail -3 "$work/install"
grep -q 'Data Management Gateway' "$work/install" || die "the installation says nothing about the machine"
in_root getent passwd dmgateway || die "there is no user dmgateway"
in_root dmgcmd version
in_root man --version >/dev/null 2>&1 || gzip -dc "$root/usr/share/man/man1/dmgcmd.1.gz" >/dev/null
! in_root ldd /usr/bin/dmgateway | grep 'not found' || die "a library is missing"

say "what desktops, shells, man and systemd read"
desktop-file-validate "$root"/usr/share/applications/*.desktop
appstreamcli validate --no-net "$root"/usr/share/metainfo/*.xml
bash -n "$root/usr/share/bash-completion/completions/dmgcmd"
zsh -n "$root/usr/share/zsh/vendor-completions/_dmgcmd"
fish -n "$root/usr/share/fish/vendor_completions.d/dmgcmd.fish"
for page in dmgcmd dmgateway; do
	[ -z "$(gzip -dc "$root/usr/share/man/man1/$page.1.gz" | groff -man -Tutf8 -ww 2>&1 >/dev/null)" ] || die "$page(1) is no clean manual page"
done
for size in 16 24 32 48 64 128 256 512; do
	[ -s "$root/usr/share/icons/hicolor/${size}x$size/apps/io.github.dmgateway.DataManagementGateway.png" ] || die "the icon of $size is missing"
done
for unit in system user; do # the program of the unit is not on this system
	sed 's#^ExecStart=.*#ExecStart=/bin/true#' packaging/linux/dmgateway$([ "$unit" = system ] || echo -user).service >"$work/dmgateway.service"
	systemd-analyze verify --"$unit" --man=no "$work/dmgateway.service" >"$work/verify" 2>&1 || true
	if grep 'dmgateway\.service' "$work/verify"; then die "systemd does not take the $unit unit"; fi
done
systemd-analyze security --offline=true "$root/lib/systemd/system/dmgateway.service" | tail -1

say "a copy, as a person"
as ada dmgcmd demo --rows 2000 --keep /home/ada/demo | tail -5
as ada test -s /home/ada/demo || die "the demonstration left nothing"

say "the window, from its menu entry"
exec 7<>"$work/display"
Xvfb -displayfd 7 -screen 0 1100x760x24 -nolisten tcp >"$work/xvfb" 2>&1 &
xvfb=$!
for _ in $(seq 100); do [ -s "$work/display" ] && break; sleep 0.1; done
display=:$(tr -d '\n' <"$work/display")
[ "$display" != : ] || die "no display: $(cat "$work/xvfb")"
mount --bind /tmp/.X11-unix "$root/tmp/.X11-unix"
entry=$(sed -n 's/^Exec=//p' "$root"/usr/share/applications/*.desktop)
as ada env DISPLAY="$display" LANG=en_US.UTF-8 FYNE_THEME=light $entry >"$work/window.log" 2>&1 &
for _ in $(seq 300); do
	window=$(DISPLAY=$display xdotool search --onlyvisible --name 'Data Management Gateway' 2>/dev/null | head -1) || true
	[ -z "$window" ] || break
	sleep 0.2
done
[ -n "${window:-}" ] || { cat "$work/window.log"; die "no window comes"; }
sleep 4 # for the eye: the window is drawn some frames after it is there
import -display "$display" -window root "$shots/window.png"
echo "screenshot: $shots/window.png"
as ada dmgcmd settings nodename kept-node
as ada dmgcmd status | head -2
in_root pkill -INT -u ada -x dmgateway 2>/dev/null || chroot "$root" sh -c 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = /usr/bin/dmgateway ] && kill -INT ${p#/proc/}; done' || true
wait %2 2>/dev/null || true

say "upgrade, with the data kept"
in_root install -d -o dmgateway -g dmgateway -m 700 /var/lib/dmgateway
as_service() { in_root setpriv --reuid dmgateway --regid dmgateway --clear-groups env HOME=/nonexistent DMG_DATA=/var/lib/dmgateway "$@"; }
as_service dmgcmd settings nodename kept-service
next=99.0.0
(cd "$dist/stage/root" && VERSION=$next GOARCH=amd64 "$cache/bin/nfpm" package --config "$top/packaging/linux/nfpm.yaml" --packager deb --target "$root/tmp/next.deb" >/dev/null)
in_root apt-get install -y -qq --no-install-recommends /tmp/next.deb >"$work/upgrade" 2>&1 || { cat "$work/upgrade"; die "it cannot be upgraded"; }
[ "$(in_root dpkg-query -W -f '${Version}' dmgateway)" = "$next" ] || die "the version is not $next"
[ "$(as ada dmgcmd settings nodename)" = kept-node ] || die "a person's settings are lost"
[ "$(as_service dmgcmd settings nodename)" = kept-service ] || die "the service's settings are lost"

say "remove, then purge"
in_root apt-get remove -y -qq dmgateway >"$work/remove" 2>&1 || { cat "$work/remove"; die "it cannot be removed"; }
[ ! -e "$root/usr/bin/dmgcmd" ] || die "the programs stay"
[ -e "$root/var/lib/dmgateway/journal.db" ] || die "remove takes the service's data"
in_root apt-get purge -y -qq dmgateway >"$work/purge" 2>&1 || { cat "$work/purge"; die "it cannot be purged"; }
[ ! -e "$root/var/lib/dmgateway" ] || die "purge leaves the service's data"
[ -d "$root/home/ada/.local/share/dmgateway" ] || die "purge takes a person's data"
left=$(in_root find / -xdev -iname '*dmgateway*' -not -path '/home/*' -not -path '/tmp/*' -not -path '/var/cache/*' -not -path '/var/log/*' -not -path '/proc/*' 2>/dev/null || true)
[ -z "$left" ] || die "left behind: $left"

echo
echo "prove: $(basename "$deb") was installed, used, upgraded, removed and purged"
