package main

import (
	"io"

	"dmgateway/engine"
)

type versionCmd struct{}

func (versionCmd) Run(p *program) error {
	v := engine.Version()
	return p.print(v, func(w io.Writer) {
		pairs(w,
			[2]string{"Data Management Gateway", v.Version},
			[2]string{"Commit", v.Commit},
			[2]string{"Built", v.Built},
			[2]string{"With", v.Go + " for " + v.System})
	})
}
