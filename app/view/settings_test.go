package view_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

func TestEverySettingOfTheEngineHasATitleAndAGroup(t *testing.T) {
	for _, s := range engine.SettingDefinitions() {
		if strings.EqualFold(view.SettingTitle(s.Name), s.Name) && !slices.Contains([]string{"theme", "language", "notifications"}, s.Name) {
			t.Errorf("%s has no title of its own", s.Name)
		}
		if g := view.GroupOf(s.Name); g == view.GroupAdvanced && s.Name != engine.SettingControlGroup {
			t.Errorf("%s is among what few people need", s.Name)
		}
	}
	if view.GroupOf("updatetime") != view.GroupUpdates || view.GroupOf("something") != view.GroupAdvanced {
		t.Error("a new setting is in no group")
	}
}

func TestTheLanguagesThatCanBeSetAreThoseThatThereAre(t *testing.T) {
	i := slices.IndexFunc(engine.SettingDefinitions(), func(s engine.Setting) bool { return s.Name == engine.SettingLanguage })
	want := []string{"system"}
	for _, l := range words.Languages() {
		want = append(want, l.Tag)
		if view.ChoiceTitle(l.Tag) != l.Name {
			t.Errorf("%s is called %s", l.Tag, view.ChoiceTitle(l.Tag))
		}
	}
	if got := engine.SettingDefinitions()[i].Choices; !slices.Equal(got, want) {
		t.Errorf("%q can be set, there are %q", got, want)
	}
}

func TestASettingIsFoundByItsWords(t *testing.T) {
	v := view.Setting{Setting: engine.Setting{Name: "joblimit", Help: "How many copy jobs may run at once."}, Title: "Jobs at once", Shown: "4"}
	for search, want := range map[string]bool{"jobs": true, "RUN copy": true, "joblimit": true, "jobs proxy": false, "": true} {
		if v.Matches(search) != want {
			t.Errorf("%q: %v", search, !want)
		}
	}
}

func TestADefaultIsNamedWhereTheValueIsAnother(t *testing.T) {
	c := viewtest.New()
	c.Set = []engine.Setting{
		{Name: engine.SettingJobLimit, Value: "8", Default: "4", Kind: "number"},
		{Name: engine.SettingFolders, Value: "/a", Kind: "folders"},
		{Name: engine.SettingVerbose, Value: "true", Default: "false", Kind: "bool"},
		{Name: engine.SettingTheme, Value: "dark", Default: "system", Kind: "choice"},
		{Name: engine.SettingByteLimit, Value: "", Kind: "text"},
	}
	var got []string
	for _, v := range view.SettingsOf(running(t, c)) {
		got = append(got, v.BackTo)
	}
	if want := []string{"Default: 4", "Default: none", "Default: off", "Default: As the system", ""}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

type loginList struct {
	on  bool
	err error
}

func (l *loginList) On() (bool, error) { return l.on, nil }
func (l *loginList) Set(on bool) error {
	if l.err == nil {
		l.on = on
	}
	return l.err
}

func TestStartAtLoginShowsWhatTheDesktopHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &loginList{}
		l := run(t, viewtest.Idle(), nil).Login(list)
		l.Load()
		synctest.Wait()
		if s := l.Snapshot(); !s.Known || s.On {
			t.Errorf("%+v", s)
		}
		l.Set(true)
		synctest.Wait()
		if s := l.Snapshot().Setting(); s.Shown != "true" || !list.on {
			t.Errorf("%+v", s)
		}
		list.err = errors.New("the folder cannot be written")
		l.Set(false)
		synctest.Wait()
		if s := l.Snapshot().Setting(); s.Shown != "true" || s.Error != "The folder cannot be written." {
			t.Errorf("%+v", s)
		}
	})
}
