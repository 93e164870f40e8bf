#!/bin/sh
# Debian calls this with "remove", then with "purge" where everything shall go; RPM with how many versions stay, and knows
# no purge. The service's data (registration, certificate, jobs, logs) goes with the purge only; what people keep in their
# homes and what jobs have written is never touched. The user stays, because files may belong to it.
set -e
case "$1" in
purge) rm -rf /var/lib/dmgateway ;;
esac
case "$1" in
purge | remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload || true
	fi
	;;
esac
