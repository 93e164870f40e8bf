package credential

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"dmgateway/engine/fault"
)

const (
	envelopeVersion = 1
	// maxToken bounds a sealed credential.
	maxToken = 1 << 20
)

// envelope is what is sealed: the secret properties of one linked service, whose name it carries so that a sealed
// credential cannot be moved into another one.
type envelope struct {
	Version       int    `json:"v"`
	LinkedService string `json:"linkedService"`
	Properties    object `json:"properties"`
}

// encrypt seals for several certificates: JWE general JSON (RSA-OAEP-256, A256GCM), in base64url so that it fits into a
// connection string.
func encrypt(e envelope, to []*x509.Certificate) (string, error) {
	var recipients []jose.Recipient
	for _, c := range to {
		key, ok := c.PublicKey.(*rsa.PublicKey)
		if !ok {
			return "", fault.New(fault.Unsupported, "credentials can be sealed for RSA certificates only").At(Thumbprint(c))
		}
		recipients = append(recipients, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: key, KeyID: Thumbprint(c)})
	}
	if len(recipients) == 0 {
		return "", fault.New(fault.BadInput, "there is no certificate to seal the credential for").
			Try("Register a gateway first; its certificate is needed.")
	}
	encrypter, err := jose.NewMultiEncrypter(jose.A256GCM, recipients, nil)
	if err != nil {
		return "", fmt.Errorf("prepare sealing: %w", err)
	}
	plain, err := encode(e)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(sealed.FullSerialize())), nil
}

// decrypt opens a sealed credential of the named linked service with the first certificate that fits.
func decrypt(token, linkedService string, with []*Certificate) (object, error) {
	text, err := decodeToken(token)
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	sealedFor := recipientsOf(text)
	if len(sealedFor) == 0 {
		return nil, fault.New(fault.BadData, "the sealed credential of %s is not one of this program", linkedService).At(linkedService).
			Try("Credentials that Azure's own gateway sealed cannot be opened here: set the credential of the linked service again.")
	}
	i := slices.IndexFunc(with, func(c *Certificate) bool { return c != nil && slices.Contains(sealedFor, c.Thumbprint()) })
	if i < 0 {
		return nil, wrongCertificate(linkedService, sealedFor, with)
	}
	jwe, err := jose.ParseEncryptedJSON(string(text), []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	_, _, plain, err := jwe.DecryptMulti(with[i].key)
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	return openEnvelope(plain, linkedService)
}

func openEnvelope(plain []byte, linkedService string) (object, error) {
	var e struct {
		Version       int             `json:"v"`
		LinkedService string          `json:"linkedService"`
		Properties    json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(plain, &e) != nil {
		return nil, unreadable(linkedService, nil) // the cause could repeat what is secret
	}
	if e.Version != envelopeVersion {
		return nil, fault.New(fault.Unsupported, "the credential of %s was sealed by another version of this program", linkedService).At(linkedService).
			Try("Update the gateway, or set the credential again.")
	}
	if !strings.EqualFold(e.LinkedService, linkedService) {
		return nil, fault.New(fault.Forbidden, "the credential of %s was sealed for the linked service %s", linkedService, e.LinkedService).At(linkedService).
			Try("Set the credential of %s itself.", linkedService)
	}
	o, err := parseObject(e.Properties, linkedService)
	if err != nil {
		return nil, unreadable(linkedService, nil)
	}
	return o, nil
}

func unreadable(linkedService string, err error) error {
	return fault.New(fault.BadData, "the sealed credential of %s is damaged", linkedService).At(linkedService).Because(err).
		Try("Set the credential of the linked service again.")
}

func wrongCertificate(linkedService string, sealedFor []string, with []*Certificate) error {
	var ours []string
	for _, c := range with {
		if c != nil {
			ours = append(ours, c.Thumbprint())
		}
	}
	return fault.New(fault.Forbidden, "the credential of %s is sealed for another certificate (%s) than this gateway's (%s)",
		linkedService, strings.Join(sealedFor, ", "), strings.Join(ours, ", ")).At(linkedService).
		Try("Set the credential again for this gateway, or import the certificate that it was sealed for.")
}

func decodeToken(token string) ([]byte, error) {
	token = strings.TrimRight(strings.TrimSpace(token), "=")
	if len(token) > maxToken {
		return nil, fmt.Errorf("%d bytes are more than the limit of %d", len(token), maxToken)
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		text, err = base64.RawStdEncoding.DecodeString(token)
	}
	return text, err
}

// recipientsOf are the thumbprints of the certificates that a JWE in JSON was made for.
func recipientsOf(text []byte) []string {
	type recipient struct {
		Header struct {
			KeyID string `json:"kid"`
		} `json:"header"`
	}
	var jwe struct {
		recipient
		Protected  string      `json:"protected"`
		Recipients []recipient `json:"recipients"`
	}
	if json.Unmarshal(text, &jwe) != nil {
		return nil
	}
	list := jwe.Recipients
	if len(list) == 0 {
		list = []recipient{jwe.recipient, {Header: protectedHeader(jwe.Protected)}}
	}
	var ids []string
	for _, r := range list {
		if r.Header.KeyID != "" {
			ids = append(ids, r.Header.KeyID)
		}
	}
	return ids
}

// protectedHeader reads the key ID where a JWE with one recipient has it.
func protectedHeader(text string) (h struct {
	KeyID string `json:"kid"`
},
) {
	if data, err := base64.RawURLEncoding.DecodeString(text); err == nil {
		_ = json.Unmarshal(data, &h) // no key ID then
	}
	return h
}
