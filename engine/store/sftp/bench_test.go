package sftp

import (
	"io"
	"os"
	"testing"

	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

func BenchmarkWrite(b *testing.B) {
	s := testserver.SSH(b)
	dir := folder(b, s)
	f := connect(b, s.LinkedService(nil))
	data := random(64 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		w, err := f.Create(b.Context(), dir+"/file", store.CreateOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for rest := data; len(rest) > 0; rest = rest[256<<10:] {
			if _, err := w.Write(rest[:256<<10]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s := testserver.SSH(b)
	dir := folder(b, s)
	f := connect(b, s.LinkedService(nil))
	data := random(64 << 20)
	if err := os.WriteFile(dir+"/file", data, 0o600); err != nil {
		b.Fatal(err)
	}
	v, err := f.Stat(b.Context(), dir+"/file")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(v.Size)
	for b.Loop() {
		r, err := f.Open(b.Context(), v, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != v.Size {
			b.Fatal(n, err)
		}
		_ = r.Close()
	}
}
