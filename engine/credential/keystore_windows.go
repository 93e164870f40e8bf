package credential

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"dmgateway/engine/fault"
)

// privateFile is where a key goes that the Credential Manager does not take: a file whose content Windows encrypts for
// the user that runs the gateway (DPAPI).
func privateFile(path string) KeyStore { return dpapiStore{path} }

type dpapiStore struct{ path string }

func (dpapiStore) Name() string { return "dpapi" }

func (s dpapiStore) Get(id string) (string, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil || len(sealed) == 0 {
		return "", errors.New("the key file is damaged")
	}
	in, extra := blob(sealed), blob([]byte(id))
	var out windows.DataBlob
	if err := windows.CryptUnprotectData(&in, nil, &extra, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return "", fmt.Errorf("Windows does not open the key for this user: %w", err) //nolint:staticcheck // a name
	}
	return string(take(out)), nil
}

func (s dpapiStore) Set(id, key string) error {
	in, extra := blob([]byte(key)), blob([]byte(id))
	var out windows.DataBlob
	if err := windows.CryptProtectData(&in, nil, &extra, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return fmt.Errorf("Windows does not protect the key: %w", err) //nolint:staticcheck // a name
	}
	if err := writeFileAtomic(s.path, []byte(base64.StdEncoding.EncodeToString(take(out)))); err != nil {
		return fault.New(fault.StoreFailed, "write the vault's key file").At(s.path).Because(err)
	}
	return nil
}

func (s dpapiStore) Remove(id string) error { return fileStore(s).Remove(id) }

func blob(data []byte) windows.DataBlob {
	return windows.DataBlob{Size: uint32(len(data)), Data: &data[0]}
}

// take copies what Windows has allocated and gives it back.
func take(b windows.DataBlob) []byte {
	data := append([]byte{}, unsafe.Slice(b.Data, b.Size)...)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data))) // leaks a few bytes where it fails
	return data
}
