package credential

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"

	"dmgateway/engine/fault"
)

// KeyStore keeps the vault's master key. Get of an absent key gives "" without an error.
type KeyStore interface {
	// Name is "system", "file" or "dpapi"; the vault remembers which of them has its key.
	Name() string
	Get(id string) (string, error)
	Set(id, key string) error
}

// keyRemover is what a key store has that can forget a key; one that is absent is no error.
type keyRemover interface {
	Remove(id string) error
}

// keptIn is how a person is told where a key store keeps its keys: "system" or "file".
func keptIn(s KeyStore) string {
	if s.Name() == (fileStore{}).Name() {
		return "file"
	}
	return "system"
}

// SystemKeyStore is the operating system's: Keychain, Credential Manager, Secret Service.
func SystemKeyStore() KeyStore {
	return systemStore{timeout: 5 * time.Second, available: sessionBus}
}

// FileKeyStore is a file that only its owner can read, for machines without a key store.
func FileKeyStore(path string) KeyStore { return fileStore{path} }

// service groups this program's keys in the system's key store.
const service = "Data Management Gateway"

type systemStore struct {
	timeout   time.Duration
	available func() bool
}

func (systemStore) Name() string { return "system" }

func (s systemStore) Get(id string) (string, error) {
	key, err := s.ask(func() (string, error) { return keyring.Get(service+" "+id, id) })
	if errors.Is(err, keyring.ErrNotFound) {
		return "", nil
	}
	return key, err
}

func (s systemStore) Set(id, key string) error {
	_, err := s.ask(func() (string, error) { return "", keyring.Set(service+" "+id, id, key) })
	return err
}

func (s systemStore) Remove(id string) error {
	_, err := s.ask(func() (string, error) { return "", keyring.Delete(service+" "+id, id) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return err
}

var errKeyStoreSilent = errors.New("the key store does not answer")

// ask gives up on a key store that hangs, as one does that waits for a prompt nobody sees. The call itself cannot be
// cancelled; its goroutine ends when the key store answers.
func (s systemStore) ask(call func() (string, error)) (string, error) {
	if !s.available() {
		return "", errors.New("there is no session bus to reach a key store by")
	}
	type answer struct {
		key string
		err error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { done <- a }()
		defer fault.Recover(&a.err)
		a.key, a.err = call()
	}()
	timer := time.NewTimer(s.timeout)
	defer timer.Stop()
	select {
	case a := <-done:
		return a.key, a.err
	case <-timer.C:
		return "", errKeyStoreSilent
	}
}

// sessionBus reports whether there is a bus to ask, where the key store needs one. Asking without it would start a bus
// of our own, empty and soon forgotten.
func sessionBus() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "bus"))
	return err == nil
}

type fileStore struct{ path string }

func (fileStore) Name() string { return "file" }

func (s fileStore) Get(string) (string, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	return string(data), nil
}

func (s fileStore) Set(_, key string) error {
	if err := writeFileAtomic(s.path, []byte(key)); err != nil {
		return fault.New(fault.StoreFailed, "write the vault's key file").At(s.path).Because(err)
	}
	return nil
}

func (s fileStore) Remove(string) error {
	if err := os.Remove(s.path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeFileAtomic replaces a file by one that only its owner can read: whole or not at all, also after a power cut.
func writeFileAtomic(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // created with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no effect once renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// syncFolder makes the rename durable where the system lets folders be synced; elsewhere renames are journalled.
func syncFolder(path string) {
	d, err := os.Open(path)
	if err != nil {
		return
	}
	defer d.Close()
	_ = d.Sync()
}
