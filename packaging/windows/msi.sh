#!/usr/bin/env bash
# Makes dist/dmgateway_VERSION_windows_amd64.msi of what build.sh has put into dist/windows. wixl writes the package,
# msibuild changes what wixl cannot say.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/windows programs=${OUT:-dist/windows}
version=${VERSION:?the version to pack}
# shellcheck source=packaging/windows/common.sh
. "$here/common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$programs"/dmg{ateway,cmd}.exe "$here"/*.ps1 "$here/gateway.wxs" assets/NOTICES.txt "$work/"
cp LICENSE "$work/LICENSE.txt"
cp assets/made/tray/app.ico "$work/app.ico"
target=$PWD/${MSI:-dist/dmgateway_${version}_windows_amd64.msi}
cd "$work"
wixl -a x64 -D "Version=$(numbers "$version")" -o gateway.msi gateway.wxs
change() { msibuild gateway.msi -q "$1"; }
change "UPDATE \`Property\` SET \`Value\`='INSTALLDIR;NOFIREWALL;NOAUTOSTART;REMOVEDATA;WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED' WHERE \`Property\`='SecureCustomProperties'"
change "UPDATE \`Component\` SET \`Condition\`='NOT NOAUTOSTART' WHERE \`Component\`='cLogin'"
change "UPDATE \`InstallExecuteSequence\` SET \`Sequence\`=1410 WHERE \`Action\`='RemoveExistingProducts'" # the old version goes before the new one's files come
change "UPDATE \`RegLocator\` SET \`Type\`=18 WHERE \`Signature_\`='sDir'"                                   # the 64-bit registry
change "UPDATE \`Registry\` SET \`Value\`='#%%SystemRoot%\\System32\\EventCreate.exe' WHERE \`Name\`='EventMessageFile'" # expandable
# Programs run as Windows itself (3170) or as the person (1122), during the installation; a failure does not end it.
action() { # name type sequence condition command
	change "INSERT INTO \`CustomAction\` (\`Action\`,\`Type\`,\`Source\`,\`Target\`) VALUES ('$1',$2,'System64Folder','$5')"
	change "INSERT INTO \`InstallExecuteSequence\` (\`Action\`,\`Condition\`,\`Sequence\`) VALUES ('$1','$4',$3)"
}
msiinfo tables gateway.msi | grep -qx CustomAction || change "CREATE TABLE \`CustomAction\` (\`Action\` CHAR(72) NOT NULL, \`Type\` SHORT NOT NULL, \`Source\` CHAR(72), \`Target\` CHAR(255), \`ExtendedType\` LONG PRIMARY KEY \`Action\`)"
firewall='"[System64Folder]netsh.exe" advfirewall firewall'
action CloseFirewall 3170 3450 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE' "$firewall delete rule name=\"Data Management Gateway\""
action RemoveData 1122 5800 'REMOVE="ALL" AND REMOVEDATA=1 AND NOT UPGRADINGPRODUCTCODE' '"[System64Folder]cmd.exe" /c rmdir /s /q "[LocalAppDataFolder]Data Management Gateway"'
action OpenFirewall 3170 5900 'NOT REMOVE AND NOT NOFIREWALL' "$firewall add rule name=\"Data Management Gateway\" dir=in action=allow protocol=TCP localport=8050 program=\"[INSTALLDIR]dmgateway.exe\""
sign gateway.msi "Data Management Gateway"
mkdir -p "$(dirname "$target")"
mv gateway.msi "$target"
ls -l "$target"
