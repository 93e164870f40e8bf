package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"

	"dmgateway/engine"
)

type credentialCmd struct {
	Encrypt encryptCmd        `cmd:"" help:"Seal the secrets of a linked service."`
	List    credentialListCmd `cmd:"" help:"The linked services of this gateway at the data factory, and how each can sign in."`
	Set     credentialSetCmd  `cmd:"" help:"Test a credential, seal it and put it into a linked service at the data factory."`
}

type encryptCmd struct {
	File        string `arg:"" help:"A linked service as JSON, or - for standard input."`
	Certificate string `help:"The gateway's certificate (PEM): nothing else is needed, no data directory is touched. This installation's own where not given." type:"existingfile" placeholder:"FILE.pem"`
	Gateway     string `help:"ID of the gateway that alone may open it, as certificate show prints it; with this installation's own certificate it is known." placeholder:"ID"`
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
	sealed, err := engine.SealLinkedService(p.ctx, text, p.data, pem, c.Gateway)
	if err != nil {
		return err
	}
	if !bytes.Contains(bytes.ToLower(sealed), []byte("encryptedcredential")) {
		p.say("Nothing in the linked service is a secret, so nothing was sealed.")
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
