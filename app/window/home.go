package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

// homePage shows one of four: the welcome, registering, the history of jobs, or the overview of state and jobs.
type homePage struct {
	w           *Window
	object      *fyne.Container
	welcome     *welcomePanel
	register    *registerPanel
	history     *historyPanel
	overview    *scrolled
	registering bool // a person asked for the Register page
	inHistory   bool // a person asked for the history

	gateway, subtitle            *text
	mark                         *canvas.Image
	title, since, reason, remedy *text
	start, stop, again           *widget.Button
	problem, success             *banner
	warnings                     *warningBar
	sample                       *sampleBanner
	update                       *updateBar
	runningTitle                 *text
	jobs, running                *fyne.Container
	cards                        []*jobCard
	charts                       *chartRow
	recent                       *recentTable
	all                          *widget.Button
	foot                         *text
	job                          *jobDialog // that is open, or nil
}

func newHomePage(w *Window) *homePage {
	h := &homePage{
		w: w, gateway: newText("", heading, cut), subtitle: newText("", muted, cut),
		mark: picture(markResource("connecting"), 44), title: newText("", subhead), since: newText("", muted),
		reason: newText("", wrapped), remedy: newText("", wrapped, muted),
		problem: newBanner(view.Bad), success: newBanner(view.Good), foot: newText("", caption, muted, wrapped),
		runningTitle: newText("", subhead), running: stack(gap), recent: newRecentTable(w),
	}
	h.problem.onClose, h.success.onClose = w.o.Model.Dismiss, w.o.Model.Dismiss
	h.sample = newSampleBanner(w)
	h.update = newUpdateBar(w)
	h.charts = newChartRow(w, func() bool { return w.home == h && w.shown && w.at == 0 && h.overview.Visible() })
	h.warnings = newWarningBar(w, func() { h.overview.relayout() })
	h.all = button("", "", widget.LowImportance, func() { h.showHistory(true) })
	h.history = newHistoryPanel(w, func() { h.showHistory(false) })
	h.start = button(words.T("Start"), "play", widget.HighImportance, w.o.Model.Start)
	h.stop = button(words.T("Stop"), "stop", widget.MediumImportance, h.askStop)
	h.again = button(words.T("Register again"), "key", widget.MediumImportance, func() { h.showRegister(true) })
	h.welcome = newWelcomePanel(w, func() { h.showRegister(true) })
	h.register = newRegisterPanel(w, func() { h.showRegister(false) })
	status := container.New(line{gap: gapMedium, grow: 1, top: true}, h.mark,
		stack(gapSmall, row(gap, h.title.Object, h.since.Object), h.reason.Object, h.remedy.Object),
		row(gap, h.again, h.start, h.stop))
	h.jobs = container.New(inset{gap, 0, 0, 0}, stack(gapMedium, h.runningTitle.Object, h.running))
	h.overview = newScrolled(stack(gapMedium,
		stack(2, h.gateway.Object, h.subtitle.Object),
		card(status),
		h.problem.panel, h.success.panel, h.update.updated.panel, h.warnings.object, h.update.panel, h.sample.panel,
		h.jobs, h.charts.object,
		stack(gap, spread(gap, 0, newText(words.T("Recent jobs"), subhead, cut).Object, h.all), h.recent.panel),
		h.update.quiet, h.foot.Object))
	h.object = container.NewStack(h.overview, h.welcome.object, h.register.object, h.history.object)
	return h
}

func (h *homePage) showRegister(on bool) {
	h.registering = on
	if on {
		h.w.o.Model.Dismiss()
		h.register.begin(h.w.last)
	} else {
		h.register.end()
	}
	h.apply(h.w.last)
	if on {
		h.w.win.Canvas().Focus(h.register.key) // only what can be seen takes the focus
	}
}

func (h *homePage) showHistory(on bool) {
	h.inHistory = on
	h.apply(h.w.last)
	if on {
		h.history.begin()
	}
}

func (h *homePage) askStop() {
	if n := h.w.last.RunningJobs(); n > 0 {
		h.w.Ask(words.T("Stop the gateway?"),
			words.N(int64(n), "%d job is running.", "%d jobs are running.")+" "+words.T("Stopping ends running jobs at their next checkpoint; they go on when the gateway is started again."),
			words.T("Stop"), words.T("Leave it running"), true, h.w.o.Model.Stop)
		return
	}
	h.w.o.Model.Stop()
}

func (h *homePage) apply(s view.Snapshot) {
	v := view.HomeOf(s, h.w.o.Now())
	if s.Success == view.RegisterSuccess {
		h.registering = false
	}
	welcome := v.Mode == view.Welcome && !h.registering
	show(h.welcome.object, welcome)
	show(h.register.object, h.registering)
	overview := !welcome && !h.registering && !h.inHistory
	show(h.history.object, h.inHistory && !welcome && !h.registering)
	show(h.overview, overview)
	h.charts.watch()
	if h.job != nil {
		h.job.apply(s)
	}
	switch {
	case h.registering:
		h.register.apply(s)
	case welcome:
		h.welcome.apply(v)
	case h.inHistory:
		h.history.apply(s)
	default:
		h.applyOverview(v)
	}
}

func (h *homePage) applyOverview(v view.Home) {
	h.gateway.set(v.Gateway)
	h.subtitle.set(v.Subtitle)
	setPicture(h.mark, markResource(string(v.Face.Mark)))
	h.title.set(v.Face.Title)
	h.since.set(v.Since)
	h.reason.set(v.Face.Reason)
	h.remedy.set(v.Face.Remedy)
	show(h.start, v.CanStart || v.Doing == view.Starting)
	enable(h.start, v.CanStart)
	show(h.stop, v.CanStop && !v.CanStart || v.Doing == view.Stopping)
	enable(h.stop, v.CanStop)
	show(h.again, v.Face.Mark == view.MarkUnregistered && v.Mode != view.Waiting)
	if h.again.Visible() && h.again.Importance != widget.HighImportance {
		h.again.Importance = widget.HighImportance
		h.again.Refresh()
	}
	h.problem.setProblem(v.Problem)
	h.success.set(v.Success, "")
	h.warnings.apply(v.Warnings)
	h.sample.apply(v.Sample)
	h.applyRunning(v)
	h.recent.apply(v.Recent)
	show(h.all, v.Ended > 0)
	h.all.SetText(words.T("All jobs (%s)", view.Count(int64(v.Ended))))
	h.update.apply(v)
	h.foot.set(v.Foot)
	h.overview.relayout()
}

func (h *homePage) applyRunning(v view.Home) {
	h.runningTitle.set(v.RunningTitle)
	show(h.jobs, len(v.Running) > 0)
	for len(h.cards) < len(v.Running) {
		c := newJobCard(h.w)
		h.cards = append(h.cards, c)
		h.running.Add(c.object)
	}
	for i, c := range h.cards {
		show(c.object, i < len(v.Running))
		if i < len(v.Running) {
			c.apply(v.Running[i])
		}
	}
}
