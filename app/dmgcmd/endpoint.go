package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"dmgateway/engine"
)

type endpointCmd struct {
	Status      endpointStatusCmd      `cmd:"" default:"1" help:"Show whether the page for setting credentials is served, where, and its certificate."`
	Code        endpointCodeCmd        `cmd:"" help:"Make a pairing code, with which one browser or script gets in within ten minutes."`
	Certificate endpointCertificateCmd `cmd:"" help:"The TLS certificate that it shows."`
}

type endpointStatusCmd struct{}

func (endpointStatusCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		s, err := e.Endpoint(p.ctx)
		if err != nil {
			return err
		}
		return p.printEndpoint(s)
	})
}

func (p *program) printEndpoint(s engine.EndpointStatus) error {
	return p.print(s, func(w io.Writer) {
		by := ""
		if s.Thumbprint != "" {
			by = map[bool]string{true: "its own", false: "given"}[s.Own]
		}
		pairs(w,
			[2]string{"State", s.State},
			[2]string{"Reason", s.Reason},
			[2]string{"What to do", s.Remedy},
			[2]string{"Page", s.URL},
			[2]string{"Listens on", s.Address},
			[2]string{"Certificate", by},
			[2]string{"SHA-256", s.Thumbprint},
			[2]string{"Valid until", timeText(s.NotAfter)})
	})
}

type endpointCodeCmd struct{}

func (endpointCodeCmd) Run(p *program) error {
	return p.withRunning(func(e *engine.Client) error {
		code, err := e.PairingCode(p.ctx)
		if err != nil {
			return err
		}
		return p.print(code, func(w io.Writer) {
			pairs(w, [2]string{"Code", code.Code}, [2]string{"Enter it at", code.URL}, [2]string{"Until", timeText(code.Expires)})
		})
	})
}

type endpointCertificateCmd struct {
	Import endpointImportCmd `cmd:"" help:"Show the certificate in a PFX file."`
	Own    endpointOwnCmd    `cmd:"" help:"Go back to the certificate that the gateway made itself."`
}

type endpointImportCmd struct {
	password
	File string `arg:"" help:"A PFX file with certificate, chain and private key." type:"existingfile" placeholder:"FILE.pfx"`
}

func (c endpointImportCmd) Run(p *program) error {
	pfx, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	password, err := c.read(p, "Password of "+c.File+": ")
	if err != nil {
		return err
	}
	return p.setEndpointCertificate(pfx, password)
}

type endpointOwnCmd struct{}

func (endpointOwnCmd) Run(p *program) error { return p.setEndpointCertificate(nil, "") }

func (p *program) setEndpointCertificate(pfx []byte, password string) error {
	return p.withEngine(func(e engine.Controller) error {
		s, err := e.SetEndpointCertificate(p.ctx, pfx, password)
		if err != nil {
			return err
		}
		return p.printEndpoint(s)
	})
}

type credentialListCmd struct{}

func (credentialListCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		list, err := e.CredentialTargets(p.ctx)
		if err != nil {
			return err
		}
		return p.print(list, func(w io.Writer) {
			var body [][]string
			for _, t := range list {
				var kinds []string
				for _, k := range t.Kinds {
					var fields []string
					for _, f := range k.Fields {
						fields = append(fields, f.Name)
					}
					kinds = append(kinds, k.Name+"("+strings.Join(fields, ", ")+")")
				}
				state := "not set"
				switch {
				case t.Readable:
					state = "set"
				case t.Set:
					state = "sealed, not for this gateway's certificate"
				}
				body = append(body, []string{t.Name, t.Type, state, strings.Join(kinds, " ")})
			}
			rows(w, []string{"LINKED SERVICE", "TYPE", "CREDENTIAL", "KINDS AND THEIR FIELDS"}, body)
		})
	})
}

type credentialSetCmd struct {
	Name       string            `arg:"" help:"The linked service at the data factory."`
	Kind       string            `help:"Authentication: Basic, Windows, Key, Sas, ServicePrincipal…; the present one where not given. 'dmgcmd credential list' shows all." placeholder:"KIND"`
	Field      map[string]string `help:"A field that is no secret: userName=ada." placeholder:"NAME=VALUE"`
	FieldFile  map[string]string `help:"A field from a file, or - for standard input: privateKeyContent=id_ed25519." placeholder:"NAME=FILE"`
	NoTest     bool              `help:"Do not connect with it first."`
	AllNodes   bool              `help:"Seal it for the other nodes of the gateway too, by the certificates that the data factory names."`
	Definition string            `help:"A linked service as JSON that is not at the data factory: the sealed one is printed." type:"existingfile" placeholder:"FILE.json"`
}

// credentialEnv begins the names of the environment variables with fields: DMG_CREDENTIAL_PASSWORD.
const credentialEnv = "DMG_CREDENTIAL_"

func (c credentialSetCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		r, kind, err := c.request(p, e)
		if err != nil {
			return err
		}
		if r.Values, err = c.values(p, kind); err != nil {
			return err
		}
		if !c.NoTest {
			err := e.TestCredential(p.ctx, r, func(s engine.Stage) {
				mark := "ok"
				if s.Error != "" {
					mark = "failed: " + s.Error
				}
				p.say("  %s %s %s", s.Name, s.Detail, mark)
			})
			if err != nil {
				p.say("Nothing was set. --no-test sets it anyway.")
				return err
			}
		}
		out, err := e.SetCredential(p.ctx, r)
		if err != nil {
			return err
		}
		if !out.Stored {
			_, err = p.out.Write(append(out.Definition, '\n'))
			return err
		}
		out.Definition = nil
		return p.print(out, func(w io.Writer) {
			fmt.Fprintf(w, "The credential of %s is set, sealed for %s.\n", out.LinkedService, strings.Join(out.SealedFor, ", "))
		})
	})
}

// request finds the linked service and the kind that is meant.
func (c credentialSetCmd) request(p *program, e engine.Controller) (engine.CredentialRequest, engine.CredentialKind, error) {
	r := engine.CredentialRequest{LinkedService: c.Name}
	var kinds []engine.CredentialKind
	if c.Definition != "" {
		var err error
		if r.Definition, err = os.ReadFile(c.Definition); err != nil {
			return r, engine.CredentialKind{}, err
		}
		if kinds, err = engine.CredentialKinds(r.Definition); err != nil {
			return r, engine.CredentialKind{}, err
		}
	} else {
		list, err := e.CredentialTargets(p.ctx)
		if err != nil {
			return r, engine.CredentialKind{}, err
		}
		i := slices.IndexFunc(list, func(t engine.CredentialTarget) bool { return strings.EqualFold(t.Name, c.Name) })
		if i < 0 {
			return r, engine.CredentialKind{}, &usageError{fmt.Errorf("this gateway has no linked service %q at the data factory; `dmgcmd credential list` shows them", c.Name)}
		}
		kinds = list[i].Kinds
		for _, n := range list[i].Nodes {
			if c.AllNodes && !n.This {
				r.AlsoFor = append(r.AlsoFor, n.Thumbprint)
			}
		}
	}
	i := slices.IndexFunc(kinds, func(k engine.CredentialKind) bool { return c.Kind == "" || strings.EqualFold(k.Name, c.Kind) })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		if len(names) == 0 {
			return r, engine.CredentialKind{}, errors.New("credentials of this type of linked service cannot be set here; seal it with `dmgcmd credential encrypt`")
		}
		return r, engine.CredentialKind{}, &usageError{fmt.Errorf("%s cannot sign in by %q; known: %s", c.Name, c.Kind, strings.Join(names, ", "))}
	}
	r.Kind = kinds[i].Name
	return r, kinds[i], nil
}

// values reads the fields: from the command line, files, the environment, and, on a terminal, from the person.
func (c credentialSetCmd) values(p *program, kind engine.CredentialKind) (map[string]string, error) {
	values := map[string]string{}
	for _, f := range kind.Fields {
		name := f.Name
		env := os.Getenv(credentialEnv + strings.ToUpper(name))
		switch {
		case c.Field[name] != "":
			if f.Secret {
				p.say("warning: a secret given as an argument can be seen by other users of this machine; give it with --field-file %s=- or the variable %s.", name, credentialEnv+strings.ToUpper(name))
			}
			values[name] = c.Field[name]
		case c.FieldFile[name] != "":
			text, err := p.readFile(c.FieldFile[name])
			if err != nil {
				return nil, err
			}
			values[name] = string(text)
			if !f.Lines {
				values[name] = strings.TrimRight(values[name], "\r\n")
			}
		case env != "":
			values[name] = env
		case !f.Secret && f.Value != "":
			values[name] = f.Value
		case f.Optional && !p.asks():
		default:
			text, err := p.askField(f)
			if err != nil {
				return nil, err
			}
			if text != "" {
				values[name] = text
			}
		}
	}
	for _, given := range []map[string]string{c.Field, c.FieldFile} {
		for name := range given {
			if !slices.ContainsFunc(kind.Fields, func(f engine.CredentialField) bool { return f.Name == name }) {
				return nil, &usageError{fmt.Errorf("%s has no field %q", kind.Title, name)}
			}
		}
	}
	return values, nil
}

func (p *program) askField(f engine.CredentialField) (string, error) {
	if !p.asks() {
		return "", &usageError{fmt.Errorf("the field %s is missing: give it with --field or --field-file, or in the variable %s", f.Name, credentialEnv+strings.ToUpper(f.Name))}
	}
	if f.Lines {
		return "", &usageError{fmt.Errorf("the field %s has several lines: give it with --field-file %s=FILE", f.Name, f.Name)}
	}
	return p.askPerson(f.Title+": ", f.Secret)
}

// asks reports whether a person can be asked.
func (p *program) asks() bool {
	f, ok := p.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// askPerson asks on the terminal, for secrets without echo. Nothing is trimmed: passwords may begin with a space.
func (p *program) askPerson(prompt string, hidden bool) (string, error) {
	f := p.in.(*os.File)
	fmt.Fprint(p.err, prompt)
	if hidden {
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.err)
		return string(text), err
	}
	line, err := bufio.NewReader(io.LimitReader(f, 64<<10)).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

type credentialLinkCmd struct {
	remote
	Name string `arg:"" help:"The linked service."`
}

// Run prints what is as good as a password for ten minutes, so nothing else writes it anywhere.
func (c credentialLinkCmd) Run(p *program) error {
	client, err := c.client(p)
	if err != nil {
		return err
	}
	links, err := client.CredentialLinks(p.ctx, c.Name)
	if err != nil {
		return err
	}
	return p.print(links, func(w io.Writer) {
		for _, l := range links.Links {
			fmt.Fprintf(w, "%s\n  at node %s, certificate %s, once, until %s\n", l.URL, l.Node, l.Thumbprint, timeText(links.Expires))
		}
	})
}
