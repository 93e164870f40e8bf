package activity

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dmgateway/engine/fault"
)

// maxFile is the size of one JSON file of a bundle, in bytes.
const maxFile = 16 << 20

// LoadBundle reads a bundle from a JSON file, or makes one from a folder of JSON files (in its subfolders too): linked
// services, datasets, and pipelines or a single activity with exactly one Copy in all. What each file is shows in its
// shape. Triggers, integration runtimes and factories, as a repository of Data Factory has them, are left out; a file
// that is none of all these is refused by its name. Expressions stay as they are, see [Expand].
func LoadBundle(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read bundle").At(path).Because(err).Try("Give a JSON file or a folder of JSON files.")
	}
	if info.IsDir() {
		return loadFolder(path)
	}
	o, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if kindOf(o) != kindBundle {
		return nil, fault.New(fault.BadInput, "the file is no bundle").At(path).
			Try(`Give {"linkedServices":[…],"datasets":[…],"activity":{…}}, or the folder that holds all parts.`)
	}
	return writeTree(o), nil
}

func readFile(path string) (*object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read JSON file").At(path).Because(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%d bytes are more than the limit of %d", info.Size(), maxFile)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fault.New(fault.BadInput, "read JSON file").At(path).Because(err)
	}
	o, err := readTree(data)
	if err != nil {
		return nil, fault.New(fault.BadInput, "read JSON file").At(path).Because(err).Try("%s", fault.As(err).Hint)
	}
	return o, nil
}

// kind is what a JSON document is.
type kind int

const (
	kindUnknown kind = iota
	kindBundle
	kindLinkedService
	kindDataset
	kindPipeline
	kindActivity
	kindOther // known, but no part of a bundle
)

// kindOf tells by the shape.
func kindOf(o *object) kind {
	pr := o.child("properties")
	typ := strings.ToLower(pr.text("type"))
	switch {
	case o.child("activity") != nil:
		return kindBundle
	case pr == nil && o.list("activities") != nil, pr.list("activities") != nil:
		return kindPipeline
	case pr == nil && o.child("typeProperties") != nil && o.text("type") != "":
		return kindActivity
	case pr == nil:
		return kindUnknown
	case strings.HasSuffix(typ, "trigger"), typ == "managed" || typ == "selfhosted", pr.get("pipelines") != nil:
		return kindOther
	case strings.EqualFold(o.text("type"), "Microsoft.DataFactory/factories"), len(pr.members) == 0:
		return kindOther
	case pr.get("linkedServiceName") != nil:
		return kindDataset
	case typ != "" && pr.child("typeProperties") != nil:
		return kindLinkedService
	}
	return kindUnknown
}

// parts are the objects of a folder, by lower-case name.
type parts struct {
	linked, datasets map[string]*object
	copies           []foundCopy
}

// foundCopy is a Copy activity and the pipeline that it is in, nil for one on its own.
type foundCopy struct {
	activity, pipeline *object
	file               string
}

func loadFolder(root string) ([]byte, error) {
	p := &parts{linked: map[string]*object{}, datasets: map[string]*object{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".json") {
			return nil
		}
		o, err := readFile(path)
		if err != nil {
			return err
		}
		return p.add(path, o)
	})
	if err != nil {
		if fault.Code(err) != fault.Internal {
			return nil, err
		}
		return nil, fault.New(fault.BadInput, "read bundle").At(root).Because(err)
	}
	if len(p.copies) != 1 {
		return nil, p.wrongCount(root)
	}
	return bundleOf(p.copies[0].activity, p.copies[0].pipeline, find(p.datasets), find(p.linked))
}

func (p *parts) wrongCount(root string) error {
	if len(p.copies) == 0 {
		return fault.New(fault.BadInput, "the folder has no Copy activity").At(root)
	}
	var names []string
	for _, c := range p.copies {
		names = append(names, fmt.Sprintf("%s (%s)", c.activity.text("name"), filepath.Base(c.file)))
	}
	return fault.New(fault.BadInput, "the folder has %d Copy activities: %s", len(names), strings.Join(names, ", ")).At(root).
		Try("Give a folder with exactly one Copy activity.")
}

func (p *parts) add(path string, o *object) error {
	switch kindOf(o) {
	case kindLinkedService:
		return put(p.linked, path, o)
	case kindDataset:
		return put(p.datasets, path, o)
	case kindActivity:
		if strings.EqualFold(o.text("type"), "Copy") {
			p.copies = append(p.copies, foundCopy{o, nil, path})
		}
	case kindPipeline:
		for _, a := range activitiesOf(o) {
			if strings.EqualFold(a.text("type"), "Copy") {
				p.copies = append(p.copies, foundCopy{a, o, path})
			}
		}
	case kindOther:
	default:
		return fault.New(fault.BadInput, "the file is neither linked service, dataset, pipeline nor activity").At(path).
			Try("Remove it from the folder, or correct its properties.")
	}
	return nil
}

func put(into map[string]*object, path string, o *object) error {
	name := strings.ToLower(o.text("name"))
	if name == "" {
		return fault.New(fault.BadInput, "the object has no name").At(path)
	}
	if into[name] != nil {
		return fault.New(fault.Conflict, "the name %q is there twice", o.text("name")).At(path)
	}
	into[name] = o
	return nil
}

func find(in map[string]*object) lookup {
	return func(name string) (*object, error) { return in[strings.ToLower(name)], nil }
}

// lookup gives an object by name, nil where there is none.
type lookup func(name string) (*object, error)
