package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"

	"dmgateway/engine"
)

type certificateCmd struct {
	Show      certificateShowCmd      `cmd:"" help:"Show the gateway's certificate; with --pem as PEM, for sealing elsewhere."`
	New       certificateNewCmd       `cmd:"" help:"Make a new self-signed certificate and change to it."`
	Import    certificateImportCmd    `cmd:"" help:"Change to the certificate of a PFX file."`
	Export    certificateExportCmd    `cmd:"" help:"Write certificate and private key into a PFX file: the backup."`
	Check     certificateCheckCmd     `cmd:"" help:"Ask the factory which linked services have to be set again."`
	Forget    certificateForgetCmd    `cmd:"" help:"Remove a former certificate; what only it opens is lost."`
	Protect   certificateProtectCmd   `cmd:"" help:"Protect the private key and all other secrets with a passphrase, for servers without a key store."`
	Unprotect certificateUnprotectCmd `cmd:"" help:"Go back to the system's key store or a key file."`
}

type certificateShowCmd struct {
	PEM bool `name:"pem" help:"Print the certificate itself with its chain (it is public)."`
}

func (c certificateShowCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		cert, err := e.Certificate(p.ctx)
		if err != nil {
			return err
		}
		if c.PEM {
			_, err = io.WriteString(p.out, cert.PEM)
			return err
		}
		return p.print(cert, func(w io.Writer) { certificatePairs(w, cert) })
	})
}

func certificatePairs(w io.Writer, c engine.CertificateInfo) {
	issuer := c.Issuer
	if c.SelfSigned {
		issuer = "self-signed"
	}
	pairs(w,
		[2]string{"Subject", c.Subject},
		[2]string{"Issuer", issuer},
		[2]string{"Thumbprint", c.Thumbprint},
		[2]string{"SHA-256", c.SHA256},
		[2]string{"Key", c.Key},
		[2]string{"Valid", timeText(c.NotBefore) + " to " + timeText(c.NotAfter)},
		[2]string{"Private key", keptText(c.KeptIn)},
		[2]string{"Gateway", c.Gateway})
	for _, f := range c.Former {
		fmt.Fprintf(w, "Former:\t%s, valid until %s, still opens what was sealed for it\n", f.Thumbprint, f.NotAfter.Format("2006-01-02"))
	}
}

func keptText(in string) string {
	switch in {
	case "system":
		return "protected by the operating system's key store"
	case "file":
		return "in the data directory, open to its owner only; `dmgcmd certificate protect` adds a passphrase"
	case "passphrase":
		return "protected by a passphrase"
	case "credential":
		return "protected by a passphrase from systemd"
	}
	return in
}

// printChange tells what came of a change of certificate.
func (p *program) printChange(change engine.CertificateChange) error {
	return p.print(change, func(w io.Writer) {
		certificatePairs(w, change.Certificate)
		for _, name := range change.SetAgain {
			why := "is sealed for a former certificate: set its credential again before that one is removed"
			for _, closed := range change.Closed {
				if closed == name {
					why = "does not open with any certificate of this gateway: set its credential again"
				}
			}
			fmt.Fprintf(w, "Linked service:\t%s %s\n", name, why)
		}
		if change.Unknown != "" {
			fmt.Fprintf(w, "Linked services:\tnot known: %s\n", change.Unknown)
		}
	})
}

type certificateNewCmd struct {
	Kind string `help:"Key: ${enum}." enum:"rsa-3072,rsa-4096,ec-p256,ec-p384" default:"rsa-3072"`
}

func (c certificateNewCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		change, err := e.NewCertificate(p.ctx, c.Kind)
		if err != nil {
			return err
		}
		p.say("Back the new certificate up: dmgcmd certificate export FILE.pfx")
		return p.printChange(change)
	})
}

// password is how the commands about PFX files get theirs.
type password struct {
	PasswordFile string `help:"File that holds the password, or - for standard input; else DMG_CERTIFICATE_PASSWORD, else it is asked for." placeholder:"FILE"`
}

const passwordEnv = "DMG_CERTIFICATE_PASSWORD"

func (c password) read(p *program, prompt string) (string, error) {
	return p.secretFrom(c.PasswordFile, passwordEnv, prompt)
}

// secretFrom reads a secret from a file, from standard input where the name is "-", from an environment variable, or, on a
// terminal, from a person.
func (p *program) secretFrom(file, env, prompt string) (string, error) {
	switch text := os.Getenv(env); {
	case file == "-":
		return p.readSecret(prompt)
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if len(data) > 64<<10 {
			return "", &usageError{fmt.Errorf("%s is too large to be a password", file)}
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	case env != "" && text != "":
		return text, nil
	}
	if f, ok := p.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return p.readSecret(prompt)
	}
	flag, hint := " with --passphrase-file", ""
	if env != "" {
		flag, hint = " with --password-file", ", or set "+env
	}
	return "", &usageError{fmt.Errorf("a password is needed: name the file that holds it%s, - for standard input%s", flag, hint)}
}

type certificateImportCmd struct {
	File string `arg:"" help:"PFX file (PKCS #12) with certificate, chain and private key." type:"existingfile"`
	password
}

func (c certificateImportCmd) Run(p *program) error {
	pfx, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	secret, err := c.read(p, "Password of the PFX file: ")
	if err != nil {
		return err
	}
	return p.withEngine(func(e engine.Controller) error {
		change, err := e.ImportCertificate(p.ctx, pfx, secret)
		if err != nil {
			return err
		}
		return p.printChange(change)
	})
}

type certificateExportCmd struct {
	File  string `arg:"" help:"PFX file to write." type:"path"`
	Force bool   `help:"Replace a file that is there."`
	password
}

func (c certificateExportCmd) Run(p *program) error {
	if _, err := os.Lstat(c.File); !c.Force && !errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Errorf("%s exists; give another name, or --force", c.File)}
	}
	secret, err := c.read(p, "Password for the PFX file: ")
	if err != nil {
		return err
	}
	return p.withEngine(func(e engine.Controller) error {
		pfx, err := e.ExportCertificate(p.ctx, secret)
		if err != nil {
			return err
		}
		if err := writeAtomic(c.File, pfx); err != nil {
			return err
		}
		p.say("Keep %s and its password apart: together they open every credential of this gateway.", c.File)
		return nil
	})
}

type certificateCheckCmd struct{}

func (certificateCheckCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		change, err := e.CheckCertificate(p.ctx)
		if err != nil {
			return err
		}
		return p.printChange(change)
	})
}

type certificateForgetCmd struct {
	Thumbprint string `arg:"" help:"Thumbprint of a former certificate, as certificate show lists it."`
}

func (c certificateForgetCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error { return e.ForgetCertificate(p.ctx, c.Thumbprint) })
}

type certificateProtectCmd struct {
	PassphraseFile string `help:"File that holds the new passphrase, or - for standard input; else it is asked for." placeholder:"FILE"`
}

func (c certificateProtectCmd) Run(p *program) error {
	text, err := p.secretFrom(c.PassphraseFile, "", "New passphrase: ")
	if err != nil {
		return err
	}
	if text == "" {
		return &usageError{errors.New("the passphrase is empty; `dmgcmd certificate unprotect` removes one")}
	}
	return p.withEngine(func(e engine.Controller) error {
		cert, err := e.ProtectSecrets(p.ctx, text)
		if err != nil {
			return err
		}
		p.say("From now on each start needs the passphrase: name its file in DMG_PASSPHRASE_FILE, or hand it over as the systemd credential dmgateway-passphrase. Without it nothing opens the gateway's secrets.")
		return p.print(cert, func(w io.Writer) { certificatePairs(w, cert) })
	})
}

type certificateUnprotectCmd struct{}

func (certificateUnprotectCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		cert, err := e.ProtectSecrets(p.ctx, "")
		if err != nil {
			return err
		}
		return p.print(cert, func(w io.Writer) { certificatePairs(w, cert) })
	})
}
