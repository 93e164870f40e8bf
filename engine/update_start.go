package engine

import (
	"dmgateway/engine/update"
)

// Starter is this program as the one that runs the newest version which is kept in the data directory. The engine needs it
// to install updates.
type Starter = update.Program

// Names of the programs, for [FirstStep].
const (
	DesktopProgram = update.Desktop
	CommandProgram = update.Command
)

// FirstStep runs the newest version of the program that the data directory keeps, instead of this one. It comes before
// anything else. done is true after another version has run: the program ends with code. Otherwise it goes on, and gives
// the Starter to [Open]. serves says that an engine is about to run, so that a new version can be tried out.
func FirstStep(name, data string, args []string, serves bool) (s *Starter, code int, done bool) {
	s = &Starter{Version: Version().Version, Name: name, Args: args, Serves: serves}
	var err error
	if s.Data, err = resolveData(data); err != nil {
		return s, 0, false // opening says so
	}
	code, done = s.Start()
	return s, code, done
}
