package main

import (
	"encoding/json"
	"io"
	"os"

	"dmgateway/engine"
)

type credentialCmd struct {
	Encrypt encryptCmd `cmd:"" help:"Seal the secrets of a linked service."`
}

type encryptCmd struct {
	File        string `arg:"" help:"A linked service as JSON, or - for standard input."`
	Certificate string `help:"The gateway's certificate (PEM); this installation's own where not given." type:"existingfile" placeholder:"FILE.pem"`
	Out         string `help:"Where to write the sealed linked service; standard output where not given." type:"path" placeholder:"FILE"`
}

func (c encryptCmd) Run(p *program) error {
	text, err := p.readFile(c.File)
	if err != nil {
		return err
	}
	var pem []byte
	if c.Certificate != "" {
		if pem, err = os.ReadFile(c.Certificate); err != nil {
			return err
		}
	}
	sealed, err := engine.SealLinkedService(p.ctx, text, p.data, pem)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return os.WriteFile(c.Out, append(sealed, '\n'), 0o600)
	}
	return p.printJSON(json.RawMessage(sealed))
}

func (p *program) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(p.in, 16<<20))
	}
	return os.ReadFile(name)
}

type certificateCmd struct {
	Show certificateShowCmd `cmd:"" help:"Show the gateway's certificate; with --pem as PEM, for sealing elsewhere."`
}

type certificateShowCmd struct {
	PEM bool `name:"pem" help:"Print the certificate itself (it is public)."`
}

func (c certificateShowCmd) Run(p *program) error {
	cert, err := engine.GatewayCertificate(p.ctx, p.data)
	if err != nil {
		return err
	}
	if c.PEM {
		_, err = io.WriteString(p.out, cert.PEM)
		return err
	}
	return p.print(cert, func(w io.Writer) {
		pairs(w,
			[2]string{"Subject", cert.Subject},
			[2]string{"Thumbprint", cert.Thumbprint},
			[2]string{"Valid", timeText(cert.NotBefore) + " to " + timeText(cert.NotAfter)})
	})
}
