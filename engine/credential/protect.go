package credential

import (
	"crypto/rand"
	"encoding/base64"
	"errors"

	"golang.org/x/crypto/argon2"

	"dmgateway/engine/fault"
)

// keyInPassphrase marks a vault whose master key lies in its own file, wrapped with a passphrase.
const keyInPassphrase = "passphrase"

// Argon2id as RFC 9106 recommends it for machines without much memory.
const (
	kdfName    = "argon2id"
	kdfTime    = 3
	kdfMemory  = 64 << 10 // KiB
	kdfThreads = 4
	kdfSalt    = 16
)

// What is taken of parameters in a file: beyond, opening it would need more of the machine than it may have.
const (
	maxKDFTime   = 64
	maxKDFMemory = 2 << 20 // KiB
)

// wrapped is a master key encrypted with a key that is derived from a passphrase.
type wrapped struct {
	KDF     string `json:"kdf"`
	Salt    []byte `json:"salt"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"` // KiB
	Threads uint8  `json:"threads"`
	Nonce   []byte `json:"nonce"`
	Key     []byte `json:"key"`
}

func (w *wrapped) check() error {
	switch {
	case w == nil:
		return errors.New("its wrapped key is missing")
	case w.KDF != kdfName:
		return errors.New("its key is wrapped in an unknown way")
	case w.Time < 1 || w.Time > maxKDFTime, w.Memory < 8 || w.Memory > maxKDFMemory, w.Threads < 1, len(w.Salt) < 8 || len(w.Salt) > 64:
		return errors.New("the parameters of its wrapped key are out of bounds")
	}
	return nil
}

// key derives the key that the master key is wrapped with.
func (w *wrapped) key(p *Passphrase) []byte {
	return argon2.IDKey([]byte(p.text.Reveal()), w.Salt, w.Time, w.Memory, w.Threads, 32)
}

// wrapKey encrypts a master key, bound to the vault whose ID is given.
func wrapKey(key []byte, p *Passphrase, id string) (*wrapped, error) {
	w := &wrapped{KDF: kdfName, Salt: make([]byte, kdfSalt), Time: kdfTime, Memory: kdfMemory, Threads: kdfThreads}
	rand.Read(w.Salt)
	aead, err := newAEAD(w.key(p))
	if err != nil {
		return nil, err
	}
	w.Nonce = make([]byte, aead.NonceSize())
	rand.Read(w.Nonce)
	w.Key = aead.Seal(nil, w.Nonce, key, []byte(id))
	return w, nil
}

// unwrap opens a vault that a passphrase protects.
func (v *Vault) unwrap(find func() (*Passphrase, error)) error {
	p, err := find()
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.SignInFailed, "the gateway's secrets are protected by a passphrase, and none was given").At(v.path).
			Try("Name the file that holds it in the environment variable %s, or hand it over as the systemd credential %s.", EnvPassphraseFile, SystemdCredential)
	}
	w := v.head.Wrapped
	if err := w.check(); err != nil {
		return damaged(v.path, err)
	}
	aead, err := newAEAD(w.key(p))
	if err != nil {
		return err
	}
	if len(w.Nonce) != aead.NonceSize() {
		return damaged(v.path, errors.New("its wrapped key is not whole"))
	}
	key, err := aead.Open(nil, w.Nonce, w.Key, []byte(v.head.ID))
	if err != nil || len(key) != 32 {
		return fault.New(fault.SignInFailed, "the passphrase for the gateway's secrets is wrong").At(p.source).
			Try("Give the passphrase that the secrets were protected with; nothing else opens them.")
	}
	v.keptIn = p.kind
	return v.read(key)
}

// Protect encrypts the vault with a new master key that only the passphrase opens, and removes the former one from where
// it was. It changes the passphrase of a vault that has one. From then on every start needs the passphrase, see
// [FindPassphrase].
func (v *Vault) Protect(p *Passphrase) error {
	if err := p.check(); err != nil {
		return err
	}
	return v.rekey(func(head *vaultHead, key []byte) (string, error) {
		w, err := wrapKey(key, p, head.ID)
		head.KeyIn, head.Wrapped = keyInPassphrase, w
		return p.kind, err
	})
}

// Unprotect encrypts a vault that has a passphrase with a new master key that lies in the system's key store or, where
// there is none, in a file: no passphrase is needed any more. A vault without one is left as it is.
func (v *Vault) Unprotect() error {
	v.mu.Lock()
	protected := v.head.KeyIn == keyInPassphrase || v.head.KeyIn == ""
	v.mu.Unlock()
	if !protected {
		return nil // a new key would overwrite the old one before the vault is written with it
	}
	return v.rekey(func(head *vaultHead, key []byte) (string, error) {
		store, err := v.storeKey(head.ID, key)
		if err != nil {
			return "", err
		}
		head.KeyIn, head.Wrapped = store.Name(), nil
		return keptIn(store), nil
	})
}

// rekey writes the vault anew with a fresh master key that place has put somewhere. A crash leaves either the old vault with
// its old key or the new one with its new key.
func (v *Vault) rekey(place func(head *vaultHead, key []byte) (kept string, err error)) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := make([]byte, 32)
	rand.Read(key)
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	before, head := v.head, v.head
	kept, err := place(&head, key)
	if err != nil {
		return err
	}
	if err := v.write(head, aead, v.items); err != nil {
		return err
	}
	v.head, v.aead, v.keptIn = head, aead, kept
	v.removeKey(before, head)
	return nil
}

// removeKey takes a master key that opens nothing any more from where it was. A key store that keeps it does no harm.
func (v *Vault) removeKey(before, now vaultHead) {
	if before.KeyIn == now.KeyIn {
		return
	}
	if r, ok := v.storeNamed(before.KeyIn).(keyRemover); ok {
		_ = r.Remove(before.ID)
	}
}

// decodeKey reads a master key as key stores keep it.
func decodeKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return nil, errors.New("it is not a key of this program")
	}
	return key, nil
}
