package engine

import (
	"log/slog"
	"strings"
	"testing"
)

func TestALineForATerminalIsASentenceWithoutSecretsAndControls(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	log := newSentences(&b, slog.LevelInfo)
	log.Debug("hidden")
	log.With("part", "copy").Warn("the store is\nslow", "why", "pwd=log-7;\x1b[2J\u009b1m")
	got := b.String()
	if strings.Contains(got, "hidden") || strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\u009b={") && !strings.Contains(got, "pwd=***") {
		t.Errorf("%q", got)
	}
	if _, said, _ := strings.Cut(got, " "); !strings.HasPrefix(said, "warning: the store is slow, part copy, why pwd=***") {
		t.Errorf("%q", got)
	}
}
