package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// inside writes for every program which modules it is made of, in CycloneDX, as its build information says.
func (r *release) inside(ctx context.Context) error {
	for _, system := range r.systems {
		goos, _, _ := strings.Cut(system, "/")
		for _, name := range []string{"dmgateway", "dmgcmd"} {
			program := filepath.Join(r.programs(system), name+suffix(goos))
			if _, err := os.Stat(program); err != nil {
				continue
			}
			text, err := output(ctx, nil, filepath.Join(r.tools, "cyclonedx-gomod"), "bin", "-json", "-std", "-noserial", "-version", r.version, program)
			if err != nil {
				return err
			}
			if text, err = dated(text, r.at); err != nil {
				return err
			}
			file := filepath.Join(r.out, fmt.Sprintf("%s_%s_%s.cdx.json", name, r.version, strings.ReplaceAll(system, "/", "_")))
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// dated gives a bill of materials the commit's time in place of the clock's.
func dated(text string, at time.Time) (string, error) {
	var bom struct{ Metadata struct{ Timestamp string } }
	if err := json.Unmarshal([]byte(text), &bom); err != nil {
		return "", err
	}
	was := bom.Metadata.Timestamp
	if was == "" || strings.Count(text, was) != 1 {
		return "", fmt.Errorf("the bill of materials has no single time: %q", was)
	}
	return strings.Replace(text, was, at.Format(time.RFC3339), 1) + "\n", nil
}

const sumsFile = "SHA256SUMS"

// sums writes the checksum of every file in the results' folder, as sha256sum reads it, and signs that.
func (r *release) sums() error {
	text, err := checksums(r.out)
	if err != nil {
		return err
	}
	file := filepath.Join(r.out, sumsFile)
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	if r.key == "" {
		fmt.Fprintln(os.Stderr, "release: the checksums are not signed; -key or SIGN_KEY names a key (made by: openssl genpkey -algorithm ed25519)")
		if err := os.Remove(file + ".sig"); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	key, err := readKey(r.key)
	if err != nil {
		return err
	}
	return os.WriteFile(file+".sig", ed25519.Sign(key, text), 0o644)
}

func checksums(dir string) ([]byte, error) {
	list, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, e := range list {
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), sumsFile) {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%x  %s\n", h.Sum(nil), e.Name())
	}
	return b.Bytes(), nil
}

func readKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than Ed25519", file)
	}
	return private, nil
}
