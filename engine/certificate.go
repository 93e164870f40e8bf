package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/activity"
	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/secret"
	"dmgateway/engine/supervise"
)

// settingCertificateTold is where the journal keeps which certificate of which node the factory has heard of.
const settingCertificateTold = "certificate.told"

// tellLostVault says that the vault of a gateway that was registered is gone: nobody should find out by credentials that do
// not open.
func (e *Engine) tellLostVault(ctx context.Context) error {
	told, found, err := e.journal.Setting(ctx, settingCertificateTold)
	if err != nil || !found || !e.vault.Made() {
		return err
	}
	_, thumbprint, _ := strings.Cut(told, " ")
	text := "The file vault.json was not in the data directory. A new one was made, with a new certificate and without the registration. The certificate before had the thumbprint " + thumbprint + "."
	remedy := "Stop the gateway and put vault.json back from a backup; the key to it, where it lay in a file, is vault.key.former-…: name it vault.key again. Without a backup register again, import the certificate from its own backup or set the credentials again."
	e.log.Error("the gateway's secrets are gone", logging.Key, logging.SecretsGone, "text", text, "remedy", remedy)
	e.warnings.set("vault", Warning{ID: "vault", Title: "The gateway's secrets are gone", Text: text, Remedy: remedy, Grave: true})
	return nil
}

// CertificateKinds are the kinds of certificates that can be made, the default first.
func CertificateKinds() []string { return slices.Clone(credential.Kinds) }

// certificate is the gateway's present certificate.
func (e *Engine) certificate() *credential.Certificate { return e.ring.Load().Present }

// opener opens what was sealed for this gateway, with the secrets of this machine that the operator allowed.
func (e *Engine) opener(job protocol.Job) credential.Opener {
	return credential.Opener{Certificates: e.ring.Load().All(), Gateway: job.Gateway, Resolve: e.resolveReference}
}

// Certificate describes the certificate in use.
func (e *Engine) Certificate(context.Context) (CertificateInfo, error) {
	ring := e.ring.Load()
	leaf := ring.Present.Leaf
	sum := sha256.Sum256(leaf.Raw)
	info := CertificateInfo{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Thumbprint: ring.Present.Thumbprint(), SHA256: strings.ToUpper(hex.EncodeToString(sum[:])),
		Key: credential.KeyName(leaf), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		SelfSigned: string(leaf.RawSubject) == string(leaf.RawIssuer), KeptIn: e.vault.KeptIn(), PEM: string(ring.Present.ChainPEM()),
	}
	for _, c := range ring.Former {
		info.Former = append(info.Former, CertificateStatus{Thumbprint: c.Thumbprint(), NotAfter: c.Leaf.NotAfter})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.identity != nil {
		info.Gateway = e.identity.Gateway
	}
	return info, nil
}

// NewCertificate makes a new self-signed certificate of a kind and changes to it.
func (e *Engine) NewCertificate(ctx context.Context, kind string) (CertificateChange, error) {
	next, err := credential.NewCertificateOf(kind, "Data Management Gateway "+hostName())
	if err != nil {
		return CertificateChange{}, err
	}
	return e.changeCertificate(ctx, next)
}

// ImportCertificate changes to the certificate, chain and private key in a PFX file's bytes.
func (e *Engine) ImportCertificate(ctx context.Context, pfx []byte, password string) (CertificateChange, error) {
	next, err := credential.ImportPFX(pfx, password)
	if err != nil {
		return CertificateChange{}, err
	}
	return e.changeCertificate(ctx, next)
}

// ExportCertificate gives certificate, chain and private key as a PFX file's bytes.
func (e *Engine) ExportCertificate(_ context.Context, password string) ([]byte, error) {
	pfx, err := e.certificate().ExportPFX(password)
	if err == nil {
		e.log.Info("certificate exported", logging.Key, logging.CertificateExported, "thumbprint", e.certificate().Thumbprint())
	}
	return pfx, err
}

// ForgetCertificate removes a former certificate.
func (e *Engine) ForgetCertificate(_ context.Context, thumbprint string) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	ring, err := e.ring.Load().Forget(e.vault, thumbprint)
	if err != nil {
		return err
	}
	e.ring.Store(ring)
	e.log.Info("former certificate removed", logging.Key, logging.CertificateRemoved, "thumbprint", thumbprint)
	return nil
}

// ProtectSecrets protects the vault with a passphrase, or with the system's key store where it is empty.
func (e *Engine) ProtectSecrets(ctx context.Context, passphrase string) (CertificateInfo, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	var err error
	if passphrase == "" {
		err = e.vault.Unprotect()
	} else {
		err = e.vault.Protect(credential.NewPassphrase(secret.New(passphrase)))
	}
	if err != nil {
		return CertificateInfo{}, err
	}
	e.log.Info("protection of secrets changed", logging.Key, logging.ProtectionChanged, "kept in", e.vault.KeptIn())
	return e.Certificate(ctx)
}

// changeCertificate makes next the present certificate. The one before stays as a former one, because jobs that are
// queued, and linked services, are sealed for it.
func (e *Engine) changeCertificate(ctx context.Context, next *credential.Certificate) (CertificateChange, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	before := e.certificate()
	ring, err := e.ring.Load().Change(e.vault, next)
	if err != nil {
		return CertificateChange{}, err
	}
	e.ring.Store(ring)
	e.log.Info("certificate changed", logging.Key, logging.CertificateChanged, "from", before.Thumbprint(), "to", next.Thumbprint(), "key", credential.KeyName(next.Leaf))
	e.announce()
	change, err := e.certificateChange(ctx, next.Leaf.Raw)
	if err != nil {
		return change, err
	}
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if change.Unknown != "" && s != nil && !s.over() {
		s.work.Go(func() { supervise.Contain(s.e.log, "Certificate", s.tellCertificate) })
	}
	e.selfCheck(ctx) // a warning about the certificate before may be over
	return change, nil
}

// CheckCertificate asks the factory what is sealed for what.
func (e *Engine) CheckCertificate(ctx context.Context) (CertificateChange, error) {
	return e.certificateChange(ctx, nil)
}

// certificateChange tells the factory a certificate, where one is given, and says which linked services must be set again.
func (e *Engine) certificateChange(ctx context.Context, tell []byte) (CertificateChange, error) {
	info, err := e.Certificate(ctx)
	if err != nil {
		return CertificateChange{}, err
	}
	change := CertificateChange{Certificate: info, SetAgain: []string{}}
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		change.Unknown = "the gateway is not registered, so no data factory could be asked"
		return change, nil
	}
	rest := registration.Connect(e.located(id), e.out)
	defer rest.Close()
	timed, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	sealed, err := rest.Certificate(timed, tell)
	if err != nil {
		e.log.Warn("the factory could not be asked about the certificate", logging.Key, logging.CertificateNotTold, "error", err)
		change.Unknown = fault.As(err).Error()
		return change, nil
	}
	if tell != nil {
		if err := e.certificateTold(ctx, id, e.certificate()); err != nil {
			return change, err
		}
	}
	change.SetAgain, change.Closed = setAgain(e.ring.Load(), sealed)
	return change, nil
}

// setAgain sorts out the linked services that are not sealed for the present certificate, and those among them that no
// certificate of the ring opens. What the factory itself opens it seals anew for each job.
func setAgain(ring *credential.Ring, sealed []protocol.SealedService) (again, closed []string) {
	again = []string{}
	for _, s := range sealed {
		if s.Factory || slices.Contains(s.Recipients, ring.Present.Thumbprint()) {
			continue
		}
		again = append(again, s.Name)
		if !slices.ContainsFunc(ring.Former, func(c *credential.Certificate) bool { return slices.Contains(s.Recipients, c.Thumbprint()) }) {
			closed = append(closed, s.Name)
		}
	}
	return again, closed
}

// certificateTold remembers that the factory has heard of a node's certificate.
func (e *Engine) certificateTold(ctx context.Context, id *registration.Identity, c *credential.Certificate) error {
	return e.journal.SetSetting(ctx, settingCertificateTold, id.Node+" "+c.Thumbprint())
}

// tellCertificate tells the factory the present certificate where it has not heard of it, until it has or the session ends.
func (s *session) tellCertificate() {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = time.Second, 5*time.Minute
	for {
		c := s.e.certificate()
		told, _, err := s.e.journal.Setting(s.ctx, settingCertificateTold)
		if err == nil && told == s.id.Node+" "+c.Thumbprint() {
			return
		}
		if err == nil {
			if _, err = s.rest.Certificate(s.ctx, c.Leaf.Raw); err == nil {
				err = s.e.certificateTold(s.ctx, s.id, c)
			}
		}
		switch code := fault.Code(err); {
		case err == nil:
			continue // it may have changed meanwhile
		case code == fault.NotFound: // a factory of an earlier version
			s.e.log.Warn("the factory does not take a changed certificate; register again to tell it", logging.Key, logging.CertificateNotTaken, "error", err)
			return
		case code == fault.NotRegistered:
			return // the session ends for that reason by itself
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-s.ctx.Done():
			return
		}
	}
}

// GatewayCertificate describes the certificate of a data directory, making it where there is none yet: that of the engine
// that runs with it, or, where none does, as the directory has it.
func GatewayCertificate(ctx context.Context, data string) (*CertificateInfo, error) {
	if c, err := Dial(ctx, data); err == nil {
		defer c.Close()
		info, err := c.Certificate(ctx)
		return &info, err
	}
	ring, identity, err := gatewaySecrets(data)
	if err != nil {
		return nil, err
	}
	info := &CertificateInfo{Thumbprint: ring.Present.Thumbprint(), PEM: string(ring.Present.ChainPEM())}
	info.Subject, info.NotBefore, info.NotAfter = ring.Present.Leaf.Subject.String(), ring.Present.Leaf.NotBefore, ring.Present.Leaf.NotAfter
	if identity != nil {
		info.Gateway = identity.Gateway
	}
	return info, nil
}

// gatewaySecrets reads a data directory's certificates, and its registration, nil where it has none.
func gatewaySecrets(data string) (*credential.Ring, *registration.Identity, error) {
	data, err := resolveData(data)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, nil, fault.New(fault.Forbidden, "make the data directory").At(data).Because(err)
	}
	vault, err := credential.OpenVault(data, nil)
	if err != nil {
		return nil, nil, err
	}
	ring, err := credential.LoadRing(vault, hostName())
	if err != nil {
		return nil, nil, err
	}
	id, err := registration.Load(vault)
	return ring, id, err
}

// SealLinkedService gives a linked service with its secrets sealed. Where pem has certificates, it is sealed for those, bound to
// the gateway whose ID is given where one is, and no data directory is touched; else for the certificate of the data
// directory and the gateway that it is registered for.
func SealLinkedService(ctx context.Context, linkedService []byte, data string, pem []byte, gateway string) ([]byte, error) {
	if err := activity.CheckJSON(linkedService); err != nil {
		return nil, err
	}
	if len(pem) == 0 {
		info, err := GatewayCertificate(ctx, data)
		if err != nil {
			return nil, err
		}
		if pem = []byte(info.PEM); gateway == "" {
			gateway = info.Gateway
		}
	}
	list, err := credential.ParseCertificates(pem)
	if err != nil {
		return nil, err
	}
	return credential.SealFor(gateway, linkedService, credential.Recipients(list)...)
}
