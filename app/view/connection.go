package view

import (
	"context"
	"maps"
	"slices"
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// ConnectionTest tries a connection to a store, with fields typed by a person or with the JSON of a linked service. What
// was typed is kept no longer than the test. Make one with [Model.ConnectionTest]; its methods return at once.
type ConnectionTest struct {
	watched
	task task
	data string
	s    TestView
}

// TestView is a moment of a [ConnectionTest].
type TestView struct {
	Busy    bool
	Tone    Tone
	Verdict string // in a sentence, "" before the first test
	Stages  []StepView
	Problem *Problem
}

// ConnectionTest makes a test that has not run yet. data is the data directory whose certificates open credentials that
// are sealed in JSON.
func (m *Model) ConnectionTest(data string) *ConnectionTest {
	return &ConnectionTest{task: task{m: m}, data: data}
}

// Snapshot is the present moment.
func (t *ConnectionTest) Snapshot() TestView {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.s
	s.Stages = slices.Clone(s.Stages)
	return s
}

// Fields tests a type of store with what was typed: where it is, and the credential of one kind.
func (t *ConnectionTest) Fields(typeName, kind string, place, credential map[string]string) {
	place, credential = maps.Clone(place), maps.Clone(credential)
	t.run(func(ctx context.Context, report func(engine.Stage)) error {
		definition, err := engine.NewConnection(typeName, kind, place)
		if err != nil {
			return err
		}
		return t.task.m.ctl.TestCredential(ctx, engine.CredentialRequest{Definition: definition, Kind: kind, Values: credential}, report)
	})
}

// JSON tests a linked service as it stands, with its credential open or sealed for this gateway.
func (t *ConnectionTest) JSON(text string) {
	t.run(func(ctx context.Context, report func(engine.Stage)) error {
		return engine.TestConnection(ctx, []byte(strings.TrimSpace(text)), engine.BundleOptions{Data: t.data}, report)
	})
}

func (t *ConnectionTest) run(try func(context.Context, func(engine.Stage)) error) {
	t.task.start(func() {
		t.change(func() { t.s = TestView{Busy: true, Tone: Busy, Verdict: words.T("Connecting…")} })
	}, func(ctx context.Context) {
		err := try(ctx, func(s engine.Stage) {
			t.change(func() { t.s.Stages = append(t.s.Stages, stageView(s)) })
		})
		stopped := ctx.Err() != nil
		t.task.done()
		t.change(func() {
			t.s.Busy = false
			switch {
			case stopped:
				t.s.Tone, t.s.Verdict = Off, words.T("The test was cancelled.")
			case err != nil || slices.ContainsFunc(t.s.Stages, func(s StepView) bool { return s.Tone == Bad }):
				t.s.Tone, t.s.Verdict = Bad, words.T("The connection does not work.")
				if !slices.ContainsFunc(t.s.Stages, func(s StepView) bool { return s.Tone == Bad }) {
					t.s.Problem = ProblemOf(err)
				}
			default:
				t.s.Tone, t.s.Verdict = Good, words.T("The connection works.")
			}
		})
	})
}

// Cancel ends a test that runs.
func (t *ConnectionTest) Cancel() { t.task.cancel() }

// Clear forgets the outcome: it is not that of what is typed now.
func (t *ConnectionTest) Clear() {
	t.change(func() {
		if !t.s.Busy {
			t.s = TestView{}
		}
	})
}

func stageView(s engine.Stage) StepView {
	v := StepView{Name: stepName(s.Name), Detail: Sentence(words.Of(s.Detail)), Remedy: Sentence(words.Of(s.Remedy)), Tone: Good}
	if s.Error != "" {
		v.Tone, v.Detail = Bad, Sentence(words.Of(s.Error))
	}
	if s.Took > 0 {
		v.Took = tookText(s.Took)
	}
	return v
}

// StagesText is the outcome for the clipboard.
func (v TestView) StagesText() string {
	var b strings.Builder
	for _, s := range v.Stages {
		sign := "+"
		if s.Tone == Bad {
			sign = "-"
		}
		b.WriteString(strings.TrimSpace(sign+" "+s.Name+"  "+s.Took) + "\n")
		for _, line := range []string{s.Detail, s.Remedy} {
			if line != "" {
				b.WriteString("    " + line + "\n")
			}
		}
	}
	if v.Problem != nil {
		b.WriteString(strings.TrimSpace(v.Problem.Text+" "+v.Problem.Hint) + "\n")
	}
	return b.String() + v.Verdict + "\n"
}

// FieldTitle and FieldHint are what a field is called and what is expected in it, in the person's language.
func FieldTitle(f engine.CredentialField) string { return words.Of(f.Title) }

// FieldHint is "" where the title says it.
func FieldHint(f engine.CredentialField) string { return words.Of(f.Hint) }

// KindTitle is what a way to sign in is called, in the person's language.
func KindTitle(k engine.CredentialKind) string { return words.Of(k.Title) }
