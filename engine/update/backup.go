package update

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"dmgateway/engine/fault"
)

const (
	backupFolder   = "backup"
	backupManifest = "manifest.json"
)

// Database is a SQLite file of the data directory that this version migrates.
type Database struct {
	Path   string // relative to the data directory
	Schema int64  // the version that it will have
}

// SchemaIn is the highest version of the migrations in a folder of files like 00002_what.sql.
func SchemaIn(migrations fs.FS) int64 {
	var highest int64
	_ = fs.WalkDir(migrations, ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			number, _, _ := strings.Cut(d.Name(), "_")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				highest = max(highest, n)
			}
		}
		return err
	})
	return highest
}

// manifest says that a backup is whole.
type manifest struct {
	Version string   `json:"version"` // whose trial it is for
	Files   []string `json:"files"`   // relative to the data directory
}

// Backup copies what version, which is on trial, is about to change for good: those databases whose schema it raises, and
// the small files. Nobody has the databases open. A whole backup of the same trial is left as it is.
func Backup(ctx context.Context, data, version string, databases []Database, files []string) error {
	dir := filepath.Join(data, folder, backupFolder)
	if m, err := readManifest(dir); err != nil || m.Version == version {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return failed("remove the former backup", dir, err)
	}
	m := manifest{Version: version}
	for _, d := range databases {
		if raises(ctx, filepath.Join(data, d.Path), d.Schema) {
			m.Files = append(m.Files, d.Path, d.Path+"-wal")
		}
	}
	m.Files = append(m.Files, files...)
	present := m.Files[:0]
	for _, name := range m.Files {
		err := copyFile(filepath.Join(data, name), filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return failed("back up before the new version", name, err)
		}
		present = append(present, name)
	}
	m.Files = present
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed("back up before the new version", dir, err)
	}
	return writeWhole(filepath.Join(dir, backupManifest), text)
}

// restore puts back what Backup copied for this version, where it got that far.
func restore(data, version string) error {
	dir := filepath.Join(data, folder, backupFolder)
	m, err := readManifest(dir)
	if err != nil || m.Version != version {
		return err
	}
	for _, name := range m.Files {
		target := filepath.Join(data, name)
		if !strings.HasSuffix(name, "-wal") {
			// What the newer version has not merged yet belongs to its database, not to the one that comes back.
			if err := errors.Join(removeIf(target+"-wal"), removeIf(target+"-shm")); err != nil {
				return failed("restore what the new version changed", target, err)
			}
		}
		if err := step("restore " + name); err != nil {
			return failed("restore what the new version changed", target, err)
		}
		if err := copyFile(filepath.Join(dir, name), target+".restored"); err != nil {
			return failed("restore what the new version changed", target, err)
		}
		if err := os.Rename(target+".restored", target); err != nil {
			return failed("restore what the new version changed", target, err)
		}
		if err := syncFolder(filepath.Dir(target)); err != nil {
			return err
		}
	}
	return nil
}

func readManifest(dir string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(dir, backupManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	for _, name := range m.Files {
		if !filepath.IsLocal(name) {
			err = errors.Join(err, errors.New("it names a file elsewhere"))
		}
	}
	if err != nil {
		return m, fault.New(fault.BadData, "the backup of the databases cannot be read").At(dir).Because(err).
			Try("Check the disk. The databases were not changed.")
	}
	return m, nil
}

// raises reports whether a database has an older schema, or one that cannot be read.
func raises(ctx context.Context, path string, schema int64) bool {
	if _, err := os.Stat(path); err != nil {
		return false // there is nothing to lose
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return true
	}
	defer db.Close()
	var now sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&now)
	return err != nil || now.Int64 < schema
}

// copyFile copies durably. The copy is the owner's alone.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := step("copy " + filepath.Base(to)); err != nil {
		return errors.Join(err, out.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
