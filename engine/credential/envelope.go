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
	text, err := generalJSON(sealed.FullSerialize())
	return base64.RawURLEncoding.EncodeToString(text), err
}

// general is RFC 7516's general JSON serialization, as much of it as is used here.
type general struct {
	Protected  string      `json:"protected"`
	Recipients []recipient `json:"recipients"`
	IV         string      `json:"iv"`
	Ciphertext string      `json:"ciphertext"`
	Tag        string      `json:"tag"`
}

type recipient struct {
	Header       json.RawMessage `json:"header,omitempty"`
	EncryptedKey string          `json:"encrypted_key"`
}

// generalJSON gives every JWE the same shape, whatever the number of its recipients: the library writes a single one in
// the flattened shape, and repeats the first of several at the top.
func generalJSON(text string) ([]byte, error) {
	var jwe struct {
		general
		recipient
	}
	if err := json.Unmarshal([]byte(text), &jwe); err != nil {
		return nil, fmt.Errorf("read own JWE: %w", err)
	}
	if len(jwe.Recipients) == 0 {
		jwe.Recipients = []recipient{jwe.recipient}
	}
	return json.Marshal(jwe.general)
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

// keyID is the part of a JWE header that names a certificate.
type keyID struct {
	ID string `json:"kid"`
}

// recipientsOf are the thumbprints of the certificates that a JWE in general JSON was made for. A single recipient's
// stands in the protected header.
func recipientsOf(text []byte) []string {
	var jwe general
	if json.Unmarshal(text, &jwe) != nil {
		return nil
	}
	headers := []json.RawMessage{}
	if data, err := base64.RawURLEncoding.DecodeString(jwe.Protected); err == nil {
		headers = append(headers, data)
	}
	for _, r := range jwe.Recipients {
		headers = append(headers, r.Header)
	}
	var ids []string
	for _, h := range headers {
		var k keyID
		if json.Unmarshal(h, &k) == nil && k.ID != "" {
			ids = append(ids, k.ID)
		}
	}
	return ids
}
