# What build.sh and msi.sh share. It is sourced.
PATH=${DMG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dmgateway}/bin:$PATH

# numbers is a version as Windows compares them: 1.2.3 of v1.2.3-4-gabc; what has no numbers is 0.0.0.
numbers() {
	local n
	n=$(sed -nE 's/^v?([0-9]+)\.([0-9]+)\.([0-9]+).*/\1.\2.\3/p' <<<"$1")
	echo "${n:-0.0.0}"
}

# sign signs a file in place where SIGN_PFX names a certificate. The password stands in a file, never in an argument.
sign() { # file description
	[ -n "${SIGN_PFX:-}" ] || return 0
	osslsigncode sign -pkcs12 "$SIGN_PFX" -readpass "${SIGN_PASSWORD_FILE:?the file with the password of SIGN_PFX}" -h sha256 \
		-n "$2" ${SIGN_TIMESTAMP:+-ts "$SIGN_TIMESTAMP"} -in "$1" -out "$1.signed" >&2
	mv "$1.signed" "$1"
}
