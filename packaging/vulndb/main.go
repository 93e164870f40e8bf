// Command vulndb makes a small copy of Go's vulnerability database for govulncheck, for machines that cannot reach
// https://vuln.go.dev: the entries of the standard library and of the modules that go.sum names, and no others. It reads
// the OSV files of a clone of https://github.com/golang/vulndb (its folder data/osv); they are CC-BY 4.0, The Go Authors.
//
//	go run ./packaging/vulndb -from CLONE/data/osv -as-of "$(git -C CLONE log -1 --format=%cI)" -out DIR
//	govulncheck -db file://DIR ./...
//
// The layout of a database is described at https://go.dev/doc/security/vuln/database.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	from := flag.String("from", "", "folder with OSV files: data/osv of a clone of golang/vulndb")
	sum := flag.String("sum", "go.sum", "names the modules whose entries are wanted")
	asOf := flag.String("as-of", "", "when the clone's last commit was made, as RFC 3339")
	out := flag.String("out", "", "folder of the copy; it is made anew")
	flag.Parse()
	c, err := collect(*from, *sum)
	if err == nil {
		c.modified, err = time.Parse(time.RFC3339, *asOf)
	}
	if err == nil {
		err = c.write(*out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulndb:", err)
		os.Exit(1)
	}
	fmt.Printf("vulndb: %d entries of %d modules, as of %s\n", len(c.vulns), len(c.modules), c.modified.Format(time.DateOnly))
}

// osv is what is read of an entry. In a clone it has no time of its own: Modified is the zero time.
type osv struct {
	ID        string     `json:"id"`
	Modified  time.Time  `json:"modified"`
	Withdrawn *time.Time `json:"withdrawn"`
	Aliases   []string   `json:"aliases"`
	Affected  []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
	} `json:"affected"`
}

// vuln is an entry in the index of entries, and, without aliases, in that of modules.
type vuln struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Aliases  []string  `json:"aliases,omitempty"`
}

type module struct {
	Path  string `json:"path"`
	Vulns []vuln `json:"vulns"`
}

// copied is the content of a copy.
type copied struct {
	modified time.Time // of the database
	vulns    []vuln
	modules  map[string][]vuln
	entries  map[string][]byte // by ID
}

// collect reads the entries that matter.
func collect(from, sum string) (*copied, error) {
	wanted, err := modules(sum)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(from, "GO-*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no GO-*.json in %q; name the folder data/osv of a clone", from)
	}
	c := &copied{modules: map[string][]vuln{}, entries: map[string][]byte{}}
	for _, path := range files {
		if err := c.add(path, wanted); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(c.vulns) == 0 {
		return nil, fmt.Errorf("none of the %d entries is of a module in %s", len(files), sum)
	}
	return c, nil
}

func (c *copied) add(path string, wanted map[string]bool) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var e osv
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	if e.ID+".json" != filepath.Base(path) {
		return fmt.Errorf("it is no entry of that name: ID %q", e.ID)
	}
	if e.Withdrawn != nil {
		return nil
	}
	matters := false
	for _, a := range e.Affected {
		name := a.Package.Name
		if list := c.modules[name]; wanted[name] && !slices.ContainsFunc(list, func(v vuln) bool { return v.ID == e.ID }) {
			c.modules[name] = append(list, vuln{ID: e.ID, Modified: e.Modified})
			matters = true
		}
	}
	if !matters {
		return nil
	}
	var short bytes.Buffer
	if err := json.Compact(&short, data); err != nil {
		return err
	}
	c.vulns = append(c.vulns, vuln{e.ID, e.Modified, e.Aliases})
	c.entries[e.ID] = short.Bytes()
	return nil
}

// modules are the names in a go.sum, with those that the database gives to Go itself.
func modules(sum string) (map[string]bool, error) {
	data, err := os.ReadFile(sum)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{"stdlib": true, "toolchain": true}
	for line := range strings.Lines(string(data)) {
		if name, _, ok := strings.Cut(line, " "); ok {
			wanted[name] = true
		}
	}
	return wanted, nil
}

// write makes the folder anew.
func (c *copied) write(out string) error {
	if out == "" {
		return fmt.Errorf("-out names no folder")
	}
	for _, part := range []string{"ID", "index"} {
		if err := os.RemoveAll(filepath.Join(out, part)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(out, part), 0o755); err != nil {
			return err
		}
	}
	for id, data := range c.entries {
		if err := os.WriteFile(filepath.Join(out, "ID", id+".json"), data, 0o644); err != nil {
			return err
		}
	}
	list := make([]module, 0, len(c.modules))
	for path, vulns := range c.modules {
		list = append(list, module{path, vulns})
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	// The index db comes last: a copy that was not finished has none.
	for _, index := range []struct {
		name    string
		content any
	}{{"modules", list}, {"vulns", c.vulns}, {"db", map[string]time.Time{"modified": c.modified}}} {
		data, err := json.Marshal(index.content)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, "index", index.name+".json"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
