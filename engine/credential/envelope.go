package credential

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// Versions of the envelope. What version 1 sealed was bound to the linked service alone; it still opens.
const (
	envelopeV1 = 1
	envelopeV2 = 2
)

// Limits of a sealed credential, for sealing and for opening alike.
const (
	// MaxToken bounds the sealed text, in bytes.
	MaxToken = 1 << 20
	// MaxSecrets bounds the JSON of the properties that are sealed, in bytes.
	MaxSecrets = 256 << 10
	// MaxRecipients is how many certificates one credential can be sealed for; go-jose reads no more.
	MaxRecipients = 32
	// maxTokens is how many sealed credentials one linked service can hold.
	maxTokens = 8
)

// envelope is what is sealed: the secret properties of one linked service. It carries the names of what it was sealed
// for, so that a sealed credential cannot be moved: the linked service, the gateway where it is known, and the
// certificates.
type envelope struct {
	Version       int               `json:"v"`
	LinkedService string            `json:"linkedService"`
	Gateway       string            `json:"gateway,omitempty"`
	Certificates  []string          `json:"certificates"` // thumbprints
	Properties    jsonobject.Object `json:"properties"`
}

// encrypt seals for several certificates: JWE general JSON (RSA-OAEP-256 or ECDH-ES+A256KW, and A256GCM), in base64url so
// that it fits into a connection string.
func encrypt(e envelope, to []*x509.Certificate) (string, error) {
	if len(to) == 0 {
		return "", fault.New(fault.BadInput, "there is no certificate to seal the credential for").
			Try("Register a gateway first; its certificate is needed.")
	}
	if len(to) > MaxRecipients {
		return "", fault.New(fault.BadInput, "a credential can be sealed for %d certificates at most, not %d", MaxRecipients, len(to))
	}
	var recipients []jose.Recipient
	for _, c := range to {
		if err := CheckKey(c); err != nil {
			return "", err
		}
		id := Thumbprint(c)
		recipients = append(recipients, jose.Recipient{Algorithm: algorithmOf(c), Key: c.PublicKey, KeyID: id})
		e.Certificates = append(e.Certificates, id)
	}
	encrypter, err := jose.NewMultiEncrypter(jose.A256GCM, recipients, nil)
	if err != nil {
		return "", fmt.Errorf("prepare sealing: %w", err)
	}
	plain, err := jsonobject.Encode(e)
	if err != nil {
		return "", err
	}
	if len(plain) > MaxSecrets {
		return "", fault.New(fault.BadInput, "the secrets of %s have %d bytes; %d can be sealed", e.LinkedService, len(plain), MaxSecrets).At(e.LinkedService)
	}
	sealed, err := encrypter.Encrypt(plain)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	text, err := generalJSON(sealed.FullSerialize())
	return base64.RawURLEncoding.EncodeToString(text), err
}

func algorithmOf(c *x509.Certificate) jose.KeyAlgorithm {
	if _, ok := c.PublicKey.(*ecdsa.PublicKey); ok {
		return jose.ECDH_ES_A256KW
	}
	return jose.RSA_OAEP_256
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
func (o Opener) decrypt(token, linkedService string) (jsonobject.Object, error) {
	text, err := decodeToken(token)
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	sealedFor := recipientsOf(text)
	if len(sealedFor) == 0 {
		return nil, fault.New(fault.BadData, "the sealed credential of %s is not one of this program", linkedService).At(linkedService).
			Try("Credentials that Azure's own gateway sealed cannot be opened here: set the credential of the linked service again.")
	}
	if err := checkHeader(text, sealedFor); err != nil {
		return nil, unreadable(linkedService, err)
	}
	i := slices.IndexFunc(o.Certificates, func(c *Certificate) bool { return c != nil && slices.Contains(sealedFor, c.Thumbprint()) })
	if i < 0 {
		return nil, wrongCertificate(linkedService, sealedFor, o.Certificates)
	}
	with := o.Certificates[i]
	jwe, err := jose.ParseEncryptedJSON(string(text), []jose.KeyAlgorithm{jose.RSA_OAEP_256, jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	_, _, plain, err := jwe.DecryptMulti(with.key)
	if err != nil {
		return nil, unreadable(linkedService, err)
	}
	return o.openEnvelope(plain, linkedService, with.Thumbprint())
}

// openEnvelope checks what the credential was sealed for.
func (o Opener) openEnvelope(plain []byte, linkedService, thumbprint string) (jsonobject.Object, error) {
	var e struct {
		Version       int             `json:"v"`
		LinkedService string          `json:"linkedService"`
		Gateway       string          `json:"gateway"`
		Certificates  []string        `json:"certificates"`
		Properties    json.RawMessage `json:"properties"`
	}
	// A cause could repeat what is secret, so none is told.
	if len(plain) > MaxSecrets || checkJSON(plain) != nil || json.Unmarshal(plain, &e) != nil {
		return nil, unreadable(linkedService, nil)
	}
	if e.Version != envelopeV1 && e.Version != envelopeV2 {
		return nil, fault.New(fault.Unsupported, "the credential of %s was sealed by another version of this program", linkedService).At(linkedService).
			Try("Update the gateway, or set the credential again.")
	}
	if !strings.EqualFold(e.LinkedService, linkedService) {
		return nil, fault.New(fault.Forbidden, "the credential of %s was sealed for the linked service %s", linkedService, e.LinkedService).At(linkedService).
			Try("Set the credential of %s itself.", linkedService)
	}
	if e.Version >= envelopeV2 {
		if e.Gateway != "" && o.Gateway != "" && !strings.EqualFold(e.Gateway, o.Gateway) {
			return nil, fault.New(fault.Forbidden, "the credential of %s was sealed for another gateway (%s) than this one (%s)", linkedService, e.Gateway, o.Gateway).
				At(linkedService).Try("Set the credential again for this gateway.")
		}
		if !slices.Contains(e.Certificates, thumbprint) {
			return nil, fault.New(fault.Forbidden, "the credential of %s was not sealed for the certificate %s", linkedService, thumbprint).At(linkedService).
				Try("Set the credential again for this gateway.")
		}
	}
	list, err := jsonobject.Parse(e.Properties, linkedService)
	if err != nil {
		return nil, unreadable(linkedService, nil)
	}
	return list, nil
}

// checkHeader refuses what a JWE of this program never has: compression, whose result would have no limit, and more
// recipients than anybody seals for.
func checkHeader(text []byte, sealedFor []string) error {
	// A member that is there twice, in whatever case, could show the library below another header than it shows here.
	if _, err := jsonobject.Parse(text, "$"); err != nil {
		return err
	}
	var jwe general
	if err := json.Unmarshal(text, &jwe); err != nil {
		return err
	}
	if len(jwe.Recipients) > MaxRecipients || len(sealedFor) > MaxRecipients {
		return fmt.Errorf("%d recipients are more than the limit of %d", len(jwe.Recipients), MaxRecipients)
	}
	header, err := base64.RawURLEncoding.DecodeString(jwe.Protected)
	if err != nil {
		return err
	}
	protected, err := jsonobject.Parse(header, "$")
	if err != nil {
		return err
	}
	if protected.Get("zip") != nil {
		return errors.New("it is compressed, as no credential of this program is")
	}
	return nil
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
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%d bytes are more than the limit of %d", len(token), MaxToken)
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
