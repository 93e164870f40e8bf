package view

import (
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Group is a part of the Settings page.
type Group string

// The groups.
const (
	GroupGeneral      Group = "general"
	GroupJobs         Group = "jobs"
	GroupFolders      Group = "folders"
	GroupNetwork      Group = "network"
	GroupCredentials  Group = "credentials"
	GroupCertificate  Group = "certificate"
	GroupRegistration Group = "registration"
	GroupUpdates      Group = "updates"
	GroupLog          Group = "log"
	GroupAdvanced     Group = "advanced"
)

// Groups are all, in the order in which they are shown. Updates is shown only where the engine has settings of it.
var Groups = []Group{
	GroupGeneral, GroupJobs, GroupFolders, GroupNetwork, GroupCredentials, GroupCertificate, GroupRegistration, GroupUpdates, GroupLog, GroupAdvanced,
}

// Title is the group's heading.
func (g Group) Title() string {
	switch g {
	case GroupGeneral:
		return words.T("General")
	case GroupJobs:
		return words.T("Jobs")
	case GroupFolders:
		return words.T("Folders and secrets")
	case GroupNetwork:
		return words.T("Proxy")
	case GroupCredentials:
		return words.T("Credentials page")
	case GroupCertificate:
		return words.T("Certificate")
	case GroupRegistration:
		return words.T("Registration")
	case GroupUpdates:
		return words.T("Updates")
	case GroupLog:
		return words.T("Log")
	}
	return words.T("Advanced")
}

// About says what the group is for.
func (g Group) About() string {
	switch g {
	case GroupGeneral:
		return words.T("How the program starts and looks.")
	case GroupJobs:
		return words.T("How much of this computer and its network copy jobs may use.")
	case GroupFolders:
		return words.T("What jobs of a data factory may use on this computer. Everything else is closed to them.")
	case GroupNetwork:
		return words.T("The way out to the data factory, its queue and cloud stores. Databases are reached directly.")
	case GroupCredentials:
		return words.T("Users and passwords of linked services are set here or on a page that the gateway serves over HTTPS. They are sealed before they leave this computer.")
	case GroupCertificate:
		return words.T("Credentials are encrypted for this certificate, so that only this gateway can open them.")
	case GroupRegistration:
		return words.T("The data factory that this gateway works for.")
	case GroupUpdates:
		return words.T("When a new version is installed.")
	case GroupLog:
		return words.T("What is written down, for finding the cause of a problem.")
	}
	return words.T("What few people need.")
}

var groups = map[string]Group{
	engine.SettingAutostart: GroupGeneral, engine.SettingTheme: GroupGeneral, engine.SettingLanguage: GroupGeneral, engine.SettingNotifications: GroupGeneral,
	engine.SettingJobLimit: GroupJobs, engine.SettingByteLimit: GroupJobs, engine.SettingRowLimit: GroupJobs,
	engine.SettingConnectionLimit: GroupJobs, engine.SettingMemoryLimit: GroupJobs,
	engine.SettingFolders: GroupFolders, engine.SettingSecretReferences: GroupFolders,
	engine.SettingEndpoint: GroupCredentials, engine.SettingEndpointPort: GroupCredentials, engine.SettingEndpointAddress: GroupCredentials,
	engine.SettingEndpointNames: GroupCredentials,
	engine.SettingNodeName:      GroupRegistration,
	engine.SettingVerbose:       GroupLog, engine.SettingSystemLog: GroupLog,
}

// GroupOf is the group of a setting; one that is not known here is advanced.
func GroupOf(name string) Group {
	if g, ok := groups[name]; ok {
		return g
	}
	if strings.HasPrefix(name, "notify") {
		return GroupGeneral
	}
	if strings.HasPrefix(name, "update") || name == engine.SettingAutoUpdate {
		return GroupUpdates
	}
	if strings.HasPrefix(name, "log") {
		return GroupLog
	}
	return GroupAdvanced
}

// Matches reports whether each word of what a person searches for is in one of the texts.
func Matches(search string, texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}

// Matches reports whether a setting is one that a person searches for.
func (v Setting) Matches(search string) bool {
	return Matches(search, v.Title, v.Help, v.Name, v.Shown)
}
