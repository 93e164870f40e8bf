package view_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestAConnectionOfFieldsIsTestedInStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Stages = []engine.Stage{{Name: "name", Detail: "db1 is 10.0.0.5", Took: 2 * time.Millisecond}, {Name: "sign-in", Error: "the password is wrong", Remedy: "type it again", Took: 40 * time.Millisecond}}
		c.Err = errors.New("the password is wrong")
		test := run(t, c, nil).ConnectionTest("")
		test.Fields("PostgreSqlV2", "Basic", map[string]string{"server": "db1", "database": "shop"}, map[string]string{"userName": "loader", "password": "secret"})
		synctest.Wait()
		v := test.Snapshot()
		if v.Busy || v.Tone != view.Bad || v.Problem != nil || len(v.Stages) != 2 || v.Stages[1].Tone != view.Bad || v.Stages[1].Remedy != "Type it again." {
			t.Errorf("%+v", v)
		}
		if text := v.StagesText(); !strings.Contains(text, "- Sign-in  40 ms\n    The password is wrong.\n    Type it again.\n") {
			t.Error(text)
		}
		if strings.Contains(fmt.Sprintf("%+v", v), "secret") {
			t.Error("the password is kept")
		}
		if asked := c.Asked(); len(asked) != 1 || !strings.Contains(asked[0], `"server":"db1"`) {
			t.Errorf("%q", asked)
		}
		test.Clear()
		if v := test.Snapshot(); v.Verdict != "" || v.Stages != nil {
			t.Errorf("%+v", v)
		}
	})
}

func TestAConnectionThatLacksSomethingIsNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		test := run(t, c, nil).ConnectionTest("")
		test.Fields("PostgreSqlV2", "Basic", map[string]string{"database": "shop"}, nil)
		synctest.Wait()
		if v := test.Snapshot(); v.Problem == nil || !strings.Contains(v.Problem.Text, "Server") {
			t.Errorf("%+v", v)
		}
		if len(c.Asked()) != 0 {
			t.Errorf("%q", c.Asked())
		}
	})
}

func TestATestCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := viewtest.Idle()
		c.Gate = make(chan struct{})
		test := run(t, c, nil).ConnectionTest("")
		test.Fields("FileServer", "Anonymous", map[string]string{"host": "/srv"}, nil)
		synctest.Wait()
		test.Clear()
		if v := test.Snapshot(); !v.Busy || v.Verdict == "" {
			t.Errorf("%+v", v)
		}
		test.Cancel()
		synctest.Wait()
		if v := test.Snapshot(); v.Busy || v.Tone != view.Off || v.Problem != nil {
			t.Errorf("%+v", v)
		}
	})
}

func TestALinkedServiceIsTestedAsItStands(t *testing.T) {
	folder := t.TempDir()
	test := run(t, viewtest.Idle(), nil).ConnectionTest(folder)
	settled := func(text string) view.TestView {
		t.Helper()
		test.JSON(text)
		for deadline := time.Now().Add(20 * time.Second); test.Snapshot().Busy; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("waited in vain")
			}
		}
		return test.Snapshot()
	}
	good := fmt.Sprintf(`{"name":"Files","properties":{"type":"FileServer","typeProperties":{"host":%q}}}`, folder)
	if v := settled("\n" + good + "\n"); v.Tone != view.Good || len(v.Stages) == 0 {
		t.Errorf("%+v", v)
	}
	if err := os.Remove(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if v := settled(good); v.Tone != view.Bad || !slices.ContainsFunc(v.Stages, func(s view.StepView) bool { return s.Tone == view.Bad }) {
		t.Errorf("%s: %+v", filepath.Base(folder), v)
	}
	for _, text := range []string{"", "{", "[]", `{"name":"x"}`, strings.Repeat("{", 100_000)} {
		if v := settled(text); v.Tone != view.Bad || v.Problem == nil {
			t.Errorf("%.20q: %+v", text, v)
		}
	}
}
