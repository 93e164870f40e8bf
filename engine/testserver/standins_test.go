package testserver

import (
	"net/url"
	"testing"
)

func TestStandinsListen(t *testing.T) {
	for name, start := range map[string]func(testing.TB) (string, bool){"SQL Server": SQLServer, "Oracle": Oracle} {
		t.Run(name, func(t *testing.T) {
			dsn, _ := start(t)
			u, err := url.Parse(dsn)
			if err != nil || u.Port() == "" || u.User == nil {
				t.Errorf("the DSN has no server and user: %v", err)
			}
		})
	}
}
