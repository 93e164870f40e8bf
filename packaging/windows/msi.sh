#!/usr/bin/env bash
# Makes two installers of what build.sh has put into dist/windows: dist/dmgateway_VERSION_windows_amd64.msi for everybody on
# a computer, and …_user.msi for one person, without an administrator. wixl writes them, msibuild changes and adds what wixl
# cannot say. The same inputs make the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows programs=${OUT:-dist/windows} target=$(realpath -m "${MSI_OUT:-dist}")
version=${VERSION:?the version to pack}
# shellcheck source=packaging/windows/common.sh
. "$here/common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$programs"/dmg{ateway,cmd}.exe "$here"/*.ps1 "$here/gateway.wxs" assets/NOTICES.txt "$work/"
cp LICENSE "$work/LICENSE.txt"
cp assets/made/tray/app.ico "$work/app.ico"
mkdir "$work/tables"
GOOS='' GOARCH='' go run ./$here/dialogs -licence LICENSE -out "$work/tables"
contents=$(cat "$here/msi.sh" "$work"/*.* "$work"/tables/* | sha256sum)
mkdir -p "$target"
cd "$work"
# The files' times and the time of day go into a package; both are always the same here.
epoch=${SOURCE_DATE_EPOCH:-946684800}
touch -d "@$epoch" ./*.*
still() { TZ=UTC faketime -f "$(TZ=UTC date -d "@$epoch" '+%F %T')" "$@"; }
size=$(cat ./*.exe ./*.txt ./*.ps1 | wc -c)

# uuid is a GUID that says what it is given, and nothing else.
uuid() { sha256sum <<<"$1" | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-8\3-a\4-\5/' | tr a-f A-F; }
change() { still msibuild gateway.msi -q "$1"; }
# action adds something that Windows does at a step of the installation. Types: 51 sets a property; the others run a
# program as the person (98, at once), as Windows itself (3170) or as the person (1122) while it installs, or leave it
# running (226). A failure of these does not end the installation.
action() { # name type source sequence condition target
	change "INSERT INTO \`CustomAction\` (\`Action\`,\`Type\`,\`Source\`,\`Target\`) VALUES ('$1',$2,'$3','$6')"
	[ -z "$4" ] || step InstallExecuteSequence "$1" "$4" "$5"
}
step() { change "INSERT INTO \`$1\` (\`Action\`,\`Condition\`,\`Sequence\`) VALUES ('$2','$4',$3)"; } # table name sequence condition
# table makes a table that wixl has not made.
table() { msiinfo tables gateway.msi | grep -qx "$1" || change "CREATE TABLE \`$1\` ($2)"; } # name columns
property() { change "INSERT INTO \`Property\` (\`Property\`,\`Value\`) VALUES ('$1','$2')"; }

pack() { # scope root kind name
	rm -f gateway.msi
	still wixl -a x64 -D "Version=$(numbers "$version")" -D "Scope=$1" -D "Root=$2" -D "Kind=$3" -D "Size=$((size / 1024))" \
		-D "Product=$(uuid "product $1 $version")" -o gateway.msi gateway.wxs
	still msibuild gateway.msi -s "Data Management Gateway $version" "Data Management Gateway maintainers" "x64;1033" "{$(uuid "package $1 $version $contents")}"
	change "UPDATE \`Property\` SET \`Value\`='INSTALLDIR;NOFIREWALL;NOAUTOSTART;REMOVEDATA;RUNNING;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED' WHERE \`Property\`='SecureCustomProperties'"
	change "UPDATE \`RegLocator\` SET \`Type\`=18 WHERE \`Type\`=2"                                           # the 64-bit registry
	change "UPDATE \`Registry\` SET \`Value\`='#%%SystemRoot%\\System32\\EventCreate.exe' WHERE \`Name\`='EventMessageFile'" # expandable
	property ARPSYSTEMCOMPONENT 1
	# The old version goes before the new one's files come, and comes back if they do not. What was looked at before must not
	# keep a new file from coming: every file is written (amus), and another build of the same version is an upgrade too (513).
	change "UPDATE \`InstallExecuteSequence\` SET \`Sequence\`=1510 WHERE \`Action\`='RemoveExistingProducts'"
	property REINSTALLMODE amus
	change "UPDATE \`File\` SET \`Version\`='$(numbers "$version").0' WHERE \`File\`='fProgram'"
	change "UPDATE \`File\` SET \`Version\`='$(numbers "$version").0' WHERE \`File\`='fCommand'"
	change "DELETE FROM \`Upgrade\` WHERE \`ActionProperty\`='WIX_UPGRADE_DETECTED'"
	change "INSERT INTO \`Upgrade\` (\`UpgradeCode\`,\`VersionMax\`,\`Attributes\`,\`ActionProperty\`) VALUES ('{7B3C9A54-2E5D-4C0B-9C57-0D5A1E7F${3}21}','$(numbers "$version")',513,'WIX_UPGRADE_DETECTED')"
	if [ "$1" = perUser ]; then
		change "INSERT INTO \`Directory\` (\`Directory\`,\`Directory_Parent\`,\`DefaultDir\`) VALUES ('LocalAppDataFolder','TARGETDIR','.')"
		change "INSERT INTO \`Directory\` (\`Directory\`,\`Directory_Parent\`,\`DefaultDir\`) VALUES ('Programs','LocalAppDataFolder','Programs')"
		change "UPDATE \`Directory\` SET \`Directory_Parent\`='Programs' WHERE \`Directory\`='INSTALLDIR'"
	fi
	local c
	for c in 'cLogin NOT NOAUTOSTART' 'cNoLogin NOAUTOSTART' 'cNoFirewall NOFIREWALL' 'cEvents ALLUSERS'; do
		change "UPDATE \`Component\` SET \`Condition\`='${c#* }' WHERE \`Component\`='${c%% *}'"
	done
	choices
	programs_during
	user_interface
	sign gateway.msi "Data Management Gateway"
	mv gateway.msi "$target/$4"
	ls -l "$target/$4"
}

# choices: what an earlier installation was told holds until something else is said; 0 takes a NO back.
choices() {
	table CustomAction "\`Action\` CHAR(72) NOT NULL, \`Type\` SHORT NOT NULL, \`Source\` CHAR(72), \`Target\` CHAR(255), \`ExtendedType\` LONG PRIMARY KEY \`Action\`"
	local s
	action KeepPlace 51 INSTALLDIR 60 'WASDIR AND NOT INSTALLDIR' '[WASDIR]'
	action KeepLogin 51 NOAUTOSTART 61 'WASNOLOGIN AND NOT NOAUTOSTART' 1
	action KeepFirewall 51 NOFIREWALL 62 'WASNOFIREWALL AND NOT NOFIREWALL' 1
	action YesLogin 51 NOAUTOSTART 63 'NOAUTOSTART="0"' '{}'
	action YesFirewall 51 NOFIREWALL 64 'NOFIREWALL="0"' '{}'
	for s in 'KeepPlace 60 WASDIR AND NOT INSTALLDIR' 'KeepLogin 61 WASNOLOGIN AND NOT NOAUTOSTART' 'KeepFirewall 62 WASNOFIREWALL AND NOT NOFIREWALL'; do
		# shellcheck disable=SC2086 # words
		set -- $s
		step InstallUISequence "$1" "$2" "${*:3}"
	done
	step InstallUISequence YesLogin 63 'NOAUTOSTART="0"'
	step InstallUISequence YesFirewall 64 'NOFIREWALL="0"'
	action ShowNoLogin 51 AUTOSTART '' '' '{}'
	action ShowNoFirewall 51 FIREWALL '' '' '{}'
	step InstallUISequence ShowNoLogin 1210 NOAUTOSTART
	step InstallUISequence ShowNoFirewall 1211 NOFIREWALL
}

# programs_during: the program that runs is closed, and opened again where it ran; firewall rule; data. While it runs its data
# directory has a file control.addr.
programs_during() {
	table Signature "\`Signature\` CHAR(72) NOT NULL, \`FileName\` CHAR(255) NOT NULL, \`MinVersion\` CHAR(20), \`MaxVersion\` CHAR(20), \`MinSize\` LONG, \`MaxSize\` LONG, \`MinDate\` LONG, \`MaxDate\` LONG, \`Languages\` CHAR(255) PRIMARY KEY \`Signature\`"
	table DrLocator "\`Signature_\` CHAR(72) NOT NULL, \`Parent\` CHAR(72), \`Path\` CHAR(255), \`Depth\` SHORT PRIMARY KEY \`Signature_\`,\`Parent\`,\`Path\`"
	change "INSERT INTO \`Signature\` (\`Signature\`,\`FileName\`) VALUES ('sRunning','control.addr')"
	change "INSERT INTO \`DrLocator\` (\`Signature_\`,\`Path\`,\`Depth\`) VALUES ('sRunning','[LocalAppDataFolder]Data Management Gateway',0)"
	change "INSERT INTO \`AppSearch\` (\`Property\`,\`Signature_\`) VALUES ('RUNNING','sRunning')"
	action CloseProgram 98 System64Folder 1390 'Installed OR WIX_UPGRADE_DETECTED' '"[System64Folder]taskkill.exe" /f /im dmgateway.exe /im dmgcmd.exe'
	local firewall='"[System64Folder]netsh.exe" advfirewall firewall' rule='name="Data Management Gateway"'
	action CloseFirewall 3170 System64Folder 3450 ALLUSERS "$firewall delete rule $rule"
	action RemoveData 1122 System64Folder 5800 'REMOVE="ALL" AND REMOVEDATA=1 AND NOT UPGRADINGPRODUCTCODE' '"[System64Folder]cmd.exe" /c rmdir /s /q "[LocalAppDataFolder]Data Management Gateway"'
	action OpenFirewall 3170 System64Folder 5900 'ALLUSERS AND NOT REMOVE AND NOT NOFIREWALL' "$firewall add rule $rule dir=in action=allow protocol=TCP localport=8050 program=\"[INSTALLDIR]dmgateway.exe\""
	action OpenAgain 226 INSTALLDIR 6610 'RUNNING AND NOT REMOVE' '"[INSTALLDIR]dmgateway.exe" -hidden'
	action OpenProgram 226 INSTALLDIR '' '' '"[INSTALLDIR]dmgateway.exe"'
}

user_interface() {
	local t
	for t in tables/*.idt; do still msibuild gateway.msi -i "$t"; done
	property ErrorDialog ErrorPage
	property DefaultUIFont Text
	property PLACE INSTALLDIR
	property AUTOSTART 1
	property FIREWALL 1
	property OPEN 1
	step InstallUISequence AgreementPage 1240 'NOT Installed'
	step InstallUISequence MaintenancePage 1250 'Installed AND NOT RESUME AND NOT Preselected AND NOT REMOVING'
	step InstallUISequence RemovePage 1260 'Installed AND NOT RESUME AND NOT Preselected AND REMOVING'
	step InstallUISequence ProgressPage 1280 ''
	step InstallUISequence DonePage -1 ''
	step InstallUISequence CancelledPage -2 ''
	step InstallUISequence FailedPage -3 ''
}

pack perMachine HKLM 3A "dmgateway_${version}_windows_amd64.msi"
pack perUser HKCU 3B "dmgateway_${version}_windows_amd64_user.msi"
