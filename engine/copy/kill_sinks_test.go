package copy

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/go-sql-driver/mysql"

	"dmgateway/engine/testserver"
)

func TestKilledCopyIntoMariaDB(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	testserver.MariaDB(t)
	source, want := killSource(t)
	for _, kind := range []string{"mariadb", "mariadb upsert"} { // the upsert over rows that are there with old values
		t.Run(kind, func(t *testing.T) {
			killAndResume(t, kind, source, func(t *testing.T, sink string) {
				sameLines(t, readMariaDB(t, sink), want)
			})
		})
	}
}

// readMariaDB reads the sink's table from a server given by an ADO-style connection string.
func readMariaDB(t *testing.T, ado string) (got [][]string) {
	t.Helper()
	keys := map[string]string{}
	for _, pair := range strings.Split(ado, ";") {
		key, value, _ := strings.Cut(pair, "=")
		keys[key] = value
	}
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.DBName, cfg.User, cfg.Passwd = "tcp", net.JoinHostPort(keys["Server"], keys["Port"]), keys["Database"], keys["UID"], keys["PWD"]
	db, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), readSink)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]string, 3)
		if err := rows.Scan(&row[0], &row[1], &row[2]); err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return got
}

func TestKilledCopyIntoParquet(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source, want := killSource(t)
	killAndResume(t, "parquet", source, func(t *testing.T, sink string) {
		entries, err := os.ReadDir(filepath.Join(sink, "out"))
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		n := 0
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				n++
				got = append(got, readParquet(t, filepath.Join(sink, "out", e.Name()))...)
			}
		}
		if n != killParts {
			t.Errorf("%d files, want %d", n, killParts)
		}
		sameLines(t, got, want)
	})
}

// readParquet reads a file of the columns id, name, amount without NULL.
func readParquet(t *testing.T, path string) (rows [][]string) {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		n := int(group.NumRows())
		var columns [3][]string
		for i := range columns {
			c, err := group.Column(i)
			if err != nil {
				t.Fatal(err)
			}
			for len(columns[i]) < n {
				more := readColumn(t, c, n)
				if len(more) == 0 {
					t.Fatalf("%s: column %d ends after %d of %d rows", path, i, len(columns[i]), n)
				}
				columns[i] = append(columns[i], more...)
			}
		}
		for i := range n {
			rows = append(rows, []string{columns[0][i], columns[1][i], columns[2][i]})
		}
	}
	return rows
}

// readColumn reads the next values of a column, as text.
func readColumn(t *testing.T, c file.ColumnChunkReader, most int) (list []string) {
	t.Helper()
	levels := make([]int16, most)
	switch c := c.(type) {
	case *file.Int64ColumnChunkReader:
		return asTexts(t, make([]int64, most), func(v []int64) (int64, int, error) { return c.ReadBatch(int64(most), v, levels, nil) })
	case *file.Float64ColumnChunkReader:
		return asTexts(t, make([]float64, most), func(v []float64) (int64, int, error) { return c.ReadBatch(int64(most), v, levels, nil) })
	case *file.ByteArrayColumnChunkReader:
		values := make([]parquet.ByteArray, most)
		_, n, err := c.ReadBatch(int64(most), values, levels, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values[:n] {
			list = append(list, string(v))
		}
		return list
	}
	t.Fatalf("a column of %T", c)
	return nil
}

func asTexts[T any](t *testing.T, values []T, read func([]T) (int64, int, error)) (list []string) {
	t.Helper()
	_, n, err := read(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values[:n] {
		list = append(list, fmt.Sprint(v))
	}
	return list
}

func TestKilledCopyIntoBlobs(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	testserver.Azurite(t)
	source, want := killSource(t)
	killAndResume(t, "blob", source, func(t *testing.T, sink string) {
		blobs := readBlobs(t, sink)
		if len(blobs) != killParts {
			t.Errorf("%d blobs, want %d", len(blobs), killParts)
		}
		var got [][]string
		for name, data := range blobs {
			lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
			if err != nil || len(lines) == 0 {
				t.Fatalf("%s has %d lines: %v", name, len(lines), err)
			}
			got = append(got, lines[1:]...)
		}
		sameLines(t, got, want)
	})
}

func TestKilledBinaryCopyIntoBlobs(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	testserver.Azurite(t)
	source, want := killFiles(t)
	killAndResume(t, "binary blob", source, func(t *testing.T, sink string) {
		got := readBlobs(t, sink)
		if len(got) != len(want) {
			t.Errorf("%d blobs, want %d", len(got), len(want))
		}
		for name, data := range want {
			if !bytes.Equal(got[name], data) {
				t.Errorf("%s has other bytes", name)
			}
		}
	})
}

// readBlobs reads all blobs of a container; sink is connection string and container, each on a line.
func readBlobs(t *testing.T, sink string) map[string][]byte {
	t.Helper()
	connection, container, _ := strings.Cut(sink, "\n")
	c, err := azblob.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for pages := c.NewListBlobsFlatPager(container, nil); pages.More(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Segment.BlobItems {
			data := make([]byte, *b.Properties.ContentLength)
			if _, err := c.DownloadBuffer(t.Context(), container, *b.Name, data, nil); err != nil {
				t.Fatal(err)
			}
			all[*b.Name] = data
		}
	}
	return all
}
