package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bundles lays out the program as macOS wants it, in a zip. The window can only be built on a Mac; put as dmgateway into
// stage/bin/darwin_ARCH, or built by running this there, it is what starts. Without it the program's icon opens the command
// line in a terminal window.
func (r *release) bundles(context.Context) error {
	const app = "Data Management Gateway.app/Contents/"
	plist, err := os.ReadFile("packaging/macos/Info.plist")
	if err != nil {
		return err
	}
	number, _, _ := strings.Cut(r.version, "-") // macOS knows three numbers and nothing behind them
	number, _, _ = strings.Cut(number, "+")
	icon, err := icns()
	if err != nil {
		return err
	}
	dir := filepath.Join(r.stage, "macos")
	filled := strings.NewReplacer("@VERSION@", r.version, "@NUMBER@", number, "@ID@", appID).Replace(string(plist))
	if err := errors.Join(write(filepath.Join(dir, "Info.plist"), []byte(filled)), write(filepath.Join(dir, "app.icns"), icon)); err != nil {
		return err
	}
	for _, system := range r.systems {
		if !strings.HasPrefix(system, "darwin/") {
			continue
		}
		start := filepath.Join(r.programs(system), "dmgateway")
		if _, err := os.Stat(start); err != nil {
			start = "packaging/macos/terminal.sh"
		}
		list := []entry{
			{name: app + "Info.plist", from: filepath.Join(dir, "Info.plist"), mode: 0o644},
			{name: app + "Resources/app.icns", from: filepath.Join(dir, "app.icns"), mode: 0o644},
			{name: app + "Resources/LICENSE", from: r.paper("LICENSE"), mode: 0o644},
			{name: app + "Resources/NOTICES.txt", from: r.paper("NOTICES.txt"), mode: 0o644},
			{name: app + "MacOS/dmgateway", from: start, mode: 0o755},
			{name: app + "MacOS/dmgcmd", from: filepath.Join(r.programs(system), "dmgcmd"), mode: 0o755},
		}
		if err := writeZip(r.file(system, ".app.zip"), list, r.at); err != nil {
			return err
		}
	}
	return nil
}

// icns puts the icon's sizes into one file, as Apple's icon format has them: PNG images behind a name of four letters and
// a length. The names: 16, 32, 32 (16 twice as dense), 64 (32 twice), 128, 256 (128 twice), 256, 512 (256 twice), 512.
func icns() ([]byte, error) {
	var body bytes.Buffer
	for _, part := range []struct {
		kind string
		size int
	}{{"icp4", 16}, {"icp5", 32}, {"ic11", 32}, {"ic12", 64}, {"ic07", 128}, {"ic13", 256}, {"ic08", 256}, {"ic14", 512}, {"ic09", 512}} {
		image, err := os.ReadFile(fmt.Sprintf("assets/made/app/app-%d.png", part.size))
		if err != nil {
			return nil, err
		}
		body.WriteString(part.kind)
		body.Write(binary.BigEndian.AppendUint32(nil, uint32(len(image)+8)))
		body.Write(image)
	}
	head := binary.BigEndian.AppendUint32([]byte("icns"), uint32(body.Len()+8))
	return append(head, body.Bytes()...), nil
}
