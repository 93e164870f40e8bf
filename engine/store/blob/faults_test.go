package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
)

const signature = "sv=2026&sig=hunter2"

// against opens a store on a service that answers as fn does, without retries.
func against(t *testing.T, fn http.HandlerFunc) *files {
	t.Helper()
	s := httptest.NewServer(fn)
	t.Cleanup(s.Close)
	a := &account{endpoint: s.URL + "/acct", name: "acct", sas: secret.New(signature)}
	o := &service.ClientOptions{}
	o.Retry = policy.RetryOptions{MaxRetries: -1}
	o.Transport = s.Client()
	c, err := service.NewClientWithNoCredential(a.endpoint+"/?"+signature, o)
	if err != nil {
		t.Fatal(err)
	}
	return &files{account: a, client: c}
}

func TestAnswersOfTheService(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status    int
		code      string
		want      string
		transient bool
	}{
		{403, "AuthenticationFailed", fault.SignInFailed, false},
		{403, "AuthorizationFailure", fault.SignInFailed, false},
		{403, "AuthorizationPermissionMismatch", fault.Forbidden, false},
		{403, "AuthorizationSourceIPMismatch", fault.Forbidden, false},
		{403, "", fault.SignInFailed, false},
		{401, "NoAuthenticationInformation", fault.SignInFailed, false},
		{404, "ContainerNotFound", fault.NotFound, false},
		{404, "BlobNotFound", fault.NotFound, false},
		{404, "", fault.NotFound, false},
		{412, "ConditionNotMet", fault.Conflict, false},
		{409, "InvalidBlobType", fault.Conflict, false},
		{409, "BlobArchived", fault.Conflict, false},
		{412, "LeaseIdMissing", fault.Conflict, false},
		{503, "ServerBusy", fault.StoreFailed, true},
		{500, "", fault.StoreFailed, true},
		{429, "", fault.StoreFailed, true},
		{400, "Whatever", fault.StoreFailed, false},
	} {
		t.Run(fmt.Sprint(c.status, c.code), func(t *testing.T) {
			t.Parallel()
			f := against(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.code != "" {
					w.Header().Set("x-ms-error-code", c.code)
				}
				w.WriteHeader(c.status)
			})
			_, err := f.Stat(t.Context(), "box/file")
			if fault.Code(err) != c.want || fault.IsTransient(err) != c.transient {
				t.Errorf("got %s, transient %t: %v", fault.Code(err), fault.IsTransient(err), err)
			}
			if (c.want == fault.NotFound) != errors.Is(err, fs.ErrNotExist) {
				t.Errorf("not existing: %v", err)
			}
			if fault.As(err).Hint == "" && c.code != "Whatever" {
				t.Error("nobody says what to do")
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "hunter2") {
				t.Errorf("the signature is in %v", err)
			}
		})
	}
}

func TestNetworkErrorsHideTheSignature(t *testing.T) {
	t.Parallel()
	f := against(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
	})
	_, err := f.Stat(t.Context(), "box/file")
	if fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	f.account.endpoint = "https://no-such-account.invalid"
	a := &account{endpoint: f.account.endpoint, name: "x", sas: secret.New(signature)}
	err = a.test(t.Context(), store.Env{}, func(s store.Stage) {
		if s.Err == nil {
			t.Errorf("stage %s succeeds", s.Name)
		}
	})
	if fault.Code(err) != fault.Unreachable || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestCancellationIsNoFault(t *testing.T) {
	t.Parallel()
	f := against(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Stat(ctx, "box/file"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSignatureOfOneContainer(t *testing.T) {
	t.Parallel()
	f := against(t, func(http.ResponseWriter, *http.Request) { t.Error("the service is asked") })
	f.account.container = "own"
	if _, err := f.Stat(t.Context(), "other/file"); fault.Code(err) != fault.Forbidden {
		t.Errorf("got %v", err)
	}
	if err := f.List(t.Context(), "other", true, nil); fault.Code(err) != fault.Forbidden {
		t.Errorf("got %v", err)
	}
}

func TestFolderStubs(t *testing.T) {
	t.Parallel()
	yes := "true"
	for name, want := range map[string]bool{"a/": true, "a": false} {
		if got := folderStub(name, nil); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
	if !folderStub("a", map[string]*string{"Hdi_isfolder": &yes}) {
		t.Error("a folder's metadata is not seen")
	}
}
