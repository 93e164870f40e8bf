package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWhatOthersSayDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	const hostile = "a\x1b]0;title\x07\u009b2J\r\x7fé\tz"
	var out, errOut bytes.Buffer
	p := &program{out: &out, err: &errOut}
	if err := p.print(nil, func(w io.Writer) { fmt.Fprintln(w, hostile) }); err != nil {
		t.Fatal(err)
	}
	p.printError(errors.New(hostile))
	p.say("%s", hostile)
	for _, text := range []string{out.String(), errOut.String()} {
		if bytes.ContainsAny([]byte(text), "\x1b\x07\u009b\r\x7f") || !bytes.Contains([]byte(text), []byte("é")) {
			t.Errorf("shown as %q", text)
		}
	}
}

func TestASecretFileIsNotWrittenIntoOneThatSomebodyMadeBeforehand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, trap := filepath.Join(dir, "ready.json"), filepath.Join(dir, "trap")
	for _, at := range []string{name, name + ".tmp"} {
		if err := os.Symlink(trap, at); err != nil {
			t.Skip(err) // no right to make links
		}
	}
	if err := writeAtomic(name, []byte("token")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("it was written where a link leads")
	}
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if list, err := filepath.Glob(filepath.Join(dir, "ready.json.*")); err != nil || len(list) != 1 {
		t.Errorf("left beside it: %v, %v", list, err)
	}
}
