#!/usr/bin/env bash
# Installs, uses, upgrades, repairs and removes the installers under Wine, silently and page by page, and fails at the first
# thing that is not as it should be. It takes what `make windows` has built; pictures and results lie in dist/prove-windows.
#
# It proves what Wine has. Toasts, UAC, SmartScreen, the firewall itself, remote desktops and PowerShell need a real Windows.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows out=$PWD/dist/prove-windows
# shellcheck source=packaging/windows/common.sh
. "$here/common.sh"
rm -rf "$out" && mkdir -p "$out"
work=$(mktemp -d)
# shellcheck source=packaging/windows/wine.sh
. "$here/wine.sh"
trap 'leave_wine; rm -rf "$work"' EXIT
say() { printf 'prove: %s\n' "$*"; }
fail() {
	say "FAILED: $*"
	import -window root "$out/failed.png" 2>/dev/null || true
	cp -r "${data:-}/logs" "$out/logs" 2>/dev/null || true
	exit 1
}
# has reads to the end first: who writes into a closed pipe fails.
has() { local text; text=$(cat) && grep -q -- "$@" <<<"$text"; }

say "the programs' icon, version and manifest"
for p in dmgateway dmgcmd; do
	go-winres extract --dir "$work/$p" dist/windows/$p.exe
	has 'RT_GROUP_ICON' <"$work/$p/winres.json" || fail "$p.exe has no icon"
	has '"ProductName": "Data Management Gateway"' <"$work/$p/winres.json" || fail "$p.exe has no version"
	grep -rqi 'permonitorv2\|per monitor v2' "$work/$p" || fail "$p.exe is not sharp on every screen"
	grep -rqi 'longPathAware\|long-path-aware": true' "$work/$p" || fail "$p.exe takes no long paths"
done

say "installers, the second version signed, and the first one twice"
mkdir "$work/signed"
cp dist/windows/*.exe "$work/signed"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test publisher' -addext extendedKeyUsage=codeSigning -keyout "$work/key.pem" -out "$work/publisher.pem" 2>/dev/null
head -c 24 /dev/urandom | base64 >"$work/password"
openssl pkcs12 -export -inkey "$work/key.pem" -in "$work/publisher.pem" -passout "file:$work/password" -out "$work/publisher.pfx"
export SIGN_PFX=$work/publisher.pfx SIGN_PASSWORD_FILE=$work/password
for p in dmgateway dmgcmd; do sign "$work/signed/$p.exe" "Data Management Gateway" 2>/dev/null || fail "$p.exe cannot be signed"; done
VERSION=1.3.0 OUT=$work/signed MSI_OUT=$out $here/msi.sh >/dev/null 2>&1 || fail "msi.sh 1.3.0"
unset SIGN_PFX SIGN_PASSWORD_FILE
VERSION=1.2.3 MSI_OUT=$out $here/msi.sh >/dev/null 2>&1 || fail "msi.sh 1.2.3"
VERSION=1.2.3 MSI_OUT=$work/again $here/msi.sh >/dev/null 2>&1 || fail "msi.sh 1.2.3 again"
for f in "$work"/again/*.msi; do cmp "$f" "$out/${f##*/}" || fail "the same version has other bytes"; done
rm -rf "$work/again"
for f in "$work"/signed/*.exe "$out"/*1.3.0*.msi; do
	osslsigncode verify -CAfile "$work/publisher.pem" -in "$f" 2>&1 | has 'Signature verification: ok' || fail "${f##*/} is not signed"
done

say "a fresh Wine"
enter_wine || fail "Wine"
v1=dmgateway_1.2.3_windows_amd64.msi v2=dmgateway_1.3.0_windows_amd64.msi
user1=dmgateway_1.2.3_windows_amd64_user.msi user2=dmgateway_1.3.0_windows_amd64_user.msi
c=$WINEPREFIX/drive_c dir="$c/Program Files/Data Management Gateway" local="$c/users/$(id -un)/AppData/Local"
data="$local/Data Management Gateway"
msi() { run msiexec "$1" "Z:${out//\//\\}\\$2" /qn "${@:3}"; }
key() { run reg query "$1" "${@:2}"; }
login='Software\Microsoft\Windows\CurrentVersion\Run' listed='Software\Microsoft\Windows\CurrentVersion\Uninstall'
events='HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\Data Management Gateway'
# listed_as: the version in the list of programs; nothing where it is not listed. Windows' own entry has to be hidden.
listed_as() { key "$1\\$listed\\Data Management Gateway" /v DisplayVersion | awk '$1 == "DisplayVersion" {print $3}' | tr -d '\r'; }
products() { key "$1\\$listed" /s | grep -c SystemComponent || true; }
status() { timeout 60 wine "$dir/dmgcmd.exe" status --json 2>/dev/null; }
answers() { status | has '"state"'; }
window() { xdotool search --onlyvisible --name '^Data Management Gateway$'; }

# shown opens the window. A Wine whose desktop is just about to end shows nothing, so it is tried again.
shown() {
	local n
	for n in 1 2 3; do
		sleep 5
		wine "$dir/dmgateway.exe" >"$out/window.txt" 2>&1 &
		wait_for 25 window && return 0
		run taskkill /f /im dmgateway.exe >/dev/null
	done
	return 1
}

say "install"
msi /i $v1 || fail "install"
for f in dmgateway.exe dmgcmd.exe RegisterGateway.ps1 GatewayAutoUpdateToggle.ps1 LICENSE.txt NOTICES.txt; do [ -s "$dir/$f" ] || fail "$f is missing"; done
key "HKLM\\$login" | has 'dmgateway.exe.*-hidden' || fail "it does not start at login"
key "$events" | has 'REG_EXPAND_SZ.*EventCreate' || fail "there is no event source"
find "$c" -name 'Data Management Gateway.lnk' | has . || fail "there is no entry in the start menu"
[ "$(listed_as HKLM)" = 1.2.3 ] || fail "it is not in the list of programs"
[ "$(products HKLM)" = 1 ] || fail "Windows' own entry in that list is not hidden"

say "a copy"
run "$dir/dmgcmd.exe" demo --rows 20000 --keep 'C:\kept' >"$out/demo.txt" || fail "demo"
[ -s "$c/kept/result/orders.parquet" ] || fail "no result"
run "$dir/dmgcmd.exe" settings verbose true >/dev/null || fail "a setting"

say "a window, and an upgrade while it is open"
shown || fail "no window came"
wait_for 40 answers || fail "the program does not answer dmgcmd"
sleep 5 # until it is drawn
import -window root "$out/window.png"
status >"$out/status.json"
msi /i $v2 || fail "upgrade"
wait_for 40 answers || fail "the program was not opened again"
cmp "$dir/dmgateway.exe" "$work/signed/dmgateway.exe" || fail "the program that ran was not replaced"
if window; then fail "the program was to come back without its window"; fi
[ "$(products HKLM) $(listed_as HKLM)" = "1 1.3.0" ] || fail "$(products HKLM) versions are installed"
run "$dir/dmgcmd.exe" settings verbose | has true || fail "the upgrade lost a setting"
run taskkill /f /im dmgateway.exe >/dev/null || fail "the program does not end"
! msi /i $v1 || fail "a downgrade was accepted"
cmp "$dir/dmgateway.exe" "$work/signed/dmgateway.exe" || fail "a refused downgrade changed the program"

say "repair"
rm "$dir/dmgcmd.exe"
msi /i $v2 REINSTALL=ALL || fail "repair"
[ -s "$dir/dmgcmd.exe" ] || fail "repair did not bring a file back"

say "remove"
msi /i $v2 REMOVE=ALL || fail "remove"
[ ! -e "$dir/dmgateway.exe" ] || fail "the program is still there"
[ -d "$data" ] || fail "data was removed without being asked to"
! key "HKLM\\$login" | has dmgateway || fail "the start at login is still there"
[ -z "$(listed_as HKLM)" ] || fail "it is still in the list of programs"

say "another folder and no start at login, which an upgrade keeps until it is told otherwise"
msi /i $v1 NOFIREWALL=1 NOAUTOSTART=1 'INSTALLDIR=C:\Apps\Gateway' || fail "install"
[ -s "$c/Apps/Gateway/dmgcmd.exe" ] || fail "INSTALLDIR was not heard"
! key "HKLM\\$login" | has dmgateway || fail "NOAUTOSTART was not heard"
msi /i $v2 || fail "upgrade"
[ -s "$c/Apps/Gateway/dmgcmd.exe" ] || fail "the upgrade went into another folder"
! key "HKLM\\$login" | has dmgateway || fail "the upgrade forgot NOAUTOSTART"
key 'HKLM\Software\Data Management Gateway' | has NoFirewall || fail "the upgrade forgot NOFIREWALL"
msi /x $v2 REMOVEDATA=1 || fail "remove"
[ ! -e "$data" ] || fail "REMOVEDATA left data"
msi /i $v1 NOAUTOSTART=1 && msi /i $v2 NOAUTOSTART=0 || fail "upgrade"
key "HKLM\\$login" | has dmgateway || fail "NOAUTOSTART=0 does not take NOAUTOSTART=1 back"
msi /x $v2 || fail "remove"

say "for one person"
msi /i $user1 || fail "install"
[ -s "$local/Programs/Data Management Gateway/dmgcmd.exe" ] || fail "the program is not among the person's own"
key "HKCU\\$login" | has dmgateway || fail "it does not start at login"
! key "HKLM\\$login" | has dmgateway || fail "it starts at everybody's login"
! key "$events" || fail "it made an event source, which needs an administrator"
msi /i $user2 || fail "upgrade"
[ "$(listed_as HKCU)" = 1.3.0 ] || fail "it is not in the person's list of programs"
msi /x $user2 || fail "remove"
[ ! -e "$local/Programs/Data Management Gateway/dmgcmd.exe" ] || fail "the program is still there"

# press clicks into the page of a size, all in the pages' own units.
press() { # WIDExHIGH x y
	local w WIDTH HEIGHT wide=${1%x*} high=${1#*x} off n
	for n in $(seq 20); do
		for w in $(window); do
			eval "$(xdotool getwindowgeometry --shell "$w" | grep 'WIDTH\|HEIGHT')"
			off=$((WIDTH * high / wide - HEIGHT))
			[ ${off#-} -le 4 ] || continue
			xdotool windowactivate --sync "$w" mousemove --window "$w" $(($2 * WIDTH / wide)) $(($3 * WIDTH / wide)) sleep 0.2 click 1
			sleep 2
			return 0
		done
		sleep 1
	done
	fail "no page of $1"
}
picture() { import -window root "$out/$1.png"; }

say "page by page"
run msiexec /i "Z:${out//\//\\}\\$v1" &
wizard=$!
press 370x270 25 220 # accept
picture agreement
press 370x270 259 251 # next
press 370x270 320 65  # browse
picture browse
press 320x240 275 220 # cancel
press 370x270 323 251 # cancel
press 260x92 215 74   # no, go on
press 370x270 25 103  # no start at sign-in
picture place
press 370x270 259 251 # install
wait_for 60 test -s "$dir/NOTICES.txt" || fail "nothing was installed"
sleep 5
picture done
press 370x270 323 251 # finish, and open
wait "$wizard" || fail "the pages' end"
wait_for 60 answers || fail "the program was not opened"
! key "HKLM\\$login" | has dmgateway || fail "the page's choice was not heard"
[ -d "$data" ] || fail "the program has no data"

say "remove, page by page, while it runs"
removal=$(key "HKLM\\$listed\\Data Management Gateway" /v UninstallString | sed -n 's/.*msiexec.exe //p' | tr -d '\r')
# shellcheck disable=SC2086 # words
run msiexec $removal &
wizard=$!
press 370x270 195 251 # back
picture maintenance
press 370x270 259 251 # remove …
press 370x270 25 99   # … with data
picture remove
press 370x270 259 251
sleep 8
press 370x270 323 251 # finish
wait "$wizard" || fail "the pages' end"
# Wine 8 costs a second time when it leaves the pages, with what it chose before them, and so keeps the files; that they go
# with REMOVE=ALL, which is all that the page sets, is proved here without pages.
[ ! -e "$data" ] || fail "the data is still there, or the removal was not begun"
say "all as it should be; look at the pictures in $out"
