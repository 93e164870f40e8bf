package outbound

import (
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

func TestBypassMatchesNamesNetworksAndPorts(t *testing.T) {
	t.Parallel()
	for list, hosts := range map[string]map[string]bool{
		"":                   {"far.test": false},
		"far.test":           {"far.test": true, "FAR.test.": true, "a.far.test": false, "notfar.test": false},
		"*.far.test":         {"a.far.test": true, "a.b.far.test": true, "far.test": false, "afar.test": false},
		".far.test":          {"a.far.test": true, "far.test": false},
		"*far.test":          {"a.far.test": true, "nofar.test": false},
		"10.0.0.0/8":         {"10.9.8.7": true, "11.0.0.1": false, "10.test": false, "::ffff:10.1.1.1": true},
		"10.1.*":             {"10.1.2.3": true, "10.2.2.3": false},
		"2001:db8::/32":      {"2001:db8::1": true, "2001:db9::1": false},
		"192.168.1.7":        {"192.168.1.7": true, "192.168.1.8": false},
		"[2001:db8::7]":      {"2001:db8::7": true},
		"<local>":            {"server": true, "server.test": false, "10.0.0.1": false, "::2": false},
		"*":                  {"anything.test": true, "10.0.0.1": true},
		"a.test, b.test;\n,": {"a.test": true, "b.test": true, "c.test": false},
		"far.test:8443":      {"far.test": false},
	} {
		b, err := ParseBypass(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
			continue
		}
		for host, want := range hosts {
			if b.Match(host, "443") != want {
				t.Errorf("%q matches %s: %t", list, host, !want)
			}
		}
	}
	b, err := ParseBypass("far.test:8443;10.0.0.1:8443")
	if err != nil || !b.Match("far.test", "8443") || !b.Match("10.0.0.1", "8443") || b.Match("10.0.0.1", "443") {
		t.Errorf("by port: %v", err)
	}
}

func TestBypassRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"http://far.test", "a*b.test", "10.0.0.0/99", "far.test:99999", "far.test:x", "<loopback>", "*.", "us@er"} {
		if _, err := ParseBypass(list); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Settings{
		"mode":                   {Mode: "magic"},
		"custom without address": {Mode: Custom},
		"ftp":                    {Mode: Custom, URL: "ftp://p:1"},
		"path":                   {Mode: Custom, URL: "http://p:1/x"},
		"user in address":        {Mode: Custom, URL: "http://a:b@p:1"},
		"port":                   {Mode: Custom, URL: "http://p:70000"},
		"port zero":              {Mode: Custom, URL: "p:0"},
		"no host":                {Mode: Custom, URL: "http://:3128"},
		"line in user":           {Mode: Custom, URL: "p:1", User: "a\r\nX: y", Password: secret.New("x")},
		"line in password":       {Mode: Custom, URL: "p:1", User: "a", Password: secret.New("a\nb")},
		"password alone":         {Mode: Custom, URL: "p:1", Password: secret.New("x")},
		"bypass":                 {Mode: Custom, URL: "p:1", Bypass: "a/b"},
	} {
		if _, err := s.Check(); fault.Code(err) != fault.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	for in, want := range map[string]string{
		"proxy.test:3128": "http://proxy.test:3128", "HTTP://proxy.test": "http://proxy.test:80", "https://proxy.test/": "https://proxy.test:443",
		"socks5h://p": "socks5://p:1080", "http://[2001:db8::1]:3128": "http://[2001:db8::1]:3128",
	} {
		s, err := Settings{Mode: "Custom", URL: in}.Check()
		if err != nil || s.URL != want || s.Mode != Custom {
			t.Errorf("%s: %+v, %v", in, s, err)
		}
	}
}

func FuzzBypass(f *testing.F) {
	for _, s := range []string{"a.test;*.b;10.0.0.0/8,<local>", "[::1]:80", "10.*", "*", "a:b:c", "..", "*.*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBypass(text)
		if err != nil {
			return
		}
		again, err := ParseBypass(b.String())
		if err != nil {
			t.Fatalf("%q does not read back: %v", b.String(), err)
		}
		for _, host := range []string{"a.test", "10.0.0.1", "x", "::1"} {
			if b.Match(host, "443") != again.Match(host, "443") {
				t.Fatalf("%q and %q differ", text, b.String())
			}
		}
	})
}

func FuzzOffers(f *testing.F) {
	f.Add(`Digest realm="a, b", nonce="x"`, `Basic realm="y", NTLM`)
	f.Add(`NTLM TlRMTVNTUAACAAAA`, `"`)
	f.Fuzz(func(_ *testing.T, a, b string) {
		_, challenge := offers([]string{a, b})
		if challenge != nil {
			_, _ = ntlmAuthenticate(challenge, "u", secret.New("p"))
		}
	})
}
