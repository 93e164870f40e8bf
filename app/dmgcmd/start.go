package main

import (
	"os"
	"strings"

	"dmgateway/engine"
)

// starter runs newer versions of the program; nil in tests of single commands.
var starter *engine.Starter

// firstStep runs the newest kept version of dmgcmd instead of this one, if there is one. It reads just enough of the
// arguments: a newer version may understand more of them than this one.
func firstStep(args []string) (code int, done bool) {
	data, serves := wordsOf(args)
	starter, code, done = engine.FirstStep(engine.CommandProgram, data, args, serves)
	return code, done
}

// wordsOf finds the data directory in the arguments ("" = not given), and whether they run the engine.
func wordsOf(args []string) (data string, runs bool) {
	command := ""
	for i := 0; i < len(args); i++ {
		switch flag, value, joined := strings.Cut(args[i], "="); {
		case args[i] == "--":
			i = len(args)
		case flag == "--data" && joined:
			data = value
		case flag == "--data" && i+1 < len(args):
			i++
			data = args[i]
		case strings.HasPrefix(flag, "-"):
		case command == "":
			command = args[i]
		}
	}
	if home, ok := strings.CutPrefix(data, "~/"); ok {
		if dir, err := os.UserHomeDir(); err == nil {
			data = dir + "/" + home
		}
	}
	return data, command == "run"
}
