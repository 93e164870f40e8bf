package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// updateBar says that a newer version is available, how far it is, or why it did not work, with what can be done.
type updateBar struct {
	*banner
	w                       *Window
	now, notes, later       *widget.Button
	progress                *fyne.Container
	bar                     *bar
	percent                 *text
	shown                   view.UpdateView
	updated                 *banner // which version came since somebody last looked
	came                    *view.UpdatedView
	quiet                   *panel // the end of the page, while there is no news
	version, state, details *text
	check                   *widget.Button
}

func newUpdateBar(w *Window) *updateBar {
	u := &updateBar{w: w, bar: newBar(), percent: newText("", muted, right), version: newText("", bold), state: newText("", wrapped), details: newText("", wrapped, muted)}
	m := w.o.Model
	u.now = button(words.T("Update now"), "", widget.HighImportance, u.install)
	u.notes = button(words.T("What is new"), "text", widget.MediumImportance, func() { w.showNotes(u.shown.NotesOf, u.shown.Notes) })
	u.later = button(words.T("Not now"), "", widget.MediumImportance, m.GiveUpUpdate)
	u.progress = spread(gap, 0, u.bar, u.percent.Object)
	u.banner = newBanner(view.Busy, u.now, u.notes, u.later)
	u.words.Objects = append(u.words.Objects[:2:2], u.progress, u.actions)
	whatCame := button(words.T("What is new"), "text", widget.MediumImportance, func() {
		if u.came != nil {
			w.showNotes(u.came.Version, u.came.Notes)
		}
	})
	u.updated = newBanner(view.Good, whatCame)
	u.updated.onClose = m.DismissUpdate
	u.check = button(words.T("Check for updates"), "", widget.MediumImportance, m.CheckUpdate)
	u.quiet = card(spread(gapMedium, 0, stack(gapSmall, u.version.Object, u.state.Object, u.details.Object), u.check))
	return u
}

func (u *updateBar) apply(v view.Home) {
	up := v.Update
	u.shown, u.came = up, v.Updated
	if v.Updated != nil {
		u.updated.set(v.Updated.Title, v.Updated.Text)
	} else {
		u.updated.set("", "")
	}
	show(u.quiet, !up.News)
	u.version.set(v.Version)
	u.state.set(up.Title)
	u.details.set(joined(up.Text, up.Remedy))
	show(u.check, up.CanCheck || v.Checking)
	enable(u.check, up.CanCheck)
	if !up.News {
		u.set("", "")
		return
	}
	u.setTone(up.Tone)
	u.onClose = nil
	if up.CanDismiss {
		u.onClose = u.w.o.Model.DismissUpdate
	}
	u.now.SetText(words.T("Update now"))
	if up.Tone == view.Bad {
		u.now.SetText(words.T("Try again"))
	}
	show(u.now, up.CanInstall)
	show(u.notes, len(up.Notes) > 0)
	show(u.later, up.CanGiveUp)
	show(u.actions, u.now.Visible() || u.notes.Visible() || u.later.Visible())
	show(u.progress, up.Share >= 0)
	u.bar.set(up.Share)
	u.percent.set(up.Percent)
	u.set(up.Title, joined(up.Text, up.Remedy))
}

// install asks first where jobs run, because none are taken until those have ended.
func (u *updateBar) install() {
	n := u.w.last.RunningJobs()
	if n == 0 {
		u.w.o.Model.InstallUpdate()
		return
	}
	u.w.Ask(words.T("Update now?"),
		words.N(int64(n), "%d job is running.", "%d jobs are running.")+" "+words.T("No new jobs are taken until the running ones have ended. Then the program restarts by itself."),
		words.T("Update now"), words.T("Not now"), false, u.w.o.Model.InstallUpdate)
}

// showNotes shows what is new in a version.
func (w *Window) showNotes(version string, notes []view.Note) {
	content := stack(gapSmall)
	for _, n := range notes {
		switch {
		case n.Heading:
			content.Add(newText(n.Text, wrapped, bold, copyable).Object)
		case n.Item:
			content.Add(container.New(line{gap: gap, grow: 1, top: true}, newText("•").Object, newText(n.Text, wrapped, copyable).Object))
		default:
			content.Add(newText(n.Text, wrapped, copyable).Object)
		}
	}
	if len(notes) == 0 {
		content.Add(newText(words.T("Nothing was written about this version."), wrapped, muted).Object)
	}
	var s *sheet
	closing := w.button(words.T("Close"), "", widget.HighImportance, func() { s.hide() })
	s = w.newSheet(words.T("What is new in version %s", version), 520, content, closing)
	s.show(closing)
	s.fit() // text that wraps knows its height only now
}

// joined puts sentences behind each other.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}
