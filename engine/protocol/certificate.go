package protocol

// CertificateRequest tells the factory a node's present certificate, with the node's token, and asks which linked services
// are sealed for what.
type CertificateRequest struct {
	// Certificate is the public certificate, DER. Empty only asks.
	Certificate []byte `json:"certificate,omitempty"`
}

// CertificateResponse answers it.
type CertificateResponse struct {
	// Sealed are the linked services with a sealed credential that the node's gateway may have to open, by name.
	Sealed []SealedService `json:"sealed"`
}

// SealedService says for which certificates a linked service's credential is sealed.
type SealedService struct {
	Name       string   `json:"name"`
	Recipients []string `json:"recipients"` // thumbprints
	// Factory is set where it is sealed for the factory, which seals it anew for each job.
	Factory bool `json:"factory,omitempty"`
}
