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
// operating system's key store, or in a 0600 file where there is none. It may be used from several goroutines of one
// process.
type Vault struct {
	path  string
	mu    sync.Mutex
	head  vaultHead
	aead  cipher.AEAD
	items map[string][]byte
}

// vaultHead is what the file shows in the clear; Data is the encrypted rest.
type vaultHead struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	KeyIn   string `json:"keyIn"` // name of the key store
	Nonce   []byte `json:"nonce"`
	Data    []byte `json:"data"`
}

// OpenVault opens the vault of a data directory or makes a new one. prefer is where a new vault's key goes, nil = the
// system's key store; where that one fails, the key goes into a file beside the vault.
func OpenVault(dir string, prefer KeyStore) (*Vault, error) {
	if prefer == nil {
		prefer = SystemKeyStore()
	}
	v := &Vault{path: filepath.Join(dir, vaultFile), items: map[string][]byte{}}
	inFile := FileKeyStore(filepath.Join(dir, vaultKeyFile))
	if prefer.Name() == inFile.Name() {
		inFile = prefer
	}
	data, err := os.ReadFile(v.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return v, v.create(prefer, inFile)
	case err != nil:
		return nil, fault.New(fault.StoreFailed, "read the vault").At(v.path).Because(err).Try("Check that the user running the program owns the data directory.")
	}
	if err := json.Unmarshal(data, &v.head); err != nil || v.head.Version != vaultVersion {
		return nil, damaged(v.path, err)
	}
	store := inFile
	if v.head.KeyIn != inFile.Name() {
		store = prefer
	}
	if store.Name() != v.head.KeyIn {
		store = SystemKeyStore()
	}
	return v, v.unlock(store)
}

func damaged(path string, err error) error {
	return fault.New(fault.BadData, "the vault with the gateway's secrets is damaged").At(path).Because(err).
		Try("Restore the file from a backup. Without one move it away, register the gateway again and set the credentials of the linked services again.")
}

func (v *Vault) create(prefer, inFile KeyStore) error {
	key := make([]byte, 32)
	rand.Read(key)
	v.head = vaultHead{Version: vaultVersion, ID: rand.Text()}
	text := base64.StdEncoding.EncodeToString(key)
	for _, store := range []KeyStore{prefer, inFile} {
		if err := store.Set(v.head.ID, text); err != nil {
			if store == inFile {
				return err
			}
			continue
		}
		// A key store that takes a key and does not give it back would lose everything at the next start.
		if got, err := store.Get(v.head.ID); err != nil || got != text {
			continue
		}
		v.head.KeyIn = store.Name()
		if err := v.useKey(key); err != nil {
			return err
		}
		return v.write(v.items)
	}
	return fault.New(fault.StoreFailed, "no place for the vault's key: neither the system's key store nor a file keeps it").At(filepath.Dir(v.path))
}

func (v *Vault) unlock(store KeyStore) error {
	text, err := store.Get(v.head.ID)
	if err != nil {
		return fault.New(fault.StoreFailed, "open the gateway's secrets: the %s key store cannot be read", store.Name()).At(v.path).Because(err).
			Try("Start the program as the user that registered the gateway, with the key store unlocked.")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		return fault.New(fault.NotFound, "open the gateway's secrets: the %s key store does not have their key any more", store.Name()).At(v.path).Because(err).
			Try("Start the program as the user that registered the gateway. If the key is lost, move the file away, register again and set the credentials of the linked services again.")
	}
	if err := v.useKey(key); err != nil {
		return err
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

func (v *Vault) useKey(key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("use vault key: %w", err)
	}
	v.aead, err = cipher.NewGCM(block)
	return err
}

// extra binds the encrypted part to what the file shows in the clear.
func (v *Vault) extra() []byte {
	return fmt.Appendf(nil, "dmgateway vault %d %s", v.head.Version, v.head.ID)
}

// KeyIn says where the master key lies: "system" or "file".
func (v *Vault) KeyIn() string { return v.head.KeyIn }

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
	v.mu.Lock()
	defer v.mu.Unlock()
	items := maps.Clone(v.items)
	items[name] = append([]byte{}, value...)
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
	if err := v.write(items); err != nil {
		return err
	}
	v.items = items
	return nil
}

func (v *Vault) write(items map[string][]byte) error {
	plain, err := json.Marshal(items)
	if err != nil {
		return fmt.Errorf("marshal vault: %w", err)
	}
	head := v.head
	head.Nonce = make([]byte, v.aead.NonceSize())
	rand.Read(head.Nonce)
	head.Data = v.aead.Seal(nil, head.Nonce, plain, v.extra())
	data, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return fmt.Errorf("marshal vault: %w", err)
	}
	if err := writeFileAtomic(v.path, data); err != nil {
		return fault.New(fault.StoreFailed, "write the vault with the gateway's secrets").At(v.path).Because(err).Try("Check free space and rights of the data directory.")
	}
	return nil
}
