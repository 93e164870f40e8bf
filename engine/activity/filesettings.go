package activity

import (
	"regexp"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// fileList reads the path of a list of files, which has the container as its first element where there is one.
func (e *endpoint) fileList(s *FileSource, st *props.Object) {
	list := st.String("fileListPath")
	if list == "" {
		return
	}
	s.List = e.slashed(list)
	below(st, "fileListPath", s.List)
	for _, name := range []string{"wildcardFolderPath", "wildcardFileName", "prefix", "fileFilter"} {
		st.Refuse(name, "fileListPath says already which files are meant")
	}
	if s.Name != "" && s.FolderPattern == "" && s.NamePattern == "" && s.Prefix == "" {
		st.Problem(fault.BadInput, "fileListPath", "the dataset names a file as well; remove its fileName")
	}
	for _, name := range []string{"modifiedDatetimeStart", "modifiedDatetimeEnd"} {
		st.Warn(name, "has no effect because fileListPath names the files")
	}
	s.ModifiedFrom, s.ModifiedTo = time.Time{}, time.Time{}
}

// discovery reads what makes columns of folders' names.
func (e *endpoint) discovery(s *FileSource, st *props.Object) {
	s.Discover = st.Bool("enablePartitionDiscovery", false)
	if !s.Discover {
		st.Warn("partitionRootPath", "has no effect because enablePartitionDiscovery is not true")
		return
	}
	s.PartitionRoot = e.slashed(st.String("partitionRootPath"))
	below(st, "partitionRootPath", s.PartitionRoot)
	if s.Format == nil {
		st.Problem(fault.BadInput, "enablePartitionDiscovery", "a copy without format has no columns")
	}
}

// connections reads how many connections a side may have, from where v1 and v2 say so.
func connections(o, st *props.Object) int {
	n := o.IntIn("maxConcurrentConnections", 0, 0, 10_000)
	if m := st.IntIn("maxConcurrentConnections", 0, 0, 10_000); m > 0 && (n == 0 || m < n) {
		n = m
	}
	return int(n)
}

// skipFiles reads skipErrorFile; the copy is one without format where binary says so.
func (p *parser) skipFiles(tp *props.Object, binary bool) {
	skip := tp.Object("skipErrorFile")
	if skip == nil {
		return
	}
	x := SkipFiles{
		Missing: skip.Bool("fileMissing", false), Forbidden: skip.Bool("fileForbidden", false),
		Inconsistent: skip.Bool("dataInconsistency", false), BadName: skip.Bool("invalidFileName", false),
	}
	if x == (SkipFiles{}) {
		return
	}
	if !binary {
		tp.Problem(fault.Unsupported, "skipErrorFile", "files are skipped only in a copy without format; rows that do not fit are skipped with enableSkipIncompatibleRow")
		return
	}
	p.job.Source.Files.Skip = x
}

// metadataName is what the service takes: an identifier.
var metadataName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// metadata reads [{"name": …, "value": …}] where the store keeps such.
func (e *endpoint) metadata(s *FileSink, o *props.Object) []Metadata {
	if !e.def.Files.Metadata {
		unlessEmpty(o, "metadata", e.def.Title+" keeps no metadata of files")
		return nil
	}
	var list []Metadata
	seen := map[string]bool{}
	for _, m := range o.Objects("metadata") {
		x := Metadata{Name: m.Required("name"), Value: m.String("value")}
		if key := strings.ToLower(x.Name); seen[key] {
			m.Problem(fault.Conflict, "name", "%q is there twice", x.Name)
		} else {
			seen[key] = true
		}
		if x.Name != "" && !metadataName.MatchString(x.Name) {
			m.Problem(fault.BadInput, "name", "%q is no name of letters, digits and _", x.Name)
		}
		switch {
		case strings.EqualFold(x.Value, LastModified):
			x.Value = LastModified
			if s.Format != nil {
				m.Problem(fault.Unsupported, "value", "%s is known only in a copy without format", LastModified)
			}
		case strings.ContainsFunc(x.Value, func(r rune) bool { return r < ' ' || r > '~' }):
			m.Problem(fault.BadInput, "value", "metadata travels in headers, which have only printable ASCII characters")
		}
		list = append(list, x)
	}
	return list
}
