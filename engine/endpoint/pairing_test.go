package endpoint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
)

func TestACodeWorksOnceAndSoon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, err := w.Pair()
	if err != nil || len(code.Code) != 9 || code.URL != w.Status().URL {
		t.Fatalf("%+v %v", code, err)
	}
	if strings.ContainsAny(code.Code, "01ILO") {
		t.Errorf("%s can be misread", code.Code)
	}
	enter := func(text string) int {
		status, _, _ := w.caller().ask("POST", "/api/v1/session", `{"code":"`+text+`"}`)
		return status
	}
	if s := enter("short"); s != 400 {
		t.Errorf("what is no code: %d", s)
	}
	if s := enter(" " + strings.ToLower(strings.ReplaceAll(code.Code, "-", " ")) + " "); s != 200 {
		t.Errorf("typed in another way: %d", s)
	}
	if s := enter(code.Code); s != 403 {
		t.Errorf("twice: %d", s)
	}
	first, _ := w.Pair()
	second, _ := w.Pair()
	if s := enter(first.Code); s != 403 {
		t.Errorf("the one before: %d", s)
	}
	w.clock.advance(codeLife + time.Second)
	if s := enter(second.Code); s != 403 {
		t.Errorf("too late: %d", s)
	}
}

func TestFiveWrongGuessesEndTheCodeAndPauseAll(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newPairing()
	wait := firstPause
	for range 9 {
		code, _, err := p.make(now)
		if err != nil {
			t.Fatal(err)
		}
		guess, _ := normalCode(code)
		for i := range maxWrong {
			if ok, _ := p.try(fmt.Sprint("10.0.0.", i), "22222222", now); ok {
				t.Fatal("a guess was right")
			}
		}
		if ok, left := p.try("10.9.9.9", guess, now); ok || left != wait {
			t.Fatalf("the code still works, or the pause is %s instead of %s", left, wait)
		}
		if _, _, err := p.make(now); fault.Code(err) != codeTooMany || fault.As(err).Hint == "" {
			t.Fatalf("a new code in the pause: %v", err)
		}
		now = now.Add(wait)
		if ok, _ := p.try("10.9.9.9", guess, now); ok {
			t.Fatal("the code works after the pause")
		}
		wait = min(2*wait, maxPause)
	}
	now = now.Add(maxPause)
	code, _, err := p.make(now)
	guess, _ := normalCode(code)
	if ok, _ := p.try("10.0.0.77", guess, now); err != nil || !ok {
		t.Error("who knows the code does not get in")
	}
}

// TestAMillionGuessesGetNowhere counts how many guesses are looked at, from a thousand machines, with a person who makes
// a new code whenever that can be done.
func TestAMillionGuessesGetNowhere(t *testing.T) {
	t.Parallel()
	p := newPairing()
	now := time.Now()
	looked, codes := 0, 0
	for i := range 1_000_000 {
		if p.code == "" {
			if _, _, err := p.make(now); err == nil {
				codes++
			}
		}
		ok, wait := p.try(fmt.Sprint("10.0.", i%1000), "ZZZZZZZZ", now)
		if ok {
			t.Fatal("a guess was right: once in 650 thousand million")
		}
		if wait == 0 {
			looked++
		}
		now = now.Add(10 * time.Millisecond) // nearly three hours in all
	}
	if looked > 100 || codes > 20 {
		t.Errorf("%d guesses at %d codes were looked at", looked, codes)
	}
	if len(p.callers) > maxCallers+1 {
		t.Errorf("%d callers are remembered", len(p.callers))
	}
}

func TestOneCallerCannotPauseTheOthersWhileThereIsNoCode(t *testing.T) {
	t.Parallel()
	p, now := newPairing(), time.Now()
	for range 10_000 {
		p.try("10.0.0.66", "ZZZZZZZZ", now)
		now = now.Add(time.Second)
	}
	code, _, err := p.make(now)
	if err != nil {
		t.Fatal(err)
	}
	guess, _ := normalCode(code)
	if _, wait := p.try("10.0.0.66", guess, now); wait == 0 {
		t.Error("who guessed so often is still heard")
	}
	if ok, _ := p.try("10.0.0.1", guess, now); !ok {
		t.Error("another machine has to wait")
	}
	for i := range 100_000 {
		p.try(fmt.Sprint("x", i), "ZZZZZZZZ", now)
	}
	if len(p.callers) > maxCallers+1 {
		t.Errorf("%d callers are remembered", len(p.callers))
	}
}

func FuzzNormalCode(f *testing.F) {
	f.Add("7KQ4-M2XD")
	f.Add("7kq4 m2xd")
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := normalCode(text)
		if ok && (len(code) != codeLength || strings.Trim(code, alphabet) != "") {
			t.Errorf("%q became %q", text, code)
		}
	})
}
