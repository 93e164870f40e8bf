package protocol

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"
)

func TestCredentialTokensAreRefusedForAnyoneElse(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	good := CredentialToken{Purpose: PurposeCredential, Factory: "f", Gateway: "g", LinkedService: "shop", ID: "1", Issued: now.Unix(), Expires: now.Add(10 * time.Minute).Unix()}
	for _, c := range []struct {
		name  string
		edit  func(*CredentialToken)
		key   ed25519.PrivateKey
		after time.Duration
		works bool
	}{
		{name: "at once", works: true},
		{name: "at its end, with the clocks apart", after: 11 * time.Minute, works: true},
		{name: "a clock that is a little behind", after: -time.Minute, works: true},
		{name: "too late", after: 13 * time.Minute},
		{name: "too early", after: -3 * time.Minute},
		{name: "another gateway", edit: func(t *CredentialToken) { t.Gateway = "h" }},
		{name: "another factory", edit: func(t *CredentialToken) { t.Factory = "h" }},
		{name: "another purpose", edit: func(t *CredentialToken) { t.Purpose = "update" }},
		{name: "no ID", edit: func(t *CredentialToken) { t.ID = "" }},
		{name: "no linked service", edit: func(t *CredentialToken) { t.LinkedService = "" }},
		{name: "for a year", edit: func(t *CredentialToken) { t.Expires += 365 * 86400 }},
		{name: "another key", key: other},
	} {
		token, signer := good, key
		if c.edit != nil {
			c.edit(&token)
		}
		if c.key != nil {
			signer = c.key
		}
		text, err := token.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCredentialToken(text, public, "f", "g", now.Add(c.after)); (err == nil) != c.works {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	job, err := SignJSON(Job{Factory: "f", Gateway: "g", Expires: now.Add(time.Hour)}, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", "a.b.c", strings.Repeat("a", 1<<20), string(job)} {
		if _, err := OpenCredentialToken(text, public, "f", "g", now); err == nil {
			t.Errorf("%.20s is accepted", text)
		}
	}
	// A token says nothing as a job.
	text, err := good.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	var asJob Job
	if err := OpenJSON([]byte(text), public, &asJob); err == nil && (asJob.Gateway != "" || asJob.ActivityRun != "") {
		t.Errorf("as a job it is %+v", asJob)
	}
}
