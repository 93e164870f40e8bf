// Package filesystem is the store of local folders and mounted or UNC shares: Data Factory's FileServer.
package filesystem

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Definition is the store's entry in the registry.
func Definition() store.Definition {
	return store.Definition{
		Name:           "filesystem",
		Title:          "File system",
		LinkedServices: []string{"FileServer", "OnPremisesFileServer"},
		Datasets:       []string{"FileShare"},
		Sources:        []string{"FileSystemSource"},
		Sinks:          []string{"FileSystemSink"},
		Test:           decodeTest,
		Browse:         decodeBrowse,
		Files: &store.FileDefinition{
			Locations:     []string{"FileServerLocation"},
			ReadSettings:  []string{"FileServerReadSettings"},
			WriteSettings: []string{"FileServerWriteSettings"},
			RecursiveV1:   false,
			Open:          decode,
		},
	}
}

// anywhere is the host of linked services from before version 2.0: the dataset's folderPath is the whole path then.
const anywhere = "localhost"

// decode reads a linked service: host, and a user that must be the gateway's own.
func decode(ls *props.Object) store.OpenFiles {
	host := readHost(ls)
	return func(_ context.Context, env store.Env) (store.Files, error) { return open(host, env) }
}

func decodeTest(ls *props.Object) store.Test {
	host := readHost(ls)
	return func(_ context.Context, env store.Env, report func(store.Stage)) error {
		began := time.Now()
		f, err := open(host, env)
		if err == nil {
			err = f.look()
		}
		report(store.Stage{Name: "folder", Detail: host, Took: time.Since(began), Err: err})
		return err
	}
}

func readHost(ls *props.Object) string {
	host := strings.TrimSpace(ls.Required("host"))
	user := ls.String("userId")
	ls.Secret("password")
	if user != "" {
		ls.Problem(fault.Unsupported, "userId", "%s", otherUser)
	} else {
		ls.Warn("password", "has no effect without userId: files are opened by the account that the gateway runs under")
	}
	if strings.HasPrefix(host, `\\.\`) || strings.HasPrefix(host, `\\?\`) {
		ls.Problem(fault.BadInput, "host", "%q is a device; give a folder such as \\\\server\\share or D:\\", host)
	}
	return host
}

// otherUser does not ask on which system it runs: a factory reads linked services of gateways on any.
const otherUser = "files are opened by the account that the gateway runs under; let that account use the share, or mount it with this user " +
	"(on Windows, store the user with cmdkey), and remove userId and password"

// windowsPath tells \\server\share and D:\ from other paths.
func windowsPath(p string) bool {
	return strings.HasPrefix(p, `\\`) || len(p) >= 2 && p[1] == ':'
}

// open checks that the root is there.
func open(host string, env store.Env) (*files, error) {
	f := &files{env: env, swept: map[string]bool{}}
	if strings.EqualFold(host, anywhere) {
		f.any = true
		return f, nil
	}
	if runtime.GOOS != "windows" && windowsPath(host) {
		return nil, fault.New(fault.BadInput, "%q is a path of Windows but the gateway runs on %s", host, runtime.GOOS).At(host).
			Try("Mount the share and give the mounted folder as the linked service's host.")
	}
	if runtime.GOOS == "windows" && len(host) == 2 && host[1] == ':' { // without the backslash the drive's present folder
		host += `\`
	}
	root, err := filepath.Abs(host)
	if err != nil {
		return nil, fault.New(fault.BadInput, "open folder").At(host).Because(err)
	}
	f.root = root
	real, err := f.allowed(root, false)
	if err != nil && !fault.Is(err, fault.FolderNotAllowed) {
		return nil, err
	}
	if err != nil {
		// The root itself need not be allowed: folders below it may be, and each path is asked for when it is used.
		return f, nil
	}
	info, err := os.Stat(real)
	if err != nil {
		return nil, explain("open folder", root, err)
	}
	if !info.IsDir() {
		return nil, fault.New(fault.BadInput, "open folder").At(root).Try("The linked service's host must be a folder; this is a file.")
	}
	return f, nil
}

// look reads a little of the root, to know whether that is possible.
func (f *files) look() error {
	if f.any {
		return nil
	}
	real, err := f.allowed(f.root, false)
	if err != nil {
		return err
	}
	d, err := os.Open(real)
	if err != nil {
		return explain("read folder", f.root, err)
	}
	defer d.Close()
	if _, err := d.Readdirnames(1); err != nil && !isEOF(err) {
		return explain("read folder", f.root, err)
	}
	return nil
}
