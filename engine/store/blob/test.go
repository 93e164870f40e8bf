package blob

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// test connects in stages. Behind a proxy the first three belong to the proxy and are left out.
func (a *account) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	stage := func(name string, do func() (detail string, err error)) error {
		began := time.Now()
		detail, err := do()
		report(store.Stage{Name: name, Detail: detail, Took: time.Since(began), Err: err})
		return err
	}
	u, err := url.Parse(a.endpoint)
	if err != nil {
		return fault.New(fault.BadInput, "the service's address cannot be read").At(a.endpoint)
	}
	a = a.via(env)
	if !a.out.ProxiedURL(ctx, u) {
		if err := a.network(ctx, u, stage); err != nil {
			return err
		}
	}
	f, err := open(a)
	if err != nil {
		return err
	}
	if err := stage("sign-in", func() (string, error) { return a.name, f.signIn(ctx) }); err != nil {
		return err
	}
	if a.container == "" {
		return nil
	}
	return stage("folder", func() (string, error) { return a.container, f.look(ctx) })
}

// network looks at the way to the service: name, TCP, TLS.
func (a *account) network(ctx context.Context, u *url.URL, stage func(string, func() (string, error)) error) error {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	at := net.JoinHostPort(host, port)
	if net.ParseIP(host) == nil {
		err := stage("name", func() (string, error) {
			ips, err := net.DefaultResolver.LookupHost(ctx, host)
			if err != nil {
				return host, a.unreachable("find the name of", at, err)
			}
			return host + " is " + ips[0], nil
		})
		if err != nil {
			return err
		}
	}
	var conn net.Conn
	err := stage("tcp", func() (_ string, err error) {
		if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", at); err != nil {
			return at, a.unreachable("connect to", at, err)
		}
		return at, nil
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	if u.Scheme != "https" {
		return nil
	}
	return stage("tls", func() (string, error) {
		t := tls.Client(conn, &tls.Config{ServerName: host})
		if err := t.HandshakeContext(ctx); err != nil {
			return at, a.unreachable("speak TLS with", at, err)
		}
		return tls.VersionName(t.ConnectionState().Version), nil
	})
}

// signIn asks for something small. An answer that this identity may not ask for that is a sign-in as well.
func (f *files) signIn(ctx context.Context) error {
	var err error
	if f.account.container != "" {
		err = f.look(ctx)
	} else {
		_, err = f.client.NewListContainersPager(&service.ListContainersOptions{MaxResults: to.Ptr[int32](1)}).NextPage(ctx)
		if err != nil {
			err = f.account.explain("sign in to", "", err)
		}
	}
	if fault.Is(err, fault.Forbidden) || f.account.container != "" && fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// look lists one blob of the only container.
func (f *files) look(ctx context.Context) error {
	o := &container.ListBlobsFlatOptions{MaxResults: to.Ptr[int32](1)}
	_, err := f.client.NewContainerClient(f.account.container).NewListBlobsFlatPager(o).NextPage(ctx)
	if err != nil {
		return f.account.explain("list blobs", f.account.container, err)
	}
	return nil
}
