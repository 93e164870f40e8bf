package factory

import (
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
)

// sealingRow is what the factory's own sealing certificate is bound to in the database, and its name in the table meta.
const sealingRow = "sealing certificate"

// openSealing reads the certificate for which the factory seals what it was given in the clear, making it at first start.
// Its private key lies in the database as the other secrets do. What it opens, whoever has the factory's folder opens too:
// that is why a credential sealed by the gateway itself is the safer one.
func (f *Factory) openSealing(ctx context.Context) error {
	var failed error
	text, err := f.meta(ctx, sealingRow, func() string {
		c, err := credential.NewCertificateOf(credential.ECP256, "Data Management Gateway factory "+f.name)
		if err != nil {
			failed = err
			return ""
		}
		private, err := c.MarshalPrivate()
		failed = err
		return base64.StdEncoding.EncodeToString(f.secrets.seal(string(private), sealingRow))
	})
	if err != nil || failed != nil {
		return firstOf(failed, err)
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	private, err := f.secrets.open(sealed, sealingRow)
	if err != nil {
		return err
	}
	f.sealing, err = credential.ParsePrivate([]byte(private))
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// nodeCertificate is the call by which a node says that its certificate has changed. It answers which linked services are
// sealed for which certificates, so that the gateway can say which must be set again.
func (f *Factory) nodeCertificate(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.CertificateRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx, now := r.Context(), time.Now()
	out := protocol.CertificateResponse{Sealed: []protocol.SealedService{}}
	var changed *x509.Certificate
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		if err := touch(ctx, tx, n.ID, now); err != nil {
			return err
		}
		if len(in.Certificate) > 0 {
			c, err := checkCertificate(in.Certificate)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE nodes SET certificate = ? WHERE id = ?", in.Certificate, n.ID); err != nil {
				return err
			}
			if string(in.Certificate) != string(n.certificate) {
				changed = c
			}
		}
		var err error
		out.Sealed, err = f.sealedServices(ctx, tx, n.Gateway)
		return err
	})
	if err != nil {
		return err
	}
	if changed != nil {
		f.o.Log.Info("node changed its certificate", logging.Key, logging.NodeCertificate, "node", n.Name, "thumbprint", credential.Thumbprint(changed))
	}
	return writeJSON(w, http.StatusOK, out)
}

// checkCertificate reads a node's certificate, for which it must be possible to seal. An expired one is taken: it opens what
// was sealed for it, and nobody trusts it for more.
func checkCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fault.New(fault.BadInput, "the gateway's certificate cannot be read").At("$.certificate").Because(err)
	}
	if err := credential.CheckKey(c); err != nil {
		e := *fault.As(err)
		e.Target = "$.certificate"
		return nil, &e
	}
	return c, nil
}

// sealedServices are the linked services that a gateway may have to open: its own, and those that name no gateway.
func (f *Factory) sealedServices(ctx context.Context, q querier, gatewayID string) ([]protocol.SealedService, error) {
	list := []protocol.SealedService{}
	g, err := scanGateway(q.QueryRowContext(ctx, "SELECT "+gatewayColumns+" FROM gateways WHERE id = ?", gatewayID).Scan)
	if err != nil {
		return nil, err
	}
	all, err := listResources(ctx, q, kindLinkedService)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if name := readLinkedService(r.Properties).gateway(); name != "" && !strings.EqualFold(name, g.Name) {
			continue
		}
		doc, err := r.document()
		if err != nil {
			return nil, err
		}
		recipients, err := credential.SealedFor(doc)
		if err != nil {
			return nil, err
		}
		if len(recipients) > 0 {
			list = append(list, protocol.SealedService{Name: r.Name, Recipients: recipients, Factory: f.sealedHere(recipients)})
		}
	}
	return list, nil
}
