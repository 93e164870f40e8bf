package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// Names of settings.
const (
	SettingJobLimit      = "joblimit"
	SettingFolders       = "folders"
	SettingNodeName      = "nodename"
	SettingAutostart     = "autostart"
	SettingTheme         = "theme"
	SettingLanguage      = "language"
	SettingVerbose       = "verbose"
	SettingNotifications = "notifications"
	SettingSystemLog     = "systemlog"

	SettingSecretReferences = "secretreferences"

	SettingAutoUpdate    = "autoupdate"
	SettingUpdateTime    = "updatetime"
	SettingUpdateChannel = "updatechannel"
	SettingUpdateFeed    = "updatefeed"

	SettingByteLimit       = "bytelimit"
	SettingRowLimit        = "rowlimit"
	SettingConnectionLimit = "connectionlimit"
	SettingMemoryLimit     = "memorylimit"
)

// maxJobs is the most jobs that may run at once.
const maxJobs = 64

// definition is one setting: how it is shown, checked and brought into effect.
type definition struct {
	Setting
	// check gives the value as it is stored, nil = as given.
	check func(value string) (string, error)
	// apply brings a new value into effect, nil where it is only read when needed.
	apply func(e *Engine)
}

// definitions are all settings, in the order in which they are shown.
func definitions() []definition {
	return slices.Concat(workSettings(), endpointSettings(), updateSettings(), programSettings(), noticeSettings())
}

// workSettings are about jobs and the gateway's place in the factory.
func workSettings() []definition {
	return []definition{
		{Setting: Setting{
			Name: SettingJobLimit, Kind: "number", Default: strconv.Itoa(defaultJobLimit()),
			Help: "How many copy jobs may run at once. The default follows from this machine's cores and memory.",
		}, check: checkJobLimit, apply: (*Engine).applyJobLimit},
		{Setting: Setting{
			Name: SettingByteLimit, Kind: "text",
			Help: "How many bytes a second all running jobs together may read, such as 500K or 20M. Empty: as many as they can. Running jobs follow at once.",
		}, check: checkSize, apply: (*Engine).applyLimits},
		{Setting: Setting{
			Name: SettingRowLimit, Kind: "text",
			Help: "How many rows a second all running jobs together may read. Empty: as many as they can. Running jobs follow at once.",
		}, check: checkSize, apply: (*Engine).applyLimits},
		{Setting: Setting{
			Name: SettingConnectionLimit, Kind: "text",
			Help: "How many parts of tables and files all running jobs together may copy at once. Empty: as each job says. Running jobs follow as parts end.",
		}, check: checkSize, apply: (*Engine).applyLimits},
		{Setting: Setting{
			Name: SettingMemoryLimit, Kind: "text",
			Help: "How much memory the buffers of all running jobs together may take, such as 200M; one part is always copied. Empty: as each job needs. Running jobs follow as parts end.",
		}, check: checkSize, apply: (*Engine).applyLimits},
		{Setting: Setting{
			Name: SettingFolders, Kind: "folders",
			Help: "Folders in which jobs from a data factory may read and write local files, SQLite files included. Separate several by " + string(os.PathListSeparator) + ". Empty: none.",
		}, check: checkFolders},
		{Setting: Setting{
			Name: SettingSecretReferences, Kind: "text",
			Help: "Secrets of this machine that linked services of a data factory may refer to: names of environment variables, and absolute paths of files or of folders that hold them, separated by commas. Empty: none.",
		}, check: checkReferences},
		{Setting: Setting{
			Name: SettingNodeName, Kind: "text", Default: hostName(),
			Help: "The name under which this machine registers. It is shown in the data factory; a change takes effect when registering again.",
		}, check: checkNodeName},
		{Setting: Setting{
			Name: SettingAutostart, Kind: "bool", Default: "true",
			Help: "Connect and take jobs when the program starts. Start and Stop change it too.",
		}, check: checkBool},
	}
}

// programSettings are about the program on its machine.
func programSettings() []definition {
	return []definition{
		{Setting: Setting{
			Name: SettingTheme, Kind: "choice", Default: "system", Choices: []string{"system", "light", "dark"}, Help: "The window's colours.",
		}, check: checkChoice("system", "light", "dark")},
		{Setting: Setting{
			Name: SettingLanguage, Kind: "choice", Default: "system", Choices: []string{"system", "en", "de"}, Help: "The window's language. A change shows at once.",
		}, check: checkChoice("system", "en", "de")},
		{Setting: Setting{
			Name: SettingVerbose, Kind: "bool", Default: "false", Help: "Write more into the log, to find the cause of a problem.",
		}, check: checkBool, apply: (*Engine).applyVerbose},
		{Setting: Setting{
			Name: SettingSystemLog, Kind: "bool", Default: "true",
			Help: "Write what has an event ID into the operating system's log too, where it has one: the Windows Event Log, systemd's journal or syslog.",
		}, check: checkBool, apply: (*Engine).applySystemLog},
		{Setting: Setting{
			Name: SettingNotifications, Kind: "bool", Default: "true", Help: "Show notifications. What is notified can be chosen below, kind by kind.",
		}, check: checkBool},
		{Setting: Setting{
			Name: SettingControlGroup, Kind: "text",
			Help: "A group of this system whose members may control the gateway by window and command line, beside the user that runs it. Empty: nobody else.",
		}, check: checkControlGroup, apply: (*Engine).openControlToGroup},
	}
}

func definitionOf(name string) (definition, error) {
	var names []string
	for _, d := range definitions() {
		if strings.EqualFold(d.Name, name) {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return definition{}, fault.New(fault.NotFound, "there is no setting %q", name).At(name).Try("Known: %s.", strings.Join(names, ", "))
}

func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "gateway"
}

func wrongValue(value, format string, args ...any) error {
	return fault.New(fault.BadInput, "%q is not a value for this setting", value).Try(format, args...)
}

func checkJobLimit(value string) (string, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxJobs {
		return "", wrongValue(value, "Give a whole number from 1 to %d.", maxJobs)
	}
	return strconv.Itoa(n), nil
}

func checkNodeName(value string) (string, error) {
	if utf8.RuneCountInString(value) > 64 || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", wrongValue(value, "Give a name of at most 64 printable characters.")
	}
	return value, nil
}

func checkBool(value string) (string, error) {
	switch strings.ToLower(value) {
	case "true", "on", "yes", "1":
		return "true", nil
	case "false", "off", "no", "0":
		return "false", nil
	}
	return "", wrongValue(value, "Give true or false.")
}

func checkChoice(choices ...string) func(string) (string, error) {
	return func(value string) (string, error) {
		if i := slices.IndexFunc(choices, func(c string) bool { return strings.EqualFold(c, value) }); i >= 0 {
			return choices[i], nil
		}
		return "", wrongValue(value, "Choose one of %s.", strings.Join(choices, ", "))
	}
}

func checkFolders(value string) (string, error) {
	var list []string
	for _, folder := range filepath.SplitList(value) {
		if folder == "" {
			continue
		}
		if !filepath.IsAbs(folder) {
			return "", wrongValue(value, "Give absolute paths; %q is not one.", folder)
		}
		info, err := os.Stat(folder)
		if err != nil {
			return "", fault.New(fault.NotFound, "the folder %s cannot be used", folder).At(folder).Because(err).Try("Make the folder first.")
		}
		if !info.IsDir() {
			return "", wrongValue(value, "%s is a file; give the folder that holds it.", folder)
		}
		list = append(list, filepath.Clean(folder))
	}
	return strings.Join(list, string(os.PathListSeparator)), nil
}

// loadSettings reads what the journal has.
func (e *Engine) loadSettings(ctx context.Context) error {
	for _, d := range definitions() {
		value, found, err := e.journal.Setting(ctx, d.Name)
		if err != nil {
			return err
		}
		if found {
			e.settings[d.Name] = value
		}
	}
	return nil
}

// setting is the value in effect.
func (e *Engine) setting(name string) string {
	e.mu.Lock()
	value, set := e.settings[name]
	e.mu.Unlock()
	if set {
		return value
	}
	d, err := definitionOf(name)
	if err != nil {
		return ""
	}
	return d.Default
}

// Settings are all settings by name.
func (e *Engine) Settings(context.Context) ([]Setting, error) {
	var list []Setting
	for _, d := range definitions() {
		s := d.Setting
		s.Value = e.setting(s.Name)
		list = append(list, s)
	}
	return list, nil
}

// SetSetting checks and stores a setting and applies it; value "" is the default.
func (e *Engine) SetSetting(ctx context.Context, name, value string) error {
	d, err := definitionOf(name)
	if err != nil {
		return err
	}
	value = strings.TrimSpace(value)
	if value == "" {
		err = e.journal.ClearSetting(ctx, d.Name)
	} else if value, err = d.check(value); err == nil {
		err = e.journal.SetSetting(ctx, d.Name, value)
	}
	if err != nil {
		if f := fault.As(err); f.Target == "" {
			return f.At(d.Name)
		}
		return err
	}
	e.mu.Lock()
	if value == "" {
		delete(e.settings, d.Name)
	} else {
		e.settings[d.Name] = value
	}
	e.mu.Unlock()
	e.log.Info("setting changed", logging.Key, logging.SettingSet, "name", d.Name, "value", value)
	if d.apply != nil {
		d.apply(e)
	}
	return nil
}

// SettingDefinitions are all settings with their defaults, without their values.
func SettingDefinitions() []Setting {
	var list []Setting
	for _, d := range definitions() {
		list = append(list, d.Setting)
	}
	return list
}
