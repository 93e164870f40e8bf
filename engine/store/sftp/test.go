package sftp

import (
	"context"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"dmgateway/engine/store"
)

// test connects in stages.
func (s *server) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	stage := func(name string, do func() (detail string, err error)) error {
		began := time.Now()
		detail, err := do()
		report(store.Stage{Name: name, Detail: detail, Took: time.Since(began), Err: err})
		return err
	}
	if net.ParseIP(s.host) == nil {
		err := stage("name", func() (string, error) {
			ips, err := net.DefaultResolver.LookupHost(ctx, s.host)
			if err != nil {
				return s.host, s.unreachable(ctx, "find the name of", err)
			}
			return s.host + " is " + ips[0], nil
		})
		if err != nil {
			return err
		}
	}
	err := stage("tcp", func() (string, error) {
		conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", s.address())
		if err != nil {
			return s.address(), s.unreachable(ctx, "connect to", err)
		}
		return s.address(), conn.Close()
	})
	if err != nil {
		return err
	}
	f, err := s.open(ctx, env)
	if err == nil {
		defer func() { _ = f.Close() }()
	}
	err = stage("sign-in", func() (string, error) {
		if err != nil {
			return s.user, err
		}
		return s.user, f.do(ctx, "sign in to", s.address(), func(*sftp.Client) error { return nil })
	})
	if err != nil {
		return err
	}
	return stage("folder", func() (string, error) {
		var home string
		err := f.do(ctx, "read folder", "", func(c *sftp.Client) (err error) {
			if home, err = c.Getwd(); err == nil {
				_, err = c.ReadDirContext(ctx, home)
			}
			return err
		})
		return home, err
	})
}

// browse lists one folder.
func (s *server) browse(ctx context.Context, env store.Env, folder string, fn func(store.Entry) error) error {
	f, err := s.open(ctx, env)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := &walk{files: f, recursive: true}
	list, err := w.read(ctx, folder)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	for _, e := range list {
		x := store.Entry{Name: path.Base(e.path), Path: e.path, Kind: store.KindFolder, Modified: e.info.ModTime().UTC()}
		if !e.info.IsDir() {
			x.Kind, x.Size = store.KindFile, e.info.Size()
		}
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}
