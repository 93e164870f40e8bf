package credential

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"dmgateway/engine/fault"
)

const (
	vaultFile    = "vault.json"
	vaultKeyFile = "vault.key"
	vaultVersion = 1
)

// Vault keeps secrets by name in one file of the data directory, encrypted with AES-256-GCM. The master key lies in the
// operating system's key store, or in a 0600 file where there is none, or in the vault itself, wrapped with a passphrase.
// It may be used from several goroutines of one process.
type Vault struct {
	path   string
	stores []KeyStore // where a key without a passphrase can go, the preferred first, the file last
	mu     sync.Mutex
	head   vaultHead
	keptIn string
	made   bool // by this opening
	aead   cipher.AEAD
	items  map[string][]byte
}

// vaultHead is what the file shows in the clear; Data is the encrypted rest.
type vaultHead struct {
	Version int      `json:"v"`
	ID      string   `json:"id"`
	KeyIn   string   `json:"keyIn"` // name of the key store, or "passphrase"
	Wrapped *wrapped `json:"wrapped,omitempty"`
	Nonce   []byte   `json:"nonce"`
	Data    []byte   `json:"data"`
}

// OpenVault opens the vault of a data directory or makes a new one. A passphrase, where one is needed, is read from where
// [FindPassphrase] looks; where one is there, a new vault is protected by it. prefer is where a new vault's key goes
// otherwise, nil = the system's key store; where that one fails, the key goes into a file beside the vault.
func OpenVault(dir string, prefer KeyStore) (*Vault, error) {
	return openVault(dir, prefer, FindPassphrase)
}

func openVault(dir string, prefer KeyStore, find func() (*Passphrase, error)) (*Vault, error) {
	if prefer == nil {
		prefer = SystemKeyStore()
	}
	v := &Vault{path: filepath.Join(dir, vaultFile), items: map[string][]byte{}, stores: []KeyStore{prefer}}
	inFile := privateFile(filepath.Join(dir, vaultKeyFile))
	if prefer.Name() != inFile.Name() {
		v.stores = append(v.stores, inFile)
	}
	data, err := os.ReadFile(v.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return v, v.create(find)
	case err != nil:
		return nil, fault.New(fault.StoreFailed, "read the vault").At(v.path).Because(err).Try("Check that the user running the program owns the data directory.")
	}
	if err := json.Unmarshal(data, &v.head); err != nil || v.head.Version != vaultVersion {
		return nil, damaged(v.path, err)
	}
	if v.head.KeyIn == keyInPassphrase {
		return v, v.unwrap(find)
	}
	return v, v.unlock(v.storeNamed(v.head.KeyIn))
}

// storeNamed finds the key store that a vault was made with, also where another one is preferred by now; nil for a
// name that is none of a key store.
func (v *Vault) storeNamed(name string) KeyStore {
	others := []KeyStore{FileKeyStore(filepath.Join(filepath.Dir(v.path), vaultKeyFile)), SystemKeyStore()}
	for _, s := range append(v.stores, others...) {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

func damaged(path string, err error) error {
	return fault.New(fault.BadData, "the vault with the gateway's secrets is damaged").At(path).Because(err).
		Try("Restore the file from a backup. Without one move it away, import the certificate from its backup, register the gateway again and set the credentials of the linked services again.")
}

func (v *Vault) create(find func() (*Passphrase, error)) error {
	v.head, v.made = vaultHead{Version: vaultVersion, ID: rand.Text()}, true
	if err := v.keepFormerKey(); err != nil {
		return err
	}
	p, err := find()
	if err != nil {
		return err
	}
	if p != nil {
		return v.Protect(p)
	}
	return v.Unprotect()
}

// keepFormerKey puts the key file of an earlier vault, which was lost or moved away, aside: the new key would overwrite it,
// and a backup of that vault could never be opened again.
func (v *Vault) keepFormerKey() error {
	path := filepath.Join(filepath.Dir(v.path), vaultKeyFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(data) == 0 {
		return nil
	}
	if err == nil {
		err = os.Rename(path, path+".former-"+v.head.ID)
	}
	if err != nil {
		return fault.New(fault.StoreFailed, "put the key of an earlier vault aside").At(path).Because(err).Try("Check the rights of the data directory.")
	}
	return nil
}

// Made reports whether there was no vault before this one was opened.
func (v *Vault) Made() bool { return v.made }

// storeKey puts a key into the first key store that takes it and gives it back: one that does not would lose everything at
// the next start.
func (v *Vault) storeKey(id string, key []byte) (KeyStore, error) {
	text := base64.StdEncoding.EncodeToString(key)
	var errs []error
	for _, store := range v.stores {
		if err := store.Set(id, text); err != nil {
			errs = append(errs, err)
			continue
		}
		if got, err := store.Get(id); err == nil && got == text {
			return store, nil
		}
	}
	return nil, fault.New(fault.StoreFailed, "no place for the vault's key: neither the system's key store nor a file keeps it").
		At(filepath.Dir(v.path)).Because(errors.Join(errs...)).Try("Check free space and rights of the data directory.")
}

func (v *Vault) unlock(store KeyStore) error {
	if store == nil {
		return damaged(v.path, errors.New("it names an unknown key store"))
	}
	text, err := store.Get(v.head.ID)
	if err != nil {
		return fault.New(fault.StoreFailed, "open the gateway's secrets: the %s key store cannot be read", store.Name()).At(v.path).Because(err).
			Try("Start the program as the user that registered the gateway, with the key store unlocked.")
	}
	key, err := decodeKey(text)
	if err != nil {
		return fault.New(fault.NotFound, "open the gateway's secrets: the %s key store does not have their key any more", store.Name()).At(v.path).Because(err).
			Try("Start the program as the user that registered the gateway. If the key is lost, move the file away, register again and set the credentials of the linked services again.")
	}
	v.keptIn = keptIn(store)
	return v.read(key)
}

// read decrypts the items with the master key.
func (v *Vault) read(key []byte) error {
	var err error
	if v.aead, err = newAEAD(key); err != nil {
		return err
	}
	if len(v.head.Nonce) != v.aead.NonceSize() {
		return damaged(v.path, errors.New("it is not whole"))
	}
	plain, err := v.aead.Open(nil, v.head.Nonce, v.head.Data, v.extra())
	if err != nil {
		return damaged(v.path, errors.New("it was changed, or encrypted with another key"))
	}
	if err := json.Unmarshal(plain, &v.items); err != nil {
		return damaged(v.path, errors.New("its contents cannot be read"))
	}
	return nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use vault key: %w", err)
	}
	return cipher.NewGCM(block)
}

// extra binds the encrypted part to what the file shows in the clear.
func (v *Vault) extra() []byte {
	return fmt.Appendf(nil, "dmgateway vault %d %s", v.head.Version, v.head.ID)
}

// KeptIn says how the master key is protected: "system" (the operating system's key store), "file" (one that only its
// owner can read), "passphrase", or "credential" (a passphrase that systemd handed over).
func (v *Vault) KeptIn() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keptIn
}

// Get gives a secret, nil where there is none of that name.
func (v *Vault) Get(name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := v.items[name]
	if !ok {
		return nil, nil
	}
	return append([]byte{}, value...), nil
}

// Put keeps a secret; it is durable when Put returns.
func (v *Vault) Put(name string, value []byte) error {
	return v.Update(map[string][]byte{name: value})
}

// Update keeps several secrets in one write: all of them or, where it fails, none. An empty value removes its secret.
func (v *Vault) Update(values map[string][]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	items := maps.Clone(v.items)
	for name, value := range values {
		if len(value) == 0 {
			delete(items, name)
			continue
		}
		items[name] = append([]byte{}, value...)
	}
	return v.replace(items)
}

// Delete removes a secret; one that is absent is no error.
func (v *Vault) Delete(name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.items[name]; !ok {
		return nil
	}
	items := maps.Clone(v.items)
	delete(items, name)
	return v.replace(items)
}

func (v *Vault) replace(items map[string][]byte) error {
	if err := v.write(v.head, v.aead, items); err != nil {
		return err
	}
	v.items = items
	return nil
}

func (v *Vault) write(head vaultHead, aead cipher.AEAD, items map[string][]byte) error {
	plain, err := json.Marshal(items)
	if err != nil {
		return fmt.Errorf("marshal vault: %w", err)
	}
	head.Nonce = make([]byte, aead.NonceSize())
	rand.Read(head.Nonce)
	head.Data = aead.Seal(nil, head.Nonce, plain, v.extra())
	data, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return fmt.Errorf("marshal vault: %w", err)
	}
	if err := writeFileAtomic(v.path, data); err != nil {
		return fault.New(fault.StoreFailed, "write the vault with the gateway's secrets").At(v.path).Because(err).Try("Check free space and rights of the data directory.")
	}
	return nil
}
