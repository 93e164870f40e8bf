package blob

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// lakeService is a linked service of a Data Lake for the account of a connection string.
func lakeService(t testing.TB, connection string) string {
	t.Helper()
	ls, err := props.Parse([]byte(linkedService(connection)), "$")
	if err != nil {
		t.Fatal(err)
	}
	a := decode(ls)
	m := map[string]any{"url": strings.Replace(a.endpoint, ".blob.", ".dfs.", 1), "accountKey": map[string]string{"type": "SecureString", "value": a.key.Reveal()}}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDataLakeConformance(t *testing.T) {
	connection := testserver.Azurite(t)
	wrong := regexp.MustCompile(`AccountKey=.{8}`).ReplaceAllString(connection, "AccountKey=AAAAAAAA")
	storetest.RunFiles(t, storetest.FileStore{
		Definition: DataLake(), LinkedService: lakeService(t, connection), BadSignIn: lakeService(t, wrong), Root: testserver.Container(),
	})
}

func TestDataLakeLinkedServices(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ json, want string }{
		"key":                               {`{"url":"https://acct.dfs.core.windows.net","accountKey":{"type":"SecureString","value":"a2V5"}}`, "https://acct.blob.core.windows.net acct key"},
		"signature":                         {`{"sasUri":{"type":"SecureString","value":"https://acct.dfs.core.windows.net/?sv=1&sig=s"}}`, "https://acct.blob.core.windows.net acct sas"},
		"signature of a file system, apart": {`{"sasUri":"https://acct.dfs.core.windows.net/fs","sasToken":"?sv=1&sig=s"}`, "https://acct.blob.core.windows.net acct sas only fs"},
		"service principal":                 {`{"url":"https://acct.dfs.core.chinacloudapi.cn/","servicePrincipalId":"id","servicePrincipalCredentialType":"ServicePrincipalKey","servicePrincipalCredential":{"type":"SecureString","value":"s"},"tenant":"t","azureCloudType":"AzureChina"}`, "https://acct.blob.core.chinacloudapi.cn acct principal"},
		"certificate":                       {`{"url":"https://acct.dfs.core.windows.net","servicePrincipalId":"id","servicePrincipalCredentialType":"ServicePrincipalCert","servicePrincipalCredential":"QUJD","tenant":"t"}`, "https://acct.blob.core.windows.net acct principal"},
		"own identity":                      {`{"url":"https://acct.dfs.core.windows.net"}`, "https://acct.blob.core.windows.net acct managed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ls, err := props.Parse([]byte(c.json), "$")
			if err != nil {
				t.Fatal(err)
			}
			a := decodeLake(ls)
			if err := ls.Err(); err != nil {
				t.Fatal(err)
			}
			got := a.endpoint + " " + a.name
			for word, is := range map[string]bool{" key": !a.key.Empty(), " sas": !a.sas.Empty(), " principal": a.principal.given(), " managed": a.managed} {
				if is {
					got += word
				}
			}
			if a.container != "" {
				got += " only " + a.container
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for text, want := range map[string]string{
		`{"accountKey":"a2V5"}`: "url",
		`{"url":"acct"}`:        "no address",
		`{"url":"https://a.dfs.core.windows.net","accountKey":"a2V5","servicePrincipalId":"x","tenant":"t","servicePrincipalKey":"k"}`: "exclude",
		`{"url":"https://a.dfs.core.windows.net","servicePrincipalId":"x"}`:                                                            "tenant",
		`{"url":"https://a.dfs.core.windows.net","servicePrincipalKey":"x"}`:                                                           "servicePrincipalId",
		`{"url":"https://a.dfs.core.windows.net","credential":{"referenceName":"c","type":"CredentialReference"}}`:                     "identities",
		`{"url":"https://a.dfs.core.windows.net","authenticationType":"AccountKey"}`:                                                   "AccountKey",
		`{"sasUri":"https://a.dfs.core.windows.net/fs"}`:                                                                               "signature",
		`{"url":"https://a.dfs.core.windows.net","other":1}`:                                                                           "other",
	} {
		ls, err := props.Parse([]byte(text), "$")
		if err != nil {
			t.Fatal(err)
		}
		decodeLake(ls)
		if err := ls.Err(); err == nil || !strings.Contains(fmt.Sprint(err, ls.Path(), props.Problems(err)[0].Target), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestACertificateSignsIn(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dmgateway"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	a := func(certificate string) error {
		content, _ := json.Marshal(certificate)
		ls, err := props.Parse([]byte(`{"url":"https://acct.dfs.core.windows.net","servicePrincipalId":"11111111-1111-1111-1111-111111111111","tenant":"t","servicePrincipalEmbeddedCert":`+string(content)+`}`), "$")
		if err != nil {
			t.Fatal(err)
		}
		a := decodeLake(ls)
		if err := ls.Err(); err != nil {
			t.Fatal(err)
		}
		_, err = a.client()
		return err
	}
	if err := a(text); err != nil {
		t.Error(err)
	}
	if err := a(text[:200]); err == nil || strings.Contains(err.Error(), "MII") {
		t.Error(err)
	}
	if err := a("no Base64!"); err == nil {
		t.Error("it is taken")
	}
}

// A hierarchical namespace shows its folders to this endpoint as empty blobs with a mark.
func TestFoldersOfAHierarchicalNamespaceAreNoFiles(t *testing.T) {
	connection := testserver.Azurite(t)
	box := testserver.Container()
	f := opened(t, linkedService(connection))
	c, err := service.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateContainer(t.Context(), box, nil); err != nil {
		t.Fatal(err)
	}
	put := func(name, content string, metadata map[string]*string) {
		_, err := c.NewContainerClient(box).NewBlockBlobClient(name).Upload(t.Context(), streaming.NopCloser(strings.NewReader(content)), &blockblob.UploadOptions{Metadata: metadata})
		if err != nil {
			t.Fatal(err)
		}
	}
	folder := map[string]*string{"hdi_isfolder": to.Ptr("true")}
	put("a", "", folder)
	put("a/b", "", folder)
	put("a/b/file", "x", nil)
	put("a/empty", "", nil)
	put("a/trailing/", "", nil)
	for recursive, want := range map[bool]string{true: "[a/b/file a/empty]", false: "[a/empty]"} {
		var got []string
		if err := f.List(t.Context(), box+"/a", recursive, func(v store.File) error {
			got = append(got, strings.TrimPrefix(v.Path, box+"/"))
			return nil
		}); err != nil || fmt.Sprint(got) != want {
			t.Errorf("recursive %v: %q, %v", recursive, got, err)
		}
	}
	look := func(at string) (got []string) {
		ls, err := props.Parse([]byte(lakeService(t, connection)), "$")
		if err != nil {
			t.Fatal(err)
		}
		if err := DataLake().Browse(ls)(t.Context(), store.Env{}, at, func(e store.Entry) error {
			got = append(got, e.Kind+" "+e.Path)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got, want := fmt.Sprint(look(box+"/a")), fmt.Sprintf("[folder %[1]s/a/b file %[1]s/a/empty folder %[1]s/a/trailing]", box); got != want {
		t.Errorf("browsing shows %s, want %s", got, want)
	}
	if got := fmt.Sprint(look("")); !strings.Contains(got, "container "+box) {
		t.Errorf("the containers are %s", got)
	}
}
