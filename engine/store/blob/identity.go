package blob

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
)

// principal is an application that signs in at Entra, with a key or a certificate.
type principal struct {
	tenant, id string
	key        secret.String
	// certificate is a PFX or PEM with its private key, in Base64 or (PEM) as it is; password opens it.
	certificate, password secret.String
}

func (p *principal) given() bool { return p.id != "" }

// decode reads the properties, which Data Factory has in two generations.
func (p *principal) decode(ls *props.Object) {
	p.id, p.tenant = ls.String("servicePrincipalId"), ls.String("tenant")
	kind := ls.Enum("servicePrincipalCredentialType", "", "ServicePrincipalKey", "ServicePrincipalCert")
	p.key = ls.Secret("servicePrincipalKey")
	p.certificate, p.password = ls.Secret("servicePrincipalEmbeddedCert"), ls.Secret("servicePrincipalEmbeddedCertPassword")
	if credential := ls.Secret("servicePrincipalCredential"); !credential.Empty() {
		switch {
		case !p.key.Empty() || !p.certificate.Empty():
			ls.Problem(fault.BadInput, "servicePrincipalCredential", "key or certificate are given twice")
		case kind == "ServicePrincipalCert":
			p.certificate = credential
		default:
			p.key = credential
		}
	}
	if !p.given() {
		for _, name := range []string{"servicePrincipalKey", "servicePrincipalCredential", "servicePrincipalEmbeddedCert"} {
			if ls.Has(name) {
				ls.Problem(fault.BadInput, name, "servicePrincipalId is missing")
			}
		}
		return
	}
	if p.tenant == "" || p.key.Empty() && p.certificate.Empty() {
		ls.Problem(fault.BadInput, "servicePrincipalId", "tenant and servicePrincipalKey (or a certificate) are needed as well")
	}
	if !p.key.Empty() && !p.certificate.Empty() {
		ls.Problem(fault.BadInput, "servicePrincipalKey", "key and certificate exclude each other")
	}
}

// refuseCredential says why a reference to a credential of the factory does not help here.
func refuseCredential(ls *props.Object) {
	ls.Refuse("credential", "a factory's credentials stand for identities of Azure, which this computer does not have; use a service principal, key or SAS")
}

func readCloud(ls *props.Object) cloud.Configuration {
	switch ls.Enum("azureCloudType", "AzurePublic", "AzurePublic", "AzureChina", "AzureUsGovernment") {
	case "AzureChina":
		return cloud.AzureChina
	case "AzureUsGovernment":
		return cloud.AzureGovernment
	}
	return cloud.AzurePublic
}

// identity is what asks Entra for tokens.
func (a *account) identity() (azcore.TokenCredential, error) {
	o := azcore.ClientOptions{Cloud: a.cloud, Transport: &http.Client{Transport: a.out.Shared("entra", nil)}}
	p := &a.principal
	switch {
	case !p.given():
		// The environment's, a workload's, the virtual machine's, or that of the person who is signed in.
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: o})
	case p.certificate.Empty():
		return azidentity.NewClientSecretCredential(p.tenant, p.id, p.key.Reveal(), &azidentity.ClientSecretCredentialOptions{ClientOptions: o})
	}
	data := []byte(p.certificate.Reveal())
	if !strings.Contains(p.certificate.Reveal(), "-----BEGIN") {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.certificate.Reveal()), "")); err != nil {
			return nil, badCertificate()
		}
	}
	certificates, key, err := azidentity.ParseCertificates(data, []byte(p.password.Reveal()))
	if err != nil {
		return nil, badCertificate()
	}
	c, err := azidentity.NewClientCertificateCredential(p.tenant, p.id, certificates, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: o, SendCertificateChain: true})
	if err != nil {
		return nil, badCertificate()
	}
	return c, nil
}

// badCertificate leaves the library's words out: they can quote what was given.
func badCertificate() error {
	return fault.New(fault.BadInput, "the service principal's certificate cannot be read").
		Try("Give a PFX (Base64) with its password in servicePrincipalEmbeddedCertPassword, or a PEM with certificate and private key.")
}
