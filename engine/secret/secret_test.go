package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"dmgateway/engine/secret"
)

func TestSecretIsStarsWhereverItIsPrinted(t *testing.T) {
	t.Parallel()
	const text = "hunter2-of-the-gateway"
	s := secret.New(text)
	type holder struct {
		User     string
		Password secret.String
	}
	h := holder{"u", s}
	hidden := struct{ password secret.String }{s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("sign in", "password", s, "all", h)
	slog.New(slog.NewTextHandler(&log, nil)).Info("sign in", "password", s, "all", h)
	marshalled, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %+v %#v", h, h, h, s, s, s, hidden, hidden) + log.String() + string(marshalled)
	if strings.Contains(shown, text) || strings.Contains(shown, fmt.Sprintf("%x", text)) {
		t.Errorf("the secret is shown: %s", shown)
	}
	if s.Reveal() != text {
		t.Error("Reveal must give the text")
	}
}
