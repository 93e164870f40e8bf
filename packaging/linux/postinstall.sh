#!/bin/sh
# Debian calls this with "configure" and the version before, if any; RPM with how many versions are installed.
set -e
case "$1" in
configure) before=$2 ;;
[0-9]*) [ "$1" -gt 1 ] && before=yes || before= ;;
*) exit 0 ;;
esac

# The user of the service.
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers dmgateway.conf
elif ! getent passwd dmgateway >/dev/null; then
	shell=/usr/sbin/nologin
	[ -x "$shell" ] || shell=/sbin/nologin
	useradd --system --user-group --no-create-home --home-dir /var/lib/dmgateway --shell "$shell" --comment "Data Management Gateway" dmgateway
fi

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	[ -z "$before" ] || systemctl try-restart dmgateway.service || true
fi

# One line about this machine. What it finds stops nothing.
dmgcmd requirements --brief || true
