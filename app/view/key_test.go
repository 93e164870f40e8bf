package view_test

import (
	"strings"
	"testing"

	"dmgateway/app/view"
)

const goodKey = "ADF#11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@11111111-2222-3333-4444-555555555555@factory.example:8051#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestAKeyIsCheckedPieceByPiece(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key string
		whole     bool
		hint      string
	}{
		{"whole", goodKey, true, "complete"},
		{"cut short", goodKey[:len(goodKey)-3], false, "cut short"},
		{"begun", "ADF#111", false, "cut short"},
		{"foreign", "IR@abc", false, "integration runtime"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pieces, whole := view.CheckKey(c.key)
			if whole != c.whole || !strings.Contains(view.KeyHint(pieces), c.hint) {
				t.Errorf("whole %v, hint %q", whole, view.KeyHint(pieces))
			}
		})
	}
}
