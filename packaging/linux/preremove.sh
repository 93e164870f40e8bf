#!/bin/sh
# Debian calls this with "remove" or "upgrade"; RPM with how many versions stay.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now dmgateway.service || true
	fi
	;;
esac
