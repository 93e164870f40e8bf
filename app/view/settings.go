package view

import (
	"path/filepath"
	"slices"
	"strings"

	"dmgateway/app/words"
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
	// Changed says that it is not the default, which BackTo names.
	Changed bool
	BackTo  string
}

// SettingsOf gives the settings in the engine's order.
func SettingsOf(s Snapshot) []Setting {
	settings := make([]Setting, 0, len(s.settings))
	for _, e := range s.settings {
		v := Setting{Setting: e, Title: SettingTitle(e.Name), Shown: e.Value, Error: s.settingErrors[e.Name]}
		v.Help = words.Of(e.Help)
		if v.Shown == "" {
			v.Shown = e.Default
		}
		v.Changed = v.Shown != e.Default
		if v.Changed {
			v.BackTo = words.T("Default: %s", defaultText(e))
		}
		settings = append(settings, v)
	}
	return settings
}

func defaultText(e engine.Setting) string {
	switch {
	case e.Default == "" && e.Kind == "folders":
		return words.T("none")
	case e.Default == "":
		return words.T("empty")
	case e.Kind == "bool" && e.Default == "true":
		return words.T("on")
	case e.Kind == "bool":
		return words.T("off")
	case e.Kind == "choice":
		return ChoiceTitle(e.Default)
	}
	return e.Default
}

// SettingTitle gives a setting's name in words; that of an unknown one is its name with a capital.
func SettingTitle(name string) string {
	switch name {
	case engine.SettingJobLimit:
		return words.T("Jobs at once")
	case engine.SettingFolders:
		return words.T("Folders for jobs")
	case engine.SettingSecretReferences:
		return words.T("Secrets of this machine")
	case engine.SettingNodeName:
		return words.T("Node name")
	case engine.SettingAutostart:
		return words.T("Connect at start")
	case engine.SettingTheme:
		return words.T("Theme")
	case engine.SettingLanguage:
		return words.T("Language")
	case engine.SettingVerbose:
		return words.T("Verbose logging")
	case engine.SettingSystemLog:
		return words.T("System log")
	case engine.SettingNotifications:
		return words.T("Notifications")
	case engine.SettingNotifyConnection:
		return words.T("Notify of the connection")
	case engine.SettingNotifyJobs:
		return words.T("Notify of failed jobs")
	case engine.SettingNotifyWarnings:
		return words.T("Notify of warnings")
	case engine.SettingNotifyReports:
		return words.T("Notify of sent logs")
	case engine.SettingNotifyUpdates:
		return words.T("Notify of updates")
	case engine.SettingAutoUpdate:
		return words.T("Update by itself")
	case engine.SettingUpdateTime:
		return words.T("Time of day")
	case engine.SettingUpdateChannel:
		return words.T("Versions")
	case engine.SettingUpdateFeed:
		return words.T("Address of the feed")
	case engine.SettingByteLimit:
		return words.T("Bytes per second at most")
	case engine.SettingRowLimit:
		return words.T("Rows per second at most")
	case engine.SettingConnectionLimit:
		return words.T("Parts at once at most")
	case engine.SettingMemoryLimit:
		return words.T("Memory of copies at most")
	case engine.SettingEndpoint:
		return words.T("Serve the page")
	case engine.SettingEndpointPort:
		return words.T("Port")
	case engine.SettingEndpointAddress:
		return words.T("Reachable from")
	case engine.SettingEndpointNames:
		return words.T("Further names")
	case engine.SettingControlGroup:
		return words.T("Who may control the gateway")
	}
	return capital(name)
}

func capital(name string) string {
	text := strings.Join(strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_. ", r) }), " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// ChoiceTitle gives a choice of a setting in words. Languages are named in themselves.
func ChoiceTitle(choice string) string {
	switch choice {
	case "system":
		return words.T("As the system")
	case "light":
		return words.T("Light")
	case "dark":
		return words.T("Dark")
	case "stable":
		return words.T("Finished ones")
	case "preview":
		return words.T("Previews too")
	}
	for _, l := range words.Languages() {
		if l.Tag == choice {
			return l.Name
		}
	}
	return capital(choice)
}

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
