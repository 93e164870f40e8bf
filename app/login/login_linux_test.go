package login

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheDesktopStartsTheProgramOnlyWhileItIsSet(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	e := Entry{Program: "/opt/data gateway/dmgateway", Args: []string{"-hidden"}}
	is := func(want bool) {
		t.Helper()
		if on, err := e.On(); on != want || err != nil {
			t.Errorf("it is %v, %v", on, err)
		}
	}
	set := func(on bool) {
		t.Helper()
		if err := e.Set(on); err != nil {
			t.Fatal(err)
		}
	}
	is(false)
	set(false)
	set(true)
	is(true)
	name := filepath.Join(config, "autostart", ID+".desktop")
	content, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(content), "\nExec=\"/opt/data gateway/dmgateway\" -hidden\n") {
		t.Errorf("%s, %v", content, err)
	}
	if err := os.WriteFile(name, append(content, "Hidden=true\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	is(false)
	set(true)
	is(true)
	set(false)
	is(false)
}

func TestArgumentsAreQuotedAsTheDesktopReadsThem(t *testing.T) {
	t.Parallel()
	for plain, want := range map[string]string{
		"/usr/bin/dmgateway": "/usr/bin/dmgateway", "a b": `"a b"`, "100%": `"100%%"`, `a\b`: `"a\\\\b"`, "$x": `"\\$x"`, "": `""`,
	} {
		if got := quote(plain); got != want {
			t.Errorf("%s is written %s, want %s", plain, got, want)
		}
	}
}
