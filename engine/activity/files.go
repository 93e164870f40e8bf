package activity

import (
	"path"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// BinaryDataset is the v2 dataset of files that are copied as they are; the names of its source and sink begin with it.
const BinaryDataset = "Binary"

// fileSource decodes the reading end of a file store.
func (p *parser) fileSource(e *endpoint, o *props.Object, typ string) {
	s := &FileSource{Open: e.def.Files.Open(e.linked)}
	p.job.Source.Structure = e.columns.schema
	f, v1, ok := p.format(e, o, typ, true)
	if !ok {
		return
	}
	s.Format, s.FormatName, s.Compression = f.format, f.name, f.compression
	s.Spread = f.spread
	if v1 {
		e.v1Place(&s.Folder, &s.Name, &s.NamePattern)
		s.Recursive = o.Bool("recursive", e.def.Files.RecursiveV1)
		s.ModifiedFrom, s.ModifiedTo = e.typeProps.Time("modifiedDatetimeStart"), e.typeProps.Time("modifiedDatetimeEnd")
	} else {
		container := e.v2Place(&s.Folder, &s.Name)
		e.readSettings(s, container, o)
	}
	p.job.Source.Files = s
}

// readSettings reads the v2 storeSettings of a source.
func (e *endpoint) readSettings(s *FileSource, container string, o *props.Object) {
	st := o.Object("storeSettings")
	e.settingsType(o, st, e.def.Files.ReadSettings)
	s.Recursive = st.Bool("recursive", true)
	s.ModifiedFrom, s.ModifiedTo = st.Time("modifiedDatetimeStart"), st.Time("modifiedDatetimeEnd")
	s.DeleteAfter = st.Bool("deleteFilesAfterCompletion", false)
	st.Ignore("disableMetricsCollection")
	e.discovery(s, st)
	s.Connections = connections(o, st)
	rooted := e.def.Files.Rooted && strings.HasPrefix(st.String("wildcardFolderPath"), "/")
	folder, name := slashed(st.String("wildcardFolderPath")), st.String("wildcardFileName")
	below(st, "wildcardFolderPath", folder)
	if strings.Contains(name, "/") {
		st.Problem(fault.BadInput, "wildcardFileName", "a pattern of file names has no folders; use wildcardFolderPath")
	}
	if e.def.Files.Container == "" {
		if filter := st.String("fileFilter"); filter != "" && name == "" {
			name = filter
		}
	} else {
		s.Prefix = st.String("prefix")
	}
	if folder != "" {
		s.Folder, s.FolderPattern, s.Name = joinPath(container, fixedPart(folder)), folder, ""
		if rooted {
			s.Folder = "/" + s.Folder
		}
	}
	if name != "" {
		s.NamePattern, s.Name = name, ""
	}
	if s.FolderPattern != "" && s.NamePattern == "" {
		s.NamePattern = "*"
	}
	if s.Prefix != "" {
		if folder != "" || name != "" {
			st.Problem(fault.BadInput, "prefix", "prefix and wildcards exclude each other")
		}
		s.Folder, s.Name = container, ""
	}
	e.fileList(s, st)
}

// fixedPart is the beginning of a folder pattern that has no wildcards.
func fixedPart(pattern string) string {
	var fixed []string
	for _, part := range strings.Split(pattern, "/") {
		if strings.ContainsAny(part, "*?^") {
			break
		}
		fixed = append(fixed, part)
	}
	return strings.Join(fixed, "/")
}

func refuseText(o *props.Object, name, why string) {
	if o.String(name) != "" {
		o.Problem(fault.Unsupported, name, "%s", why)
	}
}

// settingsType checks the type of storeSettings, which may be left out.
func (e *endpoint) settingsType(o, st *props.Object, known []string) {
	if st == nil {
		return
	}
	typ := st.String("type")
	if _, ok := oneOf(typ, known); !ok && typ != "" {
		st.Problem(fault.Unsupported, "type", "%q does not belong to %s; known: %s", typ, e.def.Title, strings.Join(known, ", "))
	}
}

// fileSink decodes the writing end of a file store.
func (p *parser) fileSink(e *endpoint, o *props.Object, typ string) {
	s := &FileSink{Open: e.def.Files.Open(e.linked)}
	p.job.Sink.Structure = e.columns.schema
	f, v1, ok := p.format(e, o, typ, false)
	if !ok {
		return
	}
	s.Format, s.FormatName, s.Extension, s.Compression, s.Level = f.format, f.name, f.extension, f.compression, f.level
	behaviors := []string{PreserveHierarchy, FlattenHierarchy, MergeFiles}
	if o.Int("writeBatchSize", 0) != 0 {
		o.Warn("writeBatchSize", "has no effect when files are written")
	}
	if o.Duration("writeBatchTimeout", 0) != 0 {
		o.Warn("writeBatchTimeout", "has no effect when files are written")
	}
	if v1 {
		var pattern string
		e.v1Place(&s.Folder, &s.Name, &pattern)
		if pattern != "" {
			e.typeProps.Problem(fault.BadInput, "", "wildcards select source files; a sink needs a fileName without")
		}
		e.typeProps.Refuse("modifiedDatetimeStart", "this selects source files")
		e.typeProps.Refuse("modifiedDatetimeEnd", "this selects source files")
		s.Behavior = o.Enum("copyBehavior", PreserveHierarchy, behaviors...)
		if !o.Bool("blobWriterOverwriteFiles", true) {
			o.Problem(fault.Unsupported, "blobWriterOverwriteFiles", "existing files are always replaced")
		}
		refuseText(o, "blobWriterDateTimeFormat", "give the format in the dataset's structure")
		s.Metadata = e.metadata(s, o)
		s.Connections = connections(o, nil)
	} else {
		e.v2Place(&s.Folder, &s.Name)
		st := o.Object("storeSettings")
		e.settingsType(o, st, e.def.Files.WriteSettings)
		s.Behavior = st.Enum("copyBehavior", PreserveHierarchy, behaviors...)
		if e.def.Files.Container != "" {
			s.BlockSize = st.IntIn("blockSizeInMB", 0, 0, 100) << 20
		}
		st.Ignore("disableMetricsCollection")
		s.Metadata = e.metadata(s, st)
		s.Connections = connections(o, st)
		if e.def.Files.Rooted {
			s.Direct = !st.Bool("useTempFileRename", true)
			s.Timeout = st.Duration("operationTimeout", 0)
		}
		e.splitting(s, o.Object("formatSettings"))
	}
	if strings.ContainsAny(s.Name, "*?") {
		e.dataset.Problem(fault.BadInput, "properties", "the sink's file name %q has wildcards", s.Name)
	}
	p.job.Sink.Files = s
}

// splitting reads what says how the sink's files are named and split.
func (e *endpoint) splitting(s *FileSink, fs *props.Object) {
	if x := fs.String("fileExtension"); x != "" {
		s.Extension = "." + strings.TrimPrefix(x, ".")
	}
	s.MaxRowsPerFile = fs.IntIn("maxRowsPerFile", 0, 0, 1<<53)
	s.Prefix = fs.String("fileNamePrefix")
	if strings.ContainsAny(s.Prefix, `/\`) {
		fs.Problem(fault.BadInput, "fileNamePrefix", "a prefix of file names has no folders")
	}
	if s.Prefix != "" && s.MaxRowsPerFile == 0 {
		fs.Warn("fileNamePrefix", "has no effect because maxRowsPerFile is not given")
	}
	if s.MaxRowsPerFile > 0 && s.Name != "" {
		fs.Problem(fault.BadInput, "maxRowsPerFile", "output in several files cannot have the one name %q; remove fileName from the dataset", s.Name)
	}
}

// v1Place reads folderPath, fileName and fileFilter of a v1 dataset.
func (e *endpoint) v1Place(folder, name, pattern *string) {
	tp := e.typeProps
	*folder = e.slashed(tp.String("folderPath"))
	below(tp, "folderPath", *folder)
	if *folder == "" && e.def.Files.Container != "" {
		tp.Problem(fault.BadInput, "folderPath", "the property is missing: container, or container/folder")
	}
	if strings.ContainsAny(*folder, "*?") {
		tp.Problem(fault.BadInput, "folderPath", "wildcards are not possible here; use fileFilter or fileName")
	}
	n, filter := tp.String("fileName"), tp.String("fileFilter")
	if n != "" && filter != "" {
		tp.Problem(fault.BadInput, "fileFilter", "fileName and fileFilter exclude each other")
	}
	if strings.ContainsAny(n, "*?") {
		n, filter = "", n
	}
	// A name with folders is allowed: the folders belong to the path.
	n = slashed(n)
	below(tp, "fileName", n)
	if dir, base := path.Split(n); dir != "" {
		*folder, n = joinPath(*folder, slashed(dir)), base
	}
	*name, *pattern = n, filter
	tp.Refuse("partitionedBy", "the window's variables must be filled in first; give WindowStart and WindowEnd")
	refuseText(tp, "tableRootLocation", "use folderPath")
}

// v2Place reads a v2 dataset's location and gives the container, "" where there is none.
func (e *endpoint) v2Place(folder, name *string) (container string) {
	loc := need(e.typeProps, "location")
	if loc == nil {
		return ""
	}
	typ := loc.Required("type")
	if _, ok := oneOf(typ, e.def.Files.Locations); !ok && typ != "" {
		loc.Problem(fault.Unsupported, "type", "%q does not belong to %s; known: %s", typ, e.def.Title, strings.Join(e.def.Files.Locations, ", "))
	}
	if c := e.def.Files.Container; c != "" {
		container = loc.Required(c)
		if strings.ContainsAny(container, `/\`) || container == ".." {
			loc.Problem(fault.BadInput, c, "%q is no name of one container", container)
		}
	}
	f := e.slashed(loc.String("folderPath"))
	below(loc, "folderPath", f)
	n := slashed(loc.String("fileName"))
	below(loc, "fileName", n)
	dir, base := path.Split(n)
	*folder, *name = joinPath(container, f, slashed(dir)), base
	return container
}

// below refuses a path that could leave the root.
func below(o *props.Object, name, p string) {
	for _, part := range strings.Split(p, "/") {
		if part == ".." {
			o.Problem(fault.BadInput, name, "a path must not go up with \"..\"")
			return
		}
	}
}

// slashed is the package's slashed, which keeps a "/" at the beginning where that means the server's root.
func (e *endpoint) slashed(p string) string {
	if e.def.Files.Rooted && strings.HasPrefix(p, "/") {
		return "/" + slashed(p)
	}
	return slashed(p)
}

// slashed is a path with "/" between its elements and without empty ones and ".".
func slashed(p string) string {
	var parts []string
	for _, part := range strings.FieldsFunc(p, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part != "." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// joinPath joins what is not empty with "/".
func joinPath(parts ...string) string {
	full := ""
	for _, p := range parts {
		switch {
		case p == "":
		case full == "" || strings.HasSuffix(full, "/"):
			full += p
		default:
			full += "/" + p
		}
	}
	return full
}

// fileFormat is a decoded format with what surrounds it. format is nil for a copy of bytes.
type fileFormat struct {
	format             format.Format
	name, extension    string
	compression, level string
	spread             bool // see FileSource
}
