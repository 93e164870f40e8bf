package wire

import "time"

// CredentialLinkAction is the last part of a linked service's path by which links for setting its credential are made. It
// is no part of Data Factory.
const CredentialLinkAction = "credentialLink"

// CredentialLinks lead to the pages at which the credential of a linked service is set. Each works once.
type CredentialLinks struct {
	LinkedService string           `json:"linkedService"`
	Gateway       string           `json:"gateway"`
	Expires       time.Time        `json:"expires"`
	Links         []CredentialLink `json:"links"` // one for each node that serves one
}

// CredentialLink is the page of one node.
type CredentialLink struct {
	Node string `json:"node"`
	URL  string `json:"url"`
	// Thumbprint is that of the node's certificate, for which the credential will be sealed.
	Thumbprint string `json:"thumbprint"`
}
