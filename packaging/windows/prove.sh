#!/usr/bin/env bash
# Installs, uses, upgrades and removes the installer under Wine, and fails at the first thing that is not as it should be.
# It takes what `make windows` has built; pictures and the copy's result lie in dist/prove-windows.
#
# It proves what Wine has. Toasts, UAC, SmartScreen, the firewall itself, remote desktops and PowerShell need a real Windows.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows out=$PWD/dist/prove-windows
# shellcheck source=packaging/windows/common.sh
. "$here/common.sh"
rm -rf "$out" && mkdir -p "$out"
work=$(mktemp -d)
export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' LANG=en_US.UTF-8
trap 'wineserver -k 2>/dev/null || /usr/lib/wine/wineserver64 -k 2>/dev/null || true; [ -z "${x:-}" ] || kill "$x"; rm -rf "$work"' EXIT
say() { printf 'prove: %s\n' "$*"; }
fail() { say "FAILED: $*"; exit 1; }
# has reads to the end first: who writes into a closed pipe fails.
has() { local text; text=$(cat) && grep -q -- "$@" <<<"$text"; }
run() { timeout 180 nice wine "$@" 2>/dev/null; }

say "a display, which Wine looks for once, at its start"
Xvfb -displayfd 3 -noreset -screen 0 1100x760x24 -nolisten tcp 3>"$work/display" 2>/dev/null &
x=$!
wait_for() { # seconds command: until the command succeeds
	local n
	for n in $(seq "$1"); do "${@:2}" >/dev/null 2>&1 && return 0; sleep 1; done
	return 1
}
wait_for 20 test -s "$work/display" || fail "Xvfb"
DISPLAY=:$(cat "$work/display")
export DISPLAY
wait_for 20 xdotool getdisplaygeometry || fail "Xvfb at $DISPLAY"
openbox 2>/dev/null &

say "a fresh Wine"
run wineboot -i >/dev/null
# Wine 8 lacks a library that Go asks for random numbers.
printf '%s\n' '#include <windows.h>' 'BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);' \
	'__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE d, SIZE_T n) { return SystemFunction036(d, (ULONG)n); }' >"$work/prng.c"
x86_64-w64-mingw32-gcc -shared -O2 -s -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$work/prng.c" -ladvapi32

say "two installers"
for v in 1.2.3 1.3.0; do VERSION=$v MSI=dist/prove-windows/$v.msi $here/msi.sh >/dev/null 2>&1 || fail "msi.sh $v"; done
c=$WINEPREFIX/drive_c dir="$c/Program Files/Data Management Gateway" data="$c/users/$(id -un)/AppData/Local/Data Management Gateway"
msi() { run msiexec "$1" "Z:${out//\//\\}\\$2" /qn "${@:3}"; }
key() { run reg query "$1" "${@:2}"; }
login='HKLM\Software\Microsoft\Windows\CurrentVersion\Run' events='HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\Data Management Gateway'
versions() { key 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s | grep -c DisplayVersion || true; }

say "install"
msi /i 1.2.3.msi || fail "install"
for f in dmgateway.exe dmgcmd.exe RegisterGateway.ps1 GatewayAutoUpdateToggle.ps1 LICENSE.txt NOTICES.txt; do [ -s "$dir/$f" ] || fail "$f is missing"; done
key "$login" | has 'dmgateway.exe.*-hidden' || fail "it does not start at login"
key "$events" | has 'REG_EXPAND_SZ.*EventCreate' || fail "there is no event source"
find "$c" -name 'Data Management Gateway.lnk' | has . || fail "there is no entry in the start menu"

say "a window"
wine "$dir/dmgateway.exe" >"$out/window.txt" 2>&1 &
wait_for 40 xdotool search --name '^Data Management Gateway$' || { import -window root "$out/window.png"; fail "no window came, see $out/window.png"; }
sleep 5 # until it is drawn
import -window root "$out/window.png"
{ run "$dir/dmgcmd.exe" status --json >"$out/status.json" && has '"state"' <"$out/status.json"; } || fail "the program does not answer dmgcmd"
run taskkill /f /im dmgateway.exe >/dev/null || fail "the program does not end"

say "a copy"
run "$dir/dmgcmd.exe" demo --rows 20000 --keep 'C:\kept' >"$out/demo.txt" || fail "demo"
[ -s "$c/kept/result/orders.parquet" ] || fail "no result"
run "$dir/dmgcmd.exe" settings verbose true >/dev/null || fail "a setting"

say "upgrade"
msi /i 1.3.0.msi || fail "upgrade"
[ "$(versions)" = 1 ] || fail "$(versions) versions are installed"
run "$dir/dmgcmd.exe" settings verbose | has true || fail "the upgrade lost a setting"
! msi /i 1.2.3.msi || fail "a downgrade was accepted"

say "repair"
rm "$dir/dmgcmd.exe"
msi /i 1.3.0.msi REINSTALL=ALL REINSTALLMODE=amus || fail "repair"
[ -s "$dir/dmgcmd.exe" ] || fail "repair did not bring a file back"

say "remove"
msi /x 1.3.0.msi || fail "remove"
[ ! -e "$dir/dmgateway.exe" ] || fail "the program is still there"
[ -d "$data" ] || fail "data was removed without being asked to"
! key "$login" | has dmgateway || fail "the start at login is still there"

say "install as told, remove with data"
msi /i 1.3.0.msi NOFIREWALL=1 NOAUTOSTART=1 || fail "install"
! key "$login" | has dmgateway || fail "NOAUTOSTART was not heard"
msi /x 1.3.0.msi REMOVEDATA=1 || fail "remove"
[ ! -e "$data" ] || fail "REMOVEDATA left data"
say "all as it should be; look at $out/window.png"
