package credential

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// SealedFor are the thumbprints of the certificates that a linked service's sealed credentials were made for, without
// opening them; none where it has no sealed credential of this program.
func SealedFor(linkedService []byte) ([]string, error) {
	if err := checkJSON(linkedService); err != nil {
		return nil, err
	}
	doc, err := openDocument(linkedService, "$")
	if err != nil || doc == nil {
		return nil, err
	}
	var list []string
	for _, token := range doc.takeTokens() {
		text, err := decodeToken(token)
		if err != nil {
			continue // one that is damaged is for nobody
		}
		for _, id := range recipientsOf(text) {
			if !slices.Contains(list, id) {
				list = append(list, id)
			}
		}
	}
	return list, nil
}

// ResealBundle opens those linked services of a bundle that are sealed for one of the opener's certificates and seals them
// again, for one gateway and its certificates. All others stay closed, as they came. The linked services' names bind as
// ever; references stay.
func ResealBundle(bundle []byte, from Opener, gateway string, to ...*x509.Certificate) ([]byte, error) {
	from.Resolve = nil
	return eachService(bundle, func(data []byte, path string) ([]byte, error) {
		sealedFor, err := SealedFor(data)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(from.Certificates, func(c *Certificate) bool { return slices.Contains(sealedFor, c.Thumbprint()) }) {
			return data, nil
		}
		opened, err := from.linkedService(data, path)
		if err != nil {
			return nil, err
		}
		sealed, err := SealFor(gateway, opened, to...)
		if err != nil {
			return nil, fmt.Errorf("seal again: %w", err)
		}
		return sealed, nil
	})
}
