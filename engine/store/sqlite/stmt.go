package sqlite

import (
	"context"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// stmt is a compiled statement. Parameters and columns count from 0.
type stmt struct {
	c       *conn
	handle  uintptr
	columns int
	// arena is memory of the library for the texts bound to one row; used is how much of it they take.
	arena      uintptr
	size, used int
	rc         int32 // first failure to bind
}

func (s *stmt) close() {
	if s.handle != 0 {
		lib.Xsqlite3_finalize(s.c.tls, s.handle)
		s.handle = 0
	}
	if s.arena != 0 {
		libc.Xfree(s.c.tls, s.arena)
		s.arena = 0
	}
}

// step runs to the next row; false means that there is none. The caller watches ctx.
func (s *stmt) step(ctx context.Context) (more bool, err error) {
	if s.rc != lib.SQLITE_OK {
		return false, s.c.err(s.rc)
	}
	switch rc := lib.Xsqlite3_step(s.c.tls, s.handle); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return false, s.c.err(rc)
	}
}

// reset makes the statement ready to run again and forgets what was bound.
func (s *stmt) reset() {
	lib.Xsqlite3_reset(s.c.tls, s.handle)
	lib.Xsqlite3_clear_bindings(s.c.tls, s.handle)
	s.used, s.rc = 0, lib.SQLITE_OK
}

func (s *stmt) name(i int) string {
	return libc.GoString(lib.Xsqlite3_column_name(s.c.tls, s.handle, int32(i)))
}

// declared is the declared type of the table column that column i is, "" where it is none or has none.
func (s *stmt) declared(i int) string {
	p := lib.Xsqlite3_column_decltype(s.c.tls, s.handle, int32(i))
	if p == 0 {
		return ""
	}
	return libc.GoString(p)
}

func (s *stmt) readOnly() bool { return lib.Xsqlite3_stmt_readonly(s.c.tls, s.handle) != 0 }

// class is the storage class of a value: SQLITE_INTEGER, FLOAT, TEXT, BLOB or NULL.
func (s *stmt) class(i int) int32 { return lib.Xsqlite3_column_type(s.c.tls, s.handle, int32(i)) }

func (s *stmt) int(i int) int64 {
	return lib.Xsqlite3_column_int64(s.c.tls, s.handle, int32(i))
}

func (s *stmt) float(i int) float64 {
	return lib.Xsqlite3_column_double(s.c.tls, s.handle, int32(i))
}

// text is a TEXT value's bytes, valid until the next step.
func (s *stmt) text(i int) []byte {
	p := lib.Xsqlite3_column_text(s.c.tls, s.handle, int32(i))
	return view(p, lib.Xsqlite3_column_bytes(s.c.tls, s.handle, int32(i)))
}

// blob is a BLOB value's bytes, valid until the next step.
func (s *stmt) blob(i int) []byte {
	p := lib.Xsqlite3_column_blob(s.c.tls, s.handle, int32(i))
	return view(p, lib.Xsqlite3_column_bytes(s.c.tls, s.handle, int32(i)))
}

func (s *stmt) bindInt(i int, v int64) {
	s.keep(lib.Xsqlite3_bind_int64(s.c.tls, s.handle, int32(i+1), v))
}

func (s *stmt) bindFloat(i int, v float64) {
	s.keep(lib.Xsqlite3_bind_double(s.c.tls, s.handle, int32(i+1), v))
}

func (s *stmt) bindNull(i int) { s.keep(lib.Xsqlite3_bind_null(s.c.tls, s.handle, int32(i+1))) }

// bindText binds a copy of v that lives until the next reset.
func (s *stmt) bindText(i int, v []byte) {
	p, destructor := s.place(v)
	s.keep(lib.Xsqlite3_bind_text(s.c.tls, s.handle, int32(i+1), p, int32(len(v)), destructor))
	s.release(p, destructor)
}

// bindBlob binds a copy of v that lives until the next reset.
func (s *stmt) bindBlob(i int, v []byte) {
	p, destructor := s.place(v)
	s.keep(lib.Xsqlite3_bind_blob(s.c.tls, s.handle, int32(i+1), p, int32(len(v)), destructor))
	s.release(p, destructor)
}

func (s *stmt) keep(rc int32) {
	if rc != lib.SQLITE_OK && s.rc == lib.SQLITE_OK {
		s.rc = rc
	}
}

// place copies v to where the library can read it: the arena, which lasts as long as the row's bindings, or, where v
// does not fit beside the row's other values, memory that the library copies from while it binds.
func (s *stmt) place(v []byte) (p, destructor uintptr) {
	need := max(len(v), 1)
	if s.used+need > s.size && s.used == 0 {
		s.grow(2 * need)
	}
	if s.used+need > s.size {
		p, destructor = libc.Xmalloc(s.c.tls, types.Size_t(need)), lib.SQLITE_TRANSIENT
	} else {
		p, destructor = s.arena+uintptr(s.used), lib.SQLITE_STATIC
		s.used += need
	}
	if p == 0 {
		s.keep(lib.SQLITE_NOMEM)
		return 0, lib.SQLITE_STATIC
	}
	copy(view(p, int32(len(v))), v)
	return p, destructor
}

func (s *stmt) release(p, destructor uintptr) {
	if destructor == lib.SQLITE_TRANSIENT {
		libc.Xfree(s.c.tls, p)
	}
}

func (s *stmt) grow(size int) {
	if s.arena != 0 {
		libc.Xfree(s.c.tls, s.arena)
	}
	s.size = max(size, 64<<10)
	s.arena = libc.Xmalloc(s.c.tls, types.Size_t(s.size))
	if s.arena == 0 {
		s.size = 0
	}
}
