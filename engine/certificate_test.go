package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

const vaultPassword = "S3CRET-of-the-ledger"

// sealedPipeline copies from memory into a SQLite file whose connection string is sealed for an engine's certificate and
// gateway.
func (w *world) sealedPipeline(e *Engine, gateway string) {
	w.t.Helper()
	w.pipeline(gateway, 100)
	w.put("linkedservices", "Shop", w.sealed(e, gateway))
	w.put("datasets", "t", `{"type":"SQLiteTable","linkedServiceName":{"referenceName":"Shop","type":"LinkedServiceReference"},"typeProperties":{"tableName":"t"}}`)
	w.put("pipelines", "shop", `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"in","type":"DatasetReference"}],
		"outputs":[{"referenceName":"t","type":"DatasetReference"}],"typeProperties":{"source":{"type":"MemorySource"},"sink":{"type":"SQLiteSink","tableOption":"autoCreate"}}}]}`)
}

// shop is the linked service that sealedPipeline writes to, with its secret in the clear.
func (w *world) shop(gateway string) string {
	return fmt.Sprintf(`{"type":"SQLite","connectVia":{"referenceName":%q,"type":"IntegrationRuntimeReference"},"typeProperties":{"connectionString":{"type":"SecureString","value":%q}}}`,
		gateway, "Data Source="+filepath.Join(w.dir, vaultPassword+".db"))
}

func (w *world) sealed(e *Engine, gateway string) string {
	w.t.Helper()
	info, err := e.Certificate(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	sealed, err := credential.SealFor(info.Gateway, []byte(`{"name":"Shop","properties":`+w.shop(gateway)+`}`), e.certificate().Leaf)
	if err != nil {
		w.t.Fatal(err)
	}
	var document struct{ Properties json.RawMessage }
	if err := json.Unmarshal(sealed, &document); err != nil {
		w.t.Fatal(err)
	}
	return string(document.Properties)
}

// allow lets jobs write where the sealed linked service points to.
func (w *world) allow(e *Engine) {
	w.t.Helper()
	if err := e.SetSetting(w.t.Context(), SettingFolders, w.dir); err != nil {
		w.t.Fatal(err)
	}
}

// stranger is an engine whose own certificate differs from the one that other engines of the test share.
func (w *world) stranger(name string) *Engine {
	w.t.Helper()
	e := openEngine(w.t, filepath.Join(w.dir, name), func(o *Options) { o.stores, o.Log = w.stores(), dbg })
	if _, err := e.NewCertificate(w.t.Context(), credential.ECP256); err != nil {
		w.t.Fatal(err)
	}
	before := e.ring.Load().Former[0].Thumbprint()
	if err := e.ForgetCertificate(w.t.Context(), before); err != nil {
		w.t.Fatal(err)
	}
	return e
}

// A gateway moves to another machine: recreate the key, register there, import the old certificate; the credentials that were
// set for the old machine open on the new one.
func TestAGatewayMovesToAnotherMachineWithItsCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.node("old", w.gateway("gw"))
	w.allow(old)
	w.sealedPipeline(old, "gw")
	run, _ := w.run("shop")
	if d := w.wait(run); d.Status != Succeeded {
		t.Fatalf("on the old machine: %+v", d)
	}
	backup, err := old.ExportCertificate(t.Context(), "backup password")
	if err != nil {
		t.Fatal(err)
	}

	key, err := w.client.RecreateKey(t.Context(), "gw")
	if err != nil {
		t.Fatal(err)
	}
	w.state(old, NeedRegistration)
	fresh := w.stranger("fresh")
	w.allow(fresh)
	if err := fresh.Register(t.Context(), key, "fresh", nil); err != nil {
		t.Fatal(err)
	}
	w.state(fresh, Connected)
	run, _ = w.run("shop")
	if d := w.wait(run); d.Status != Failed || !strings.Contains(fmt.Sprintf("%+v", d), "another certificate") {
		t.Errorf("without the old certificate: %+v", d)
	}
	check, err := fresh.CheckCertificate(t.Context())
	if err != nil || !slices.Equal(check.SetAgain, []string{"Shop"}) || !slices.Equal(check.Closed, []string{"Shop"}) || check.Unknown != "" {
		t.Errorf("before the import: %+v, %v", check, err)
	}

	if _, err := fresh.ImportCertificate(t.Context(), backup, "wrong"); fault.Code(err) != fault.SignInFailed {
		t.Errorf("wrong password: %v", err)
	}
	change, err := fresh.ImportCertificate(t.Context(), backup, "backup password")
	if err != nil || change.Unknown != "" || len(change.SetAgain) > 0 || change.Certificate.Thumbprint != old.certificate().Thumbprint() {
		t.Fatalf("import: %+v, %v", change, err)
	}
	run, _ = w.run("shop")
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("on the new machine: %+v", d)
	}
	mustNotHold(t, "the log", logOf(t, fresh), vaultPassword, "backup password", "wrong password")
}

func TestAChangedCertificateStillOpensWhatWasSealedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	c := dial(t, e.Data())
	w.allow(e)
	w.sealedPipeline(e, "gw")
	before := e.certificate().Thumbprint()
	g := w.hold()
	running, _ := w.run("shop")
	g.wait(t)
	change, err := c.NewCertificate(t.Context(), credential.ECP384)
	if err != nil || !slices.Equal(change.SetAgain, []string{"Shop"}) || len(change.Closed) > 0 || change.Certificate.Key != "EC P-384" {
		t.Fatalf("%+v, %v", change, err)
	}
	if s, err := c.Status(t.Context()); err != nil || s.Certificate.Thumbprint != change.Certificate.Thumbprint {
		t.Errorf("status %+v, %v", s.Certificate, err)
	}
	close(g.release)
	if d := w.wait(running); d.Status != Succeeded {
		t.Errorf("the job that ran: %+v", d)
	}
	run, _ := w.run("shop")
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("sealed for the former certificate: %+v", d)
	}
	info, err := c.Certificate(t.Context())
	if err != nil || len(info.Former) != 1 || info.Former[0].Thumbprint != before || info.Gateway != e.identity.Gateway || !strings.HasPrefix(info.PEM, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("%+v, %v", info, err)
	}

	// Set again, nothing needs the former one any more.
	w.put("linkedservices", "Shop", w.sealed(e, "gw"))
	if check, err := c.CheckCertificate(t.Context()); err != nil || len(check.SetAgain) > 0 {
		t.Errorf("set again: %+v, %v", check, err)
	}
	if err := c.ForgetCertificate(t.Context(), change.Certificate.Thumbprint); fault.Code(err) != fault.Conflict {
		t.Errorf("the present one: %v", err)
	}
	if err := c.ForgetCertificate(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	run, _ = w.run("shop")
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("without the former certificate: %+v", d)
	}
	pfx, err := c.ExportCertificate(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if back, err := credential.ImportPFX(pfx, "p"); err != nil || back.Thumbprint() != change.Certificate.Thumbprint {
		t.Errorf("exported %v", err)
	}
	if _, err := c.ExportCertificate(t.Context(), ""); fault.Code(err) != fault.BadInput {
		t.Errorf("without password: %v", err)
	}
	if _, err := c.NewCertificate(t.Context(), "dsa"); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := c.ImportCertificate(t.Context(), []byte("x"), ""); fault.Code(err) != fault.BadData {
		t.Errorf("no PFX: %v", err)
	}
}

func TestTheFactoryHearsOfACertificateThatWasChangedWhileItCouldNotBeReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	// A secret in the clear is sealed by the factory, for the certificate that it knows.
	w.allow(e)
	w.sealedPipeline(e, "gw")
	w.put("linkedservices", "Shop", w.shop("gw"))
	w.stop()
	w.state(e, Disconnected)
	change, err := e.NewCertificate(t.Context(), credential.ECP256)
	if err != nil || change.Unknown == "" || len(change.SetAgain) > 0 {
		t.Fatalf("%+v, %v", change, err)
	}
	for _, former := range change.Certificate.Former {
		if err := e.ForgetCertificate(t.Context(), former.Thumbprint); err != nil {
			t.Fatal(err)
		}
	}
	w.up()
	w.state(e, Connected)
	waitTold(t, e)
	run, _ := w.run("shop")
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("%+v", d)
	}
	check, err := e.CheckCertificate(t.Context())
	if err != nil || len(check.SetAgain) > 0 || check.Unknown != "" {
		t.Errorf("what the factory seals itself has to be set again: %+v, %v", check, err)
	}
}

func waitTold(t *testing.T, e *Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	want := e.identity.Node + " " + e.certificate().Thumbprint()
	for {
		told, _, err := e.journal.Setting(ctx, settingCertificateTold)
		if err != nil {
			t.Fatal(err)
		}
		if told == want {
			return
		}
		time.Sleep(10 * time.Millisecond) // polling, with a deadline
	}
}

func TestSecretsOfTheMachineAreReadOnlyWhereTheOperatorAllowedIt(t *testing.T) {
	e := openEngine(t, t.TempDir())
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.MkdirAll(secrets, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"secrets/shop": "geheim\n", "elsewhere": "private"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(secrets, "link")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_PASSWORD", "auch geheim")
	t.Setenv("OTHER_PASSWORD", "private")
	t.Setenv(credential.EnvPassphrase, "")
	open := func(reference string) (string, error) {
		bundle := `{"linkedServices":[{"name":"s","properties":{"typeProperties":{"password":` + reference + `}}}]}`
		out, err := e.opener(protocol.Job{}).Bundle([]byte(bundle))
		return string(out), err
	}
	variable := func(name string) string { return `{"type":"EnvironmentVariable","name":"` + name + `"}` }
	file := func(path string) string { return fmt.Sprintf(`{"type":"File","path":%q}`, path) }

	for _, r := range []string{variable("SHOP_PASSWORD"), file(filepath.Join(secrets, "shop"))} {
		if _, err := open(r); fault.Code(err) != fault.Forbidden || !strings.Contains(fault.As(err).Hint, SettingSecretReferences) {
			t.Errorf("%s before it was allowed: %v", r, err)
		}
	}
	if err := e.SetSetting(t.Context(), SettingSecretReferences, " SHOP_PASSWORD ,"+secrets+"/"); err != nil {
		t.Fatal(err)
	}
	for r, want := range map[string]string{variable("SHOP_PASSWORD"): `"auch geheim"`, file(filepath.Join(secrets, "shop")): `"geheim"`} {
		if got, err := open(r); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s, %v", r, got, err)
		}
	}
	for name, r := range map[string]string{
		"another variable": variable("OTHER_PASSWORD"), "the program's own": variable(credential.EnvPassphrase), "in another case": variable("shop_password"),
		"a file elsewhere": file(filepath.Join(dir, "elsewhere")), "a way out": file(secrets + "/../elsewhere"), "a link out": file(filepath.Join(secrets, "link")),
		"the vault": file(filepath.Join(e.Data(), vaultFileName)), "its key": file(filepath.Join(e.Data(), "vault.key")),
	} {
		if got, err := open(r); fault.Code(err) != fault.Forbidden || strings.Contains(got, "private") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, err := open(file("relative")); fault.Code(err) != fault.BadInput {
		t.Errorf("a relative path: %v", err)
	}
	// Not even where the operator allows too much.
	t.Setenv(credential.EnvPassphraseFile, filepath.Join(secrets, "shop"))
	if _, err := open(file(filepath.Join(secrets, "shop"))); fault.Code(err) != fault.Forbidden {
		t.Errorf("the passphrase: %v", err)
	}
	if err := e.SetSetting(t.Context(), SettingSecretReferences, filepath.Dir(e.Data())); err != nil {
		t.Fatal(err)
	}
	if _, err := open(file(filepath.Join(e.Data(), "vault.key"))); fault.Code(err) != fault.Forbidden {
		t.Errorf("the vault's key: %v", err)
	}
	for _, value := range []string{"/", "DMG_PASSPHRASE", "a b", "relative/path", "1X"} {
		if err := e.SetSetting(t.Context(), SettingSecretReferences, value); fault.Code(err) != fault.BadInput {
			t.Errorf("setting %q: %v", value, err)
		}
	}
}

func TestSecretsAreProtectedByAPassphraseOverTheControlSocket(t *testing.T) {
	data := t.TempDir()
	e := openEngine(t, data)
	c := dial(t, data)
	const phrase = "correct horse battery staple"
	if _, err := c.ProtectSecrets(t.Context(), "short"); fault.Code(err) != fault.BadInput {
		t.Errorf("a short passphrase: %v", err)
	}
	info, err := c.ProtectSecrets(t.Context(), phrase)
	if err != nil || info.KeptIn != "passphrase" {
		t.Fatalf("%+v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(data, "vault.key")); !os.IsNotExist(err) {
		t.Errorf("the key file is there still: %v", err)
	}
	mustNotHold(t, "the log", logOf(t, e), phrase)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: data}); fault.Code(err) != fault.SignInFailed || fault.As(err).Hint == "" {
		t.Errorf("without the passphrase: %v", err)
	}
	file := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(file, []byte(phrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(credential.EnvPassphraseFile, file)
	e = openEngine(t, data)
	if info, err := e.ProtectSecrets(t.Context(), ""); err != nil || info.KeptIn != "file" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestALostVaultIsSaidAndNotReplacedSilently(t *testing.T) {
	data := t.TempDir()
	o := Options{Data: data, Version: "1.0.0", KeyStore: credential.FileKeyStore(filepath.Join(data, "vault.key")), endpointPort: -1}
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	before := e.certificate().Thumbprint()
	if w := e.warnings.list(); slices.ContainsFunc(w, func(w Warning) bool { return w.ID == "vault" }) {
		t.Errorf("a first start warns: %+v", w)
	}
	if err := errors.Join(e.journal.SetSetting(t.Context(), settingCertificateTold, "node "+before), e.Close(), os.Remove(filepath.Join(data, vaultFile))); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	i := slices.IndexFunc(e.warnings.list(), func(w Warning) bool { return w.ID == "vault" })
	if i < 0 || !e.warnings.list()[i].Grave || !strings.Contains(e.warnings.list()[i].Text, before) {
		t.Errorf("the warnings are %+v", e.warnings.list())
	}
}
