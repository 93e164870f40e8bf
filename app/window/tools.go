package window

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// tool is one of the pages that Diagnostics leads to.
type tool struct {
	name, title, about, icon string
	object                   fyne.CanvasObject
	// opened is called when a person comes to it, closed when it is left for the first page of Diagnostics.
	opened, closed func()
	// apply shows what its model has now, watch is the model's.
	apply func()
	watch func() (<-chan struct{}, func())
}

// header is the line above a tool: the way back, its title, and what can be done with it.
func (p *diagnosticsPage) header(title string, actions ...fyne.CanvasObject) fyne.CanvasObject {
	back := button("", "back", widget.LowImportance, p.back)
	head := row(gap, back, newText(title, heading).Object)
	if len(actions) == 0 {
		return head
	}
	return container.New(apart{gap}, head, container.New(flow{gap, gap}, actions...))
}

// apart puts one object to the left and one to the right, or where both do not fit, one below the other.
type apart struct{ gap float32 }

func (a apart) fit(objects []fyne.CanvasObject, width float32) (least float32, fits bool) {
	for _, o := range objects[1].(*fyne.Container).Objects {
		if o.Visible() {
			least += o.MinSize().Width + a.gap
		}
	}
	return max(0, least-a.gap), objects[0].MinSize().Width+least <= width
}

func (a apart) MinSize(objects []fyne.CanvasObject) fyne.Size {
	first, second := objects[0].MinSize(), objects[1].MinSize()
	height := objects[1].Position().Y + second.Height
	return fyne.NewSize(max(first.Width, second.Width), max(first.Height, height))
}

func (a apart) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	first := objects[0].MinSize()
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(fyne.NewSize(min(first.Width, size.Width), first.Height))
	least, fits := a.fit(objects, size.Width)
	at, width := fyne.NewPos(0, first.Height+a.gap), size.Width
	if fits {
		at, width = fyne.NewPos(size.Width-least, 0), least
	}
	objects[1].Move(at)
	objects[1].Resize(fyne.NewSize(width, objects[1].Size().Height))
	objects[1].Resize(fyne.NewSize(width, objects[1].MinSize().Height))
}

// watching calls apply on Fyne's goroutine when a model has changed, until stop is called.
func watching(watch func() (<-chan struct{}, func()), apply func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		changed, end := watch()
		defer end()
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			fyne.Do(func() {
				if ctx.Err() == nil {
					apply()
				}
			})
			select {
			case <-ctx.Done():
				return
			case <-time.After(betweenUpdates):
			}
		}
	}()
	return cancel
}

// tiles lays equal objects out in as many columns as are at least so wide, at most so many, 0 for any number.
type tiles struct {
	least, gap float32
	most       int
}

func (t tiles) columns(width float32) int {
	n := max(1, int((width+t.gap)/(t.least+t.gap)))
	if t.most > 0 {
		n = min(n, t.most)
	}
	return n
}

func (t tiles) each(objects []fyne.CanvasObject, width float32, put func(fyne.CanvasObject, fyne.Position, fyne.Size)) float32 {
	n := t.columns(width)
	cell := (width - t.gap*float32(n-1)) / float32(n)
	var y float32
	for from := 0; from < len(objects); from += n {
		line := objects[from:min(from+n, len(objects))]
		var height float32
		for _, o := range line {
			o.Resize(fyne.NewSize(cell, o.Size().Height))
			height = max(height, o.MinSize().Height)
		}
		for i, o := range line {
			put(o, fyne.NewPos(float32(i)*(cell+t.gap), y), fyne.NewSize(cell, height))
		}
		y += height + t.gap
	}
	return max(0, y-t.gap)
}

func (t tiles) MinSize(objects []fyne.CanvasObject) fyne.Size {
	size := fyne.NewSize(t.least, 0)
	for _, o := range objects {
		size.Height = max(size.Height, o.Position().Y+o.MinSize().Height)
	}
	return size
}

func (t tiles) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	t.each(objects, size.Width, func(o fyne.CanvasObject, at fyne.Position, size fyne.Size) {
		o.Move(at)
		o.Resize(size)
	})
}

// newTile is one that leads to a tool.
func newTile(t *tool, tapped func()) *pressable {
	text := stack(gapSmall, newText(t.title, bold).Object, newText(t.about, wrapped, caption, muted).Object)
	return newPressable(padded(gapMedium, container.New(line{gap: gapMedium, grow: 1, top: true}, picture(tinted(t.icon, "primary"), 22), text)),
		colorSurface, "separator", radius, tapped)
}

// fileField is a path with a button to choose its folder.
type fileField struct {
	w      *Window
	entry  *field
	object *fyne.Container
}

func newFileField(w *Window) *fileField {
	f := &fileField{w: w, entry: w.newField()}
	f.object = spread(gap, 0, f.entry, button(words.T("Browse…"), "folder", widget.MediumImportance, f.browse))
	return f
}

func (f *fileField) browse() {
	d := dialog.NewFolderOpen(func(folder fyne.ListableURI, err error) {
		if err == nil && folder != nil {
			f.entry.SetText(filepath.Join(filepath.FromSlash(folder.Path()), filepath.Base(f.entry.Text)))
		}
	}, f.w.win)
	if folder, err := storage.ListerForURI(storage.NewFileURI(filepath.Dir(f.entry.Text))); err == nil {
		d.SetLocation(folder)
	}
	size := f.w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(size.Width-40, 760), min(size.Height-40, 560)))
	d.Show()
}

// askFile asks where a new file is to be written.
func (w *Window) askFile(title, proposed string, save func(path string)) {
	file := newFileField(w)
	file.entry.SetText(proposed)
	body := container.New(inset{0, 0, gap, 0}, wide(440, stack(gapSmall, newText(words.T("File"), muted).Object, file.object)))
	var d *dialog.CustomDialog
	done := func() {
		if path := strings.TrimSpace(file.entry.Text); path != "" {
			d.Hide()
			save(path)
		}
	}
	file.entry.OnSubmitted = func(string) { done() }
	d = dialog.NewCustomWithoutButtons(title, body, w.win)
	d.SetButtons([]fyne.CanvasObject{
		button(words.T("Cancel"), "", widget.MediumImportance, func() { d.Hide() }),
		button(words.T("Save"), "", widget.HighImportance, done),
	})
	d.Show()
	w.win.Canvas().Focus(file.entry)
}

// stepRows shows steps: sign, name, how long it took, and below what was seen and what to do.
type stepRows struct {
	object *fyne.Container
	shown  []view.StepView
}

func newStepRows() *stepRows { return &stepRows{object: stack(gap)} }

func (r *stepRows) apply(steps []view.StepView) {
	for i, s := range steps {
		switch {
		case i < len(r.shown) && r.shown[i] == s:
		case i < len(r.shown):
			r.object.Objects[i] = stepRow(s)
		default:
			r.object.Objects = append(r.object.Objects, stepRow(s))
		}
	}
	r.object.Objects = r.object.Objects[:len(steps)]
	r.shown = append(r.shown[:0:0], steps...)
	r.object.Refresh()
}

func stepRow(s view.StepView) fyne.CanvasObject {
	below := make([]fyne.CanvasObject, 0, 3)
	name := newText(s.Name, bold)
	if s.Tone == view.Off {
		name = newText(s.Name, muted)
	}
	below = append(below, spread(gap, 0, name.Object, newText(s.Took, muted, caption).Object))
	if s.Detail != "" {
		below = append(below, newText(s.Detail, wrapped, copyable, muted).Object)
	}
	if s.Remedy != "" {
		below = append(below, newText(s.Remedy, wrapped, copyable).Object)
	}
	return container.New(line{gap: gap, grow: 1, top: true}, picture(toneIcon(s.Tone), 16), stack(2, below...))
}
