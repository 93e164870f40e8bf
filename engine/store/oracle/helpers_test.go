package oracle

import (
	"context"
	"testing"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// testServer decodes the linked service of a DSN.
func testServer(t testing.TB, dsn string) *server {
	t.Helper()
	o := parse(t, linked(t, dsn, ""))
	s := decodeServer(o)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func testSession(t testing.TB, dsn string) *session {
	t.Helper()
	c, err := testServer(t, dsn).connect(context.Background(), store.Env{}, reading{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}
