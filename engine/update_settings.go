package engine

import (
	"time"

	"dmgateway/engine/update/feed"
)

// defaultUpdateTime is when an update installs itself, by this machine's clock.
const defaultUpdateTime = "03:00"

// updateSettings are about newer versions of the program.
func updateSettings() []definition {
	return []definition{
		{Setting: Setting{
			Name: SettingAutoUpdate, Kind: "bool", Default: "true",
			Help: "Install newer versions without anybody asking, at the time of day below, when no job is running any more. What does not work is undone by itself.",
		}, check: checkBool, apply: (*Engine).reschedule},
		{Setting: Setting{
			Name: SettingUpdateTime, Kind: "text", Default: defaultUpdateTime,
			Help: "The time of day at which a newer version is installed, by this machine's clock, such as 03:00. It begins up to half an hour later, so that not every gateway does at once.",
		}, check: checkTimeOfDay, apply: (*Engine).reschedule},
		{Setting: Setting{
			Name: SettingUpdateChannel, Kind: "choice", Default: feed.Stable, Choices: []string{feed.Stable, feed.Preview},
			Help: "Which versions are installed: stable ones only, or those too that are still tried out.",
		}, check: checkChoice(feed.Stable, feed.Preview), apply: (*Engine).lookForUpdates},
		{Setting: Setting{
			Name: SettingUpdateFeed, Kind: "text",
			Help: "The address at which newer versions are looked for, beginning with https://. Empty: the data factory's, where it offers them. Whatever the address, only versions signed by the maker are taken.",
		}, check: checkFeed, apply: (*Engine).lookForUpdates},
	}
}

func checkTimeOfDay(value string) (string, error) {
	t, err := time.Parse("15:04", value)
	if err != nil {
		return "", wrongValue(value, "Give a time of day from 00:00 to 23:59, such as %s.", defaultUpdateTime)
	}
	return t.Format("15:04"), nil
}

func checkFeed(value string) (string, error) {
	if err := feed.CheckAddress(value); err != nil {
		return "", err
	}
	return value, nil
}
