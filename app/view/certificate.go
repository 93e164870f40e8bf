package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Certificates shows, changes and exports the gateway's certificate. Make one with [Model.Certificates]; its methods
// return at once. Passwords are kept no longer than what they were given for.
type Certificates struct {
	watched
	task task
	now  func() time.Time
	s    CertificateView
}

// CertificateView is a moment of [Certificates].
type CertificateView struct {
	Known bool
	// Doing is what is under way, in words; "" while nothing is.
	Doing      string
	Tone       Tone
	Validity   string // in a sentence
	Thumbprint string
	Fields     []Field
	PEM        string
	Former     []FormerCertificate
	// Done is what was done last, in a sentence; File the file that was written.
	Done, File string
	// SetAgain are the linked services whose credentials must be set again, after a change or a check; Closed those of them
	// that do not open even now. Unknown says why they are not known.
	SetAgain, Closed []string
	Unknown          string
	Problem          *Problem
}

// FormerCertificate is one that was changed for another.
type FormerCertificate struct{ Thumbprint, Until string }

// CertificateKind is a kind of certificate that can be made.
type CertificateKind struct{ Name, Title string }

// CertificateKinds are all, the usual one first.
func CertificateKinds() []CertificateKind {
	names := engine.CertificateKinds()
	kinds := make([]CertificateKind, len(names))
	for i, name := range names {
		title := strings.ToUpper(strings.ReplaceAll(name, "-", " "))
		if family, size, ok := strings.Cut(name, "-p"); ok {
			title = strings.ToUpper(family) + " P-" + size
		}
		if i == 0 {
			title = words.T("%s (usual)", title)
		}
		kinds[i] = CertificateKind{name, title}
	}
	return kinds
}

// Certificates makes one that knows nothing yet.
func (m *Model) Certificates(now func() time.Time) *Certificates {
	return &Certificates{task: task{m: m}, now: now, s: CertificateView{Tone: Off}}
}

// Snapshot is the present moment.
func (c *Certificates) Snapshot() CertificateView {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Former, s.SetAgain, s.Closed = slices.Clone(s.Former), slices.Clone(s.SetAgain), slices.Clone(s.Closed)
	return s
}

// Load asks for the certificate in use.
func (c *Certificates) Load() {
	c.task.m.later(func(ctx context.Context) {
		info, err := c.task.m.ctl.Certificate(ctx)
		c.change(func() {
			if err != nil {
				c.s.Problem = ProblemOf(err)
				return
			}
			c.take(info)
		})
	})
}

// Dismiss forgets what came of the last thing that was done.
func (c *Certificates) Dismiss() {
	c.change(func() {
		c.s.Done, c.s.File, c.s.SetAgain, c.s.Closed, c.s.Unknown, c.s.Problem = "", "", nil, nil, "", nil
	})
}

// New makes a certificate of a kind and changes to it.
func (c *Certificates) New(kind string) {
	c.do(words.T("Making the certificate"), func(ctx context.Context) (engine.CertificateChange, error) {
		return c.task.m.ctl.NewCertificate(ctx, kind)
	})
}

// Import changes to the certificate and key in a PFX file.
func (c *Certificates) Import(file, password string) {
	c.do(words.T("Importing the certificate"), func(ctx context.Context) (engine.CertificateChange, error) {
		pfx, err := readPFX(file)
		if err != nil {
			return engine.CertificateChange{}, err
		}
		return c.task.m.ctl.ImportCertificate(ctx, pfx, password)
	})
}

// Check asks which linked services are sealed for another certificate.
func (c *Certificates) Check() {
	c.run(words.T("Asking the data factory"), func(ctx context.Context) error {
		change, err := c.task.m.ctl.CheckCertificate(ctx)
		if err == nil {
			c.change(func() {
				c.took(change)
				if len(change.SetAgain) == 0 && change.Unknown == "" {
					c.s.Done = words.T("Every credential is sealed for the present certificate.")
				}
			})
		}
		return err
	})
}

// Forget removes a former certificate.
func (c *Certificates) Forget(thumbprint string) {
	c.run(words.T("Removing the former certificate"), func(ctx context.Context) error {
		if err := c.task.m.ctl.ForgetCertificate(ctx, thumbprint); err != nil {
			return err
		}
		info, err := c.task.m.ctl.Certificate(ctx)
		if err == nil {
			c.change(func() {
				c.take(info)
				c.s.Done = words.T("The former certificate was removed.")
			})
		}
		return err
	})
}

// Export writes certificate and key to a new PFX file, which only the present user can read. It must not exist yet.
func (c *Certificates) Export(file, password string) {
	c.run(words.T("Exporting the certificate"), func(ctx context.Context) error {
		pfx, err := c.task.m.ctl.ExportCertificate(ctx, password)
		if err == nil {
			err = fileProblem(writePrivate(file, pfx), file)
		}
		if err == nil {
			c.change(func() {
				c.s.File = file
				c.s.Done = words.T("The certificate and its key are in %s. Keep the file and its password apart, in safe places.", file)
			})
		}
		return err
	})
}

func (c *Certificates) do(doing string, f func(context.Context) (engine.CertificateChange, error)) {
	c.run(doing, func(ctx context.Context) error {
		change, err := f(ctx)
		if err == nil {
			c.change(func() {
				c.took(change)
				c.s.Done = words.T("The gateway has a new certificate. Export it, to have a backup.")
			})
		}
		return err
	})
}

func (c *Certificates) run(doing string, f func(context.Context) error) {
	c.task.start(func() {
		c.change(func() {
			c.s.Doing, c.s.Done, c.s.File, c.s.SetAgain, c.s.Closed, c.s.Unknown, c.s.Problem = doing, "", "", nil, nil, "", nil
		})
	}, func(ctx context.Context) {
		err := f(ctx)
		c.task.done()
		c.change(func() {
			c.s.Doing = ""
			if err != nil {
				c.s.Problem = ProblemOf(err)
			}
		})
	})
}

func (c *Certificates) took(change engine.CertificateChange) {
	c.take(change.Certificate)
	c.s.SetAgain, c.s.Closed, c.s.Unknown = change.SetAgain, change.Closed, Sentence(change.Unknown)
}

func (c *Certificates) take(info engine.CertificateInfo) {
	now := c.now()
	c.s.Known, c.s.Thumbprint, c.s.PEM = true, info.Thumbprint, info.PEM
	c.s.Tone, c.s.Validity = validity(info.NotAfter, now)
	c.s.Fields = nil
	add := func(name, value string) {
		if value != "" {
			c.s.Fields = append(c.s.Fields, Field{name, value})
		}
	}
	add(words.T("Subject"), info.Subject)
	if info.SelfSigned {
		add(words.T("Issuer"), words.T("itself (self-signed)"))
	} else {
		add(words.T("Issuer"), info.Issuer)
	}
	add(words.T("Thumbprint"), info.Thumbprint)
	add("SHA-256", info.SHA256)
	add(words.T("Key"), info.Key)
	if !info.NotBefore.IsZero() {
		add(words.T("Valid"), words.T("%s to %s", dateText(info.NotBefore, now), dateText(info.NotAfter, now)))
	}
	add(words.T("Private key"), keptIn(info.KeptIn))
	add(words.T("Gateway ID"), info.Gateway)
	c.s.Former = nil
	for _, f := range info.Former {
		c.s.Former = append(c.s.Former, FormerCertificate{f.Thumbprint, words.T("valid until %s", dateText(f.NotAfter, now))})
	}
}

func validity(until, now time.Time) (Tone, string) {
	days := int64(math.Floor(until.Sub(now).Hours() / 24))
	switch {
	case until.IsZero():
		return Off, ""
	case !until.After(now):
		return Bad, words.T("It expired on %s. Change it.", dateText(until, now))
	case days < 30:
		return Warning, words.T("It expires on %s. Change it before.", dateText(until, now))
	}
	return Good, words.T("Valid until %s.", dateText(until, now))
}

// dateText is a day, where now is.
func dateText(t, now time.Time) string { return words.Date(t.In(now.Location())) }

func keptIn(place string) string {
	switch place {
	case "system":
		return words.T("in the operating system's key store")
	case "file":
		return words.T("in a file that only this user can read")
	case "passphrase":
		return words.T("behind a passphrase that each start needs")
	case "credential":
		return words.T("in a credential of systemd")
	}
	return place
}

// fileProblem says in the person's language what is most often wrong with a file.
func fileProblem(err error, file string) error {
	switch {
	case errors.Is(err, os.ErrExist):
		return errors.New(words.T("%s is there already. Choose another name.", file))
	case errors.Is(err, os.ErrNotExist):
		return errors.New(words.T("%s is not there.", file))
	case errors.Is(err, os.ErrPermission):
		return errors.New(words.T("This user may not use %s.", file))
	}
	return err
}

// longestPFX is more than any certificate with its chain takes.
const longestPFX = 1 << 20

func readPFX(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fileProblem(err, file)
	}
	defer f.Close()
	pfx, err := io.ReadAll(io.LimitReader(f, longestPFX+1))
	if err == nil && len(pfx) > longestPFX {
		err = fmt.Errorf("%s is too long for a PFX file", filepath.Base(file))
	}
	if err == nil && len(pfx) == 0 {
		err = fmt.Errorf("%s is empty", filepath.Base(file))
	}
	return pfx, err
}

// writePrivate writes a new file, whole or not at all, for its owner alone.
func writePrivate(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(file) // the reason is told already
	}
	return err
}

// CertificateFile proposes a file for an export.
func CertificateFile(now time.Time) string {
	return proposal("gateway-certificate-"+now.Format("2006-01-02"), ".pfx")
}

// CheckNewPassword looks at a password that is typed twice. Ready says that it can be used; text is a hint on its
// strength or what is wrong.
func CheckNewPassword(password, again string) (tone Tone, text string, ready bool) {
	switch {
	case password == "":
		return Off, words.T("Twelve characters or more are good. You need it to import the file again."), false
	case again != "" && again != password && !strings.HasPrefix(password, again):
		return Bad, words.T("The two differ."), false
	}
	tone, text = strength(password)
	return tone, text, again == password
}

// strength judges by length and by the kinds of characters; a guess, as all such judgements are.
func strength(password string) (Tone, string) {
	var alphabet float64
	different := map[rune]bool{}
	kinds := map[int]float64{}
	for _, r := range password {
		different[r] = true
		switch {
		case unicode.IsDigit(r):
			kinds[0] = 10
		case unicode.IsLower(r):
			kinds[1] = 26
		case unicode.IsUpper(r):
			kinds[2] = 26
		default:
			kinds[3] = 32
		}
	}
	for _, n := range kinds {
		alphabet += n
	}
	length := min(float64(len([]rune(password))), 2*float64(len(different)))
	switch bits := length * math.Log2(max(alphabet, 2)); {
	case bits < 45:
		return Warning, words.T("Weak: whoever has the file can guess it.")
	case bits < 65:
		return Busy, words.T("Fair. A few characters more make it strong.")
	}
	return Good, words.T("Strong.")
}
