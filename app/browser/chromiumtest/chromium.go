// Package chromiumtest uses the gateway's page as a person does, in a real Chromium without a screen.
package chromiumtest

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Chrome is a real Chromium without a screen that was let in. Its methods fail the test where the page does not become as
// they ask; what the console says against the page fails it at [Chrome.Right].
type Chrome struct {
	t       testing.TB
	ctx     context.Context
	address string // of the page, without a path

	mu       sync.Mutex
	problems []string
}

// chromium finds the browser; without one the test is skipped, except where CI is set.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("Chromium is missing; packaging/setup.sh test installs it")
	}
	t.Skip("Chromium is missing; packaging/setup.sh test installs it")
	return ""
}

// patience is how long a test waits for what has to come; it comes sooner unless the machine is very busy.
const patience = 60 * time.Second

// Open opens the page at an address that lets a browser in, in a Chromium with a window of a width in pixels.
func Open(t testing.TB, entry string, width int64, dark bool) *Chrome {
	t.Helper()
	at, err := url.Parse(entry)
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.Flag("no-sandbox", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1100, 800),
		chromedp.Flag("force-device-scale-factor", "1"), chromedp.WSURLReadTimeout(patience))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocated)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	b := &Chrome{t: t, ctx: ctx, address: at.Scheme + "://" + at.Host}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it may have ended already
		cancel()
		end()
		stop()
	})
	chromedp.ListenTarget(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.problems = append(b.problems, ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.LevelError {
				b.problems = append(b.problems, ev.Entry.Text)
			}
		}
	})
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.Run(log.Enable(), runtime.Enable(), emulation.SetDeviceMetricsOverride(width, 760, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Navigate(entry))
	return b
}

// Run does what chromedp can do.
func (b *Chrome) Run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

// text is what can be read on the page, "" where it cannot be asked.
func (b *Chrome) text() (all string) {
	_ = chromedp.Run(b.ctx, chromedp.Evaluate(`location.href + '\n' + (e => e ? ['log', e.scrollTop, e.scrollHeight, e.clientHeight, e.firstElementChild.nextElementSibling.style.height, document.getElementById('log-follow').checked].join(' ') : '')(document.getElementById('log')) + '\n' + document.body.innerText`, &all))
	return all
}

// To goes to another page.
func (b *Chrome) To(path string) {
	b.t.Helper()
	b.Run(chromedp.Navigate(b.address + path))
}

// Is waits until an expression holds in the page, whichever that is by then: a click may have led to another one.
func (b *Chrome) Is(expression string) {
	b.t.Helper()
	limit, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		if err := chromedp.Run(b.ctx, chromedp.Evaluate(`Boolean(`+expression+`)`, &ok)); err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			b.t.Fatalf("it never was so: %s\n%s", expression, b.text())
		}
	}
}

// See waits for texts.
func (b *Chrome) See(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.Is(`document.body.innerText.replace(/\s+/g, ' ').includes(` + Quote(text) + `)`)
	}
}

// Quote writes a text as JavaScript does.
func Quote(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }

// Click presses the visible button or link with a text or a name, once it can be pressed.
func (b *Chrome) Click(text string) {
	b.t.Helper()
	const find = `[...document.querySelectorAll('dialog[open] button, dialog[open] a')].concat(document.querySelector('dialog[open]') ? [] : [...document.querySelectorAll('button, a, summary')])
		.find(e => e.checkVisibility() && !e.disabled && (e.innerText.trim() === T || e.getAttribute('aria-label') === T || (e.querySelector('h2,h3') || {}).innerText === T))`
	b.Is(`(T => { const e = ` + find + `; if (e) e.click(); return !!e; })(` + Quote(text) + `)`)
}

// Enter types into a field, as a person does: key by key in place of what was there.
func (b *Chrome) Enter(id, text string) {
	b.t.Helper()
	b.Is(`(e => { if (!e || e.disabled) return false; e.focus(); e.select?.(); return true; })(document.getElementById(` + Quote(id) + `))`)
	b.Run(chromedp.KeyEvent(text))
}

// Choose chooses an option of a list.
func (b *Chrome) Choose(selector, value string) {
	b.t.Helper()
	b.Is(`(e => { if (!e || ![...e.options].some(o => o.value === ` + Quote(value) + `)) return false; e.value = ` + Quote(value) + `; e.dispatchEvent(new Event('input', {bubbles: true})); return e.value === ` + Quote(value) + `; })(document.querySelector(` + Quote(selector) + `))`)
}

// HTML is the page as it is now.
func (b *Chrome) HTML() string {
	b.t.Helper()
	var all string
	b.Run(chromedp.OuterHTML("html", &all, chromedp.ByQuery))
	return all
}

// Shot takes a picture of the whole page where a folder is asked for by DMG_SHOTS.
func (b *Chrome) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("DMG_SHOTS")
	if dir == "" {
		return
	}
	var data []byte
	b.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		data, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
		return err
	}))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Right fails where something is wider than the window, has no name for a screen reader, or was complained of.
func (b *Chrome) Right(what string) {
	b.t.Helper()
	var wide, nameless []string
	b.Run(chromedp.Evaluate(`document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
		[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 200))`, &wide),
		chromedp.Evaluate(`[...document.querySelectorAll('input:not([type=hidden]),select,textarea,button')].filter(e => e.checkVisibility() && !(e.labels && e.labels.length && e.labels[0].innerText.trim()) && !e.getAttribute('aria-label') && !e.innerText.trim()).map(e => e.outerHTML.slice(0, 200))`, &nameless))
	for _, e := range wide {
		b.t.Errorf("%s: it is wider than the window: %s", what, e)
	}
	for _, e := range nameless {
		b.t.Errorf("%s: it has no name: %s", what, e)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Errorf("%s: the browser complains: %s", what, p)
	}
	b.problems = nil
}
