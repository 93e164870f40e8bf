package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// welcomePanel asks the one question of the first start.
type welcomePanel struct {
	object  *scrolled
	choices *fyne.Container
	asks    *text
	steps   *stepList
	trying  *panel
	problem *banner
}

func newWelcomePanel(w *Window, haveKey func()) *welcomePanel {
	p := &welcomePanel{asks: newText("", muted), steps: newStepList(), problem: newBanner(view.Bad)}
	p.problem.onClose = w.o.Model.Dismiss
	p.choices = container.New(sideBySide{gapMedium, 210},
		choice("key", words.T("I have a key"), words.T("Connect this computer to a data factory, with the key that the factory shows for its gateway."), haveKey),
		choice("try", words.T("Try it here"), words.T("Start a small data factory on this computer and copy a sample, from a database to files."), w.o.Model.TryIt))
	p.trying = card(stack(gapMedium, newText(words.T("Setting up the sample"), subhead).Object, p.steps.object))
	p.object = newScrolled(stack(gapLarge,
		container.New(inset{gapMedium, 0, 0, 0}, row(gapMedium, picture(Icon(), 52), stack(gapSmall,
			newText(words.T("Welcome"), heading).Object, p.asks.Object))),
		p.choices, p.problem.panel, p.trying))
	return p
}

func choice(iconName, title, words string, tapped func()) fyne.CanvasObject {
	body := container.New(line{gap: gapMedium, grow: 1, top: true}, picture(tinted(iconName, theme.ColorNamePrimary), 28),
		stack(6, newText(title, subhead).Object, newText(words, wrapped, muted).Object))
	return newPressable(padded(16, body), colorSurface, theme.ColorNameInputBorder, radius, tapped)
}

func (p *welcomePanel) apply(v view.Home) {
	trying := v.Doing == view.Trying
	show(p.choices, !trying)
	p.asks.set(map[bool]string{true: words.T("This takes less than a minute."), false: words.T("How would you like to begin?")}[trying])
	show(p.trying, trying || v.Problem != nil && len(v.Steps) > 0)
	p.steps.apply(v.Steps)
	p.problem.setProblem(v.Problem)
	p.object.relayout()
}

// sideBySide gives each object the same width; where that would be less than least, they go below each other.
type sideBySide struct{ gap, least float32 }

func (l sideBySide) columns(objects []fyne.CanvasObject, width float32) int {
	n := len(objects)
	if n > 1 && (width-l.gap*float32(n-1))/float32(n) < l.least {
		return 1
	}
	return n
}

func (l sideBySide) MinSize(objects []fyne.CanvasObject) fyne.Size {
	// The height follows from the width that the objects have, as they are laid out.
	var size fyne.Size
	for _, o := range objects {
		size = size.Max(o.MinSize())
		size.Height = max(size.Height, o.Position().Y+o.MinSize().Height)
	}
	return size
}

func (l sideBySide) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	n := l.columns(objects, size.Width)
	w := (size.Width - l.gap*float32(n-1)) / float32(n)
	var height float32
	for _, o := range objects {
		o.Resize(fyne.NewSize(w, o.Size().Height))
		height = max(height, o.MinSize().Height)
	}
	var x, y float32
	for _, o := range objects {
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(w, height))
		if n == 1 {
			y += height + l.gap
		} else {
			x += w + l.gap
		}
	}
}
