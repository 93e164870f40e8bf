package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// banner is a message within a page: a sign, a sentence, and what to do. It hides while it has nothing to say.
type banner struct {
	*panel
	tone        view.Tone
	sign        *canvas.Image
	title, more *text
	close       *widget.Button
	actions     *fyne.Container
	words       *fyne.Container // title, more and actions
	onClose     func()
}

func newBanner(tone view.Tone, actions ...fyne.CanvasObject) *banner {
	b := &banner{tone: tone, sign: picture(toneIcon(tone), 20), title: newText("", wrapped, copyable), more: newText("", wrapped, muted, copyable), actions: row(gap, actions...)}
	b.close = button("", "close", widget.LowImportance, func() {
		if b.onClose != nil {
			b.onClose()
		}
	})
	b.words = stack(gapSmall, b.title.Object, b.more.Object, b.actions)
	b.panel = newPanel(colorSurface, toneColor(tone), radius, container.New(inset{gap, gap, gap, gapMedium},
		container.New(line{gap: 10, grow: 1, top: true}, b.sign, container.New(inset{1, 0, 2, 0}, b.words), b.close)))
	show(b.actions, len(actions) > 0)
	b.Hide()
	return b
}

// set says something; "" hides the banner.
func (b *banner) set(title, more string) {
	b.title.set(title)
	b.more.set(more)
	show(b.close, b.onClose != nil)
	show(b.panel, title != "")
}

func (b *banner) setProblem(p *view.Problem) {
	if p == nil {
		b.set("", "")
		return
	}
	b.set(p.Text, p.Hint)
}

// setTone changes what the banner's colour and sign say.
func (b *banner) setTone(tone view.Tone) {
	if tone == b.tone {
		return
	}
	b.tone, b.stroke = tone, toneColor(tone)
	setPicture(b.sign, toneIcon(tone))
	b.Refresh()
}

// sampleBanner tells how the sample of Try it here does, and opens its files when they are there.
type sampleBanner struct {
	*banner
	open   *widget.Button
	folder string
}

func newSampleBanner(w *Window) *sampleBanner {
	s := &sampleBanner{}
	s.open = button(words.T("Open result"), "open", widget.HighImportance, func() { w.open(s.folder) })
	s.banner = newBanner(view.Busy, s.open)
	return s
}

func (s *sampleBanner) apply(v *view.SampleView) {
	if v == nil {
		s.set("", "")
		return
	}
	s.folder = v.Folder
	s.setTone(v.Tone)
	folder := ""
	if v.Done {
		folder = v.Folder
	}
	show(s.actions, v.Done)
	s.set(v.Title, folder)
}

// stepList shows the steps of registering.
type stepList struct {
	object *fyne.Container
	signs  []*canvas.Image
	words  []*text
}

func newStepList() *stepList { return &stepList{object: stack(6)} }

func (l *stepList) apply(steps []view.Step) {
	for len(l.words) < len(steps) {
		sign, words := picture(tinted("running", theme.ColorNamePrimary), 18), newText("", wrapped)
		l.signs, l.words = append(l.signs, sign), append(l.words, words)
		l.object.Add(spread(gap, 1, sign, words.Object))
	}
	for i, o := range l.object.Objects {
		show(o, i < len(steps))
		if i >= len(steps) {
			continue
		}
		tone := view.Busy
		switch {
		case steps[i].Failed:
			tone = view.Bad
		case steps[i].Done:
			tone = view.Good
		}
		setPicture(l.signs[i], toneIcon(tone))
		l.words[i].set(steps[i].Text)
	}
	show(l.object, len(steps) > 0)
}
