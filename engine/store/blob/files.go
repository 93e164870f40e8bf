package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"sort"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// readRetries is how often a broken download goes on from where it broke.
const readRetries = 5

// files is an opened account.
type files struct {
	account *account
	client  *service.Client
}

var (
	_ store.Files    = (*files)(nil)
	_ store.Searcher = (*files)(nil)
)

// Close has nothing to end: the client's connections belong to the process.
func (f *files) Close() error { return nil }

// split takes a path apart. A signature for one container refuses the others.
func (f *files) split(p string) (cont, name string, err error) {
	cont, name, _ = strings.Cut(p, "/")
	if own := f.account.container; own != "" && cont != own {
		return "", "", fault.New(fault.Forbidden, "the linked service's signature is for the container %q only", own).At(p)
	}
	return cont, name, nil
}

func (f *files) blob(p string) (*container.Client, string, error) {
	cont, name, err := f.split(p)
	if err != nil {
		return nil, "", err
	}
	if cont == "" || name == "" {
		return nil, "", fault.New(fault.BadInput, "the path names no blob").At(p).Try("A path is container/folder/file.")
	}
	return f.client.NewContainerClient(cont), name, nil
}

// Stat asks for a blob's properties.
func (f *files) Stat(ctx context.Context, p string) (store.File, error) {
	c, name, err := f.blob(p)
	if err != nil {
		return store.File{}, err
	}
	r, err := c.NewBlobClient(name).GetProperties(ctx, nil)
	if err != nil {
		return store.File{}, f.account.explain("look at blob", p, err)
	}
	if folderStub(name, r.Metadata) {
		return store.File{}, f.account.explain("look at blob", p, fs.ErrNotExist)
	}
	v := store.File{Path: p, Size: deref(r.ContentLength), MD5: r.ContentMD5, ETag: string(deref(r.ETag))}
	v.Modified = deref(r.LastModified).UTC()
	return v, nil
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// folderStub recognises the empty blobs that stand for folders.
func folderStub(name string, metadata map[string]*string) bool {
	if strings.HasSuffix(name, "/") {
		return true
	}
	for k, v := range metadata {
		if strings.EqualFold(k, "hdi_isfolder") && v != nil && strings.EqualFold(*v, "true") {
			return true
		}
	}
	return false
}

// List asks page by page; the service answers in the order of the names.
func (f *files) List(ctx context.Context, folder string, recursive bool, fn func(store.File) error) error {
	if folder == "" && f.account.container == "" {
		return f.listAll(ctx, recursive, fn)
	}
	if folder == "" {
		if !recursive {
			return nil
		}
		folder = f.account.container
	}
	cont, prefix, err := f.split(folder)
	if err != nil {
		return err
	}
	if prefix != "" {
		prefix += "/"
	}
	return f.list(ctx, cont, prefix, recursive, fn)
}

// listAll goes through all containers. Files lie only in containers, so there is nothing without recursive.
func (f *files) listAll(ctx context.Context, recursive bool, fn func(store.File) error) error {
	if !recursive {
		return nil
	}
	var names []string
	for pager := f.client.NewListContainersPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return f.account.explain("list containers", "", err)
		}
		for _, c := range page.ContainerItems {
			names = append(names, deref(c.Name)+"/")
		}
	}
	sort.Strings(names)
	for _, name := range names {
		if err := f.list(ctx, strings.TrimSuffix(name, "/"), "", true, fn); err != nil {
			return err
		}
	}
	return nil
}

func (f *files) list(ctx context.Context, cont, prefix string, recursive bool, fn func(store.File) error) error {
	next := f.pages(cont, prefix, recursive)
	for {
		items, more, err := next(ctx)
		if bloberror.HasCode(err, bloberror.ContainerNotFound) {
			return nil // a folder that does not exist has no files
		}
		if err != nil {
			return f.account.explain("list blobs", joined(cont, strings.TrimSuffix(prefix, "/")), err)
		}
		for _, b := range items {
			name := deref(b.Name)
			if b.Properties == nil || folderStub(name, b.Metadata) {
				continue
			}
			v := store.File{Path: joined(cont, name), Size: deref(b.Properties.ContentLength), MD5: b.Properties.ContentMD5}
			v.Modified, v.ETag = deref(b.Properties.LastModified).UTC(), quoted(string(deref(b.Properties.ETag)))
			if err := fn(v); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

func joined(cont, name string) string {
	if name == "" {
		return cont
	}
	return cont + "/" + name
}

// quoted is an ETag as its header has it: listings leave the quotes out.
func quoted(etag string) string {
	if etag == "" || strings.HasPrefix(etag, `"`) || strings.HasPrefix(etag, "W/") {
		return etag
	}
	return `"` + etag + `"`
}

// Missing implements store.Searcher: a container is there or not, a folder is only a part of its files' names.
func (f *files) Missing(ctx context.Context, folder string) error {
	cont, _, err := f.split(folder)
	if err != nil || cont == "" {
		return nil
	}
	_, _, err = f.pages(cont, "", false)(ctx)
	if !bloberror.HasCode(err, bloberror.ContainerNotFound) {
		return nil
	}
	return fault.New(fault.NotFound, "the container %q does not exist", cont).At(folder).
		Try("Check the dataset's container and the linked service's account.")
}

type nextPage func(context.Context) (items []*container.BlobItem, more bool, err error)

// pages lists flat, or one level of folders.
func (f *files) pages(cont, prefix string, recursive bool) nextPage {
	c := f.client.NewContainerClient(cont)
	include := container.ListBlobsInclude{Metadata: true}
	if recursive {
		pager := c.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix, Include: include})
		return func(ctx context.Context) ([]*container.BlobItem, bool, error) {
			page, err := pager.NextPage(ctx)
			if err != nil || page.Segment == nil {
				return nil, false, err
			}
			return page.Segment.BlobItems, pager.More(), nil
		}
	}
	pager := c.NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: &prefix, Include: include})
	return func(ctx context.Context) ([]*container.BlobItem, bool, error) {
		page, err := pager.NextPage(ctx)
		if err != nil || page.Segment == nil {
			return nil, false, err
		}
		return page.Segment.BlobItems, pager.More(), nil
	}
}

// Open downloads a range, bound to the version that v describes by its ETag. A connection that breaks is made anew from
// where it broke.
func (f *files) Open(ctx context.Context, v store.File, offset, length int64) (io.ReadCloser, error) {
	c, name, err := f.blob(v.Path)
	if err != nil {
		return nil, err
	}
	if length == 0 {
		return http.NoBody, nil
	}
	o := &blob.DownloadStreamOptions{}
	if offset > 0 || length > 0 {
		o.Range = blob.HTTPRange{Offset: offset, Count: max(length, 0)}
	}
	if v.ETag != "" {
		o.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(v.ETag))}}
	}
	r, err := c.NewBlobClient(name).DownloadStream(ctx, o)
	if bloberror.HasCode(err, bloberror.InvalidRange) {
		return http.NoBody, nil // behind the end
	}
	if err != nil {
		return nil, f.account.explain("read blob", v.Path, err)
	}
	body := r.NewRetryReader(ctx, &blob.RetryReaderOptions{MaxRetries: readRetries})
	return &reader{account: f.account, path: v.Path, body: body}, nil
}

// reader explains the errors of a download.
type reader struct {
	account *account
	path    string
	body    io.ReadCloser
}

// Read passes on to the download.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.account.explain("read blob", r.path, err)
	}
	return n, err
}

// Close ends the download.
func (r *reader) Close() error { return r.body.Close() }

// Remove deletes a blob with its snapshots.
func (f *files) Remove(ctx context.Context, p string) error {
	c, name, err := f.blob(p)
	if err != nil {
		return err
	}
	o := &blob.DeleteOptions{DeleteSnapshots: to.Ptr(blob.DeleteSnapshotsOptionTypeInclude)}
	if f.account.lake {
		o = nil // a hierarchical namespace takes no such wish
	}
	_, err = c.NewBlobClient(name).Delete(ctx, o)
	if err == nil || bloberror.HasCode(err, bloberror.BlobNotFound, bloberror.ContainerNotFound) {
		return nil
	}
	return f.account.explain("delete blob", p, err)
}
