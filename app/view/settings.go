package view

import (
	"path/filepath"
	"slices"
	"strings"

	"dmgateway/engine"
)

// Setting is one setting as the Settings page shows it.
type Setting struct {
	engine.Setting
	Title string
	// Shown is the value to show: the default where none was set.
	Shown string
	// Error is what is wrong with the value that was entered last, "" where nothing is.
	Error string
	// Changed says that it is not the default.
	Changed bool
}

// SettingsOf gives the settings in the engine's order.
func SettingsOf(s Snapshot) []Setting {
	settings := make([]Setting, 0, len(s.settings))
	for _, e := range s.settings {
		v := Setting{Setting: e, Title: SettingTitle(e.Name), Shown: e.Value, Error: s.settingErrors[e.Name]}
		if v.Shown == "" {
			v.Shown = e.Default
		}
		v.Changed = v.Shown != e.Default
		settings = append(settings, v)
	}
	return settings
}

var titles = map[string]string{
	engine.SettingJobLimit: "Jobs at once", engine.SettingFolders: "Folders for jobs", engine.SettingNodeName: "Node name",
	engine.SettingAutostart: "Connect at start", engine.SettingTheme: "Theme", engine.SettingVerbose: "Verbose logging",
	engine.SettingNotifications: "Notifications", engine.SettingByteLimit: "Bytes per second at most", engine.SettingRowLimit: "Rows per second at most",
	engine.SettingConnectionLimit: "Parts at once at most", engine.SettingMemoryLimit: "Memory of copies at most",
}

// SettingTitle gives a setting's name in words; that of an unknown one is its name with a capital.
func SettingTitle(name string) string {
	if t, ok := titles[name]; ok {
		return t
	}
	words := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_. ", r) }), " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// ChoiceTitle gives a choice of a setting in words.
func ChoiceTitle(choice string) string { return SettingTitle(choice) }

// SettingValue is the value of a setting that counts: "" where there is no such setting.
func SettingValue(s Snapshot, name string) string {
	for _, e := range s.settings {
		if e.Name == name {
			if e.Value == "" {
				return e.Default
			}
			return e.Value
		}
	}
	return ""
}

// Folders splits the value of a setting of kind folders.
func Folders(value string) []string {
	return slices.DeleteFunc(filepath.SplitList(value), func(f string) bool { return strings.TrimSpace(f) == "" })
}

// JoinFolders makes such a value of folders, each once.
func JoinFolders(folders []string) string {
	var out []string
	for _, f := range folders {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return strings.Join(out, string(filepath.ListSeparator))
}
