# A Wine of its own, with a display, for the proofs. It is sourced; work is a folder that the caller removes after leave_wine.
export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' LANG=en_US.UTF-8

run() { timeout 180 nice wine "$@" 2>/dev/null; }
wait_for() { # seconds command: until the command succeeds
	local n
	for n in $(seq "$1"); do "${@:2}" >/dev/null 2>&1 && return 0; sleep 1; done
	return 1
}

enter_wine() {
	# Wine looks for a display once, at its start.
	Xvfb -displayfd 3 -noreset -screen 0 1100x760x24 -nolisten tcp 3>"$work/display" 2>/dev/null &
	xvfb=$!
	wait_for 20 test -s "$work/display" || return 1
	DISPLAY=:$(cat "$work/display")
	export DISPLAY
	wait_for 20 xdotool getdisplaygeometry || return 1
	openbox >/dev/null 2>&1 &
	run wineboot -i >/dev/null || return 1
	# Wine 8 lacks a library that Go asks for random numbers.
	printf '%s\n' '#include <windows.h>' 'BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);' \
		'__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE d, SIZE_T n) { return SystemFunction036(d, (ULONG)n); }' >"$work/prng.c"
	x86_64-w64-mingw32-gcc -shared -O2 -s -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$work/prng.c" -ladvapi32 || return 1
	run winecfg -v win10 # it says that it is Windows 7 otherwise
}

leave_wine() {
	wineserver -k 2>/dev/null || /usr/lib/wine/wineserver64 -k 2>/dev/null || true
	[ -z "${xvfb:-}" ] || kill "$xvfb" 2>/dev/null || true
}
