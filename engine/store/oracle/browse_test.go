package oracle

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

func TestBrowseShowsSchemasAndTables(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_BROWSE", "ID NUMBER(9)")
	_ = c.run(t.Context(), "DROP VIEW DMG_BROWSE_V")
	mustRun(t, c, "CREATE VIEW DMG_BROWSE_V AS SELECT ID FROM DMG_BROWSE")
	t.Cleanup(func() { _ = c.run(context.Background(), "DROP VIEW DMG_BROWSE_V") })
	browse := Definition().Browse(parse(t, linked(t, dsn, "")))
	user := strings.ToUpper(testServer(t, dsn).user)
	found := map[string]string{}
	note := func(e store.Entry) error { found[e.Path] = e.Kind; return nil }
	for _, path := range []string{"", user} {
		if err := browse(t.Context(), store.Env{}, path, note); err != nil {
			t.Fatal(err)
		}
	}
	for path, kind := range map[string]string{user: store.KindSchema, user + ".DMG_BROWSE": store.KindTable, user + ".DMG_BROWSE_V": store.KindView} {
		if found[path] != kind {
			t.Errorf("%s is %q, want %s", path, found[path], kind)
		}
	}
	stop := errors.New("enough")
	if err := browse(t.Context(), store.Env{}, user, func(store.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller: %v", err)
	}
}
