package window

import "dmgateway/app/words"

// useLanguage makes the pages anew where the setting has changed. What was being typed is lost, and a dialog closes.
func (w *Window) useLanguage(setting string) {
	if setting == "" || setting == w.language {
		return
	}
	first := w.language == ""
	w.language = setting
	if first {
		return
	}
	words.Use(setting)
	for w.sheet != nil {
		w.sheet.hide()
	}
	at, group := w.at, w.settings.at
	w.diagnostics.watch(false)
	w.settings.end()
	w.makePages()
	w.layOut()
	w.Go(at)
	w.settings.choose(group)
	w.diagnostics.watch(w.shown && at == 2)
}
