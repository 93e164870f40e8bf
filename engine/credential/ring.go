package credential

import (
	"bytes"
	"encoding/pem"
	"slices"
	"strings"

	"dmgateway/engine/fault"
)

// Names in the vault.
const (
	vaultCertificate = "certificate"
	vaultFormer      = "certificate.former"
)

// maxFormer is how many former certificates are kept; the oldest gives way.
const maxFormer = 16

// Ring is the gateway's certificate and the former ones that it still has: what was sealed for those still opens.
type Ring struct {
	Present *Certificate
	Former  []*Certificate // the latest first
}

// All are the present certificate and then the former ones.
func (r *Ring) All() []*Certificate { return append([]*Certificate{r.Present}, r.Former...) }

// LoadRing gives the vault's certificates. At the first start there is none: it makes one and keeps it.
func LoadRing(v *Vault, machine string) (*Ring, error) {
	present, err := LoadCertificate(v, machine)
	if err != nil {
		return nil, err
	}
	r := &Ring{Present: present}
	data, err := v.Get(vaultFormer)
	if err != nil {
		return nil, err
	}
	for _, text := range splitPrivate(data) {
		c, err := ParsePrivate(text)
		if err != nil {
			return nil, unreadableCertificate("a former certificate", err)
		}
		r.Former = append(r.Former, c)
	}
	return r, nil
}

// LoadCertificate gives the vault's present certificate, making it at the first start.
func LoadCertificate(v *Vault, machine string) (*Certificate, error) {
	data, err := v.Get(vaultCertificate)
	if err != nil {
		return nil, err
	}
	if data != nil {
		c, err := ParsePrivate(data)
		if err != nil {
			return nil, unreadableCertificate("the gateway's certificate", err)
		}
		return c, nil
	}
	c, err := NewCertificate(machine)
	if err != nil {
		return nil, err
	}
	return c, SaveCertificate(v, c)
}

func unreadableCertificate(what string, err error) error {
	return fault.New(fault.BadData, "%s in the vault cannot be read", what).Because(err).
		Try("Import the certificate from its backup, or make a new one and set the credentials of the linked services again.")
}

// SaveCertificate keeps c as the gateway's certificate in place of any other, which is lost; see [Ring.Change].
func SaveCertificate(v *Vault, c *Certificate) error {
	data, err := c.MarshalPrivate()
	if err != nil {
		return err
	}
	return v.Put(vaultCertificate, data)
}

// Change makes next the present certificate and the one before a former one, in one write.
func (r *Ring) Change(v *Vault, next *Certificate) (*Ring, error) {
	changed := &Ring{Present: next}
	for _, c := range r.All() {
		if !c.Leaf.Equal(next.Leaf) && len(changed.Former) < maxFormer {
			changed.Former = append(changed.Former, c)
		}
	}
	return changed, changed.save(v)
}

// Forget removes a former certificate: what is sealed for it alone does not open any more.
func (r *Ring) Forget(v *Vault, thumbprint string) (*Ring, error) {
	thumbprint = strings.ToUpper(strings.ReplaceAll(thumbprint, ":", ""))
	if thumbprint == r.Present.Thumbprint() {
		return nil, fault.New(fault.Conflict, "this is the certificate in use").At(thumbprint).Try("Change to another certificate first.")
	}
	i := slices.IndexFunc(r.Former, func(c *Certificate) bool { return c.Thumbprint() == thumbprint })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "the gateway has no former certificate %s", thumbprint).At(thumbprint).
			Try("`dmgcmd certificate show` lists them.")
	}
	changed := &Ring{Present: r.Present, Former: slices.Delete(slices.Clone(r.Former), i, i+1)}
	return changed, changed.save(v)
}

func (r *Ring) save(v *Vault) error {
	present, err := r.Present.MarshalPrivate()
	if err != nil {
		return err
	}
	var former []byte
	for _, c := range r.Former {
		text, err := c.MarshalPrivate()
		if err != nil {
			return err
		}
		former = append(former, text...)
	}
	return v.Update(map[string][]byte{vaultCertificate: present, vaultFormer: former})
}

// splitPrivate divides texts of MarshalPrivate that were written one after the other.
func splitPrivate(data []byte) [][]byte {
	var list [][]byte
	for rest := data; ; {
		block, after := pem.Decode(rest)
		if block == nil {
			return list
		}
		text := rest[:len(rest)-len(after)]
		if block.Type == typeKey || len(list) == 0 {
			list = append(list, bytes.Clone(text))
		} else {
			list[len(list)-1] = append(list[len(list)-1], text...)
		}
		rest = after
	}
}
