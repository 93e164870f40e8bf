package blob

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"dmgateway/engine/store"
)

// browse shows the containers, or one level of folders and blobs.
func (a *account) browse(ctx context.Context, env store.Env, at string, fn func(store.Entry) error) error {
	f, err := open(a.via(env))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	at = strings.Trim(at, "/")
	if at == "" {
		return f.browseContainers(ctx, fn)
	}
	cont, prefix, err := f.split(at)
	if err != nil {
		return err
	}
	if prefix != "" {
		prefix += "/"
	}
	o := &container.ListBlobsHierarchyOptions{Prefix: &prefix, Include: container.ListBlobsInclude{Metadata: true}}
	for pager := f.client.NewContainerClient(cont).NewListBlobsHierarchyPager("/", o); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return a.explain("list blobs", at, err)
		}
		if page.Segment == nil {
			continue
		}
		for _, e := range level(cont, page.Segment.BlobPrefixes, page.Segment.BlobItems) {
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// level puts folders and blobs of a page in the order of their names. A folder of a hierarchical namespace comes as both.
func level(cont string, folders []*container.BlobPrefix, blobs []*container.BlobItem) []store.Entry {
	var list []store.Entry
	for _, p := range folders {
		name := strings.TrimSuffix(deref(p.Name), "/")
		list = append(list, store.Entry{Name: path.Base(name), Path: joined(cont, name), Kind: store.KindFolder})
	}
	for _, b := range blobs {
		name := deref(b.Name)
		if b.Properties == nil || folderStub(name, b.Metadata) {
			continue
		}
		list = append(list, store.Entry{
			Name: path.Base(name), Path: joined(cont, name), Kind: store.KindFile,
			Size: deref(b.Properties.ContentLength), Modified: deref(b.Properties.LastModified).UTC(),
		})
	}
	slices.SortStableFunc(list, func(a, b store.Entry) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func (f *files) browseContainers(ctx context.Context, fn func(store.Entry) error) error {
	if own := f.account.container; own != "" {
		return fn(store.Entry{Name: own, Path: own, Kind: store.KindContainer})
	}
	for pager := f.client.NewListContainersPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return f.account.explain("list containers", "", err)
		}
		for _, c := range page.ContainerItems {
			e := store.Entry{Name: deref(c.Name), Path: deref(c.Name), Kind: store.KindContainer}
			if c.Properties != nil {
				e.Modified = deref(c.Properties.LastModified).UTC()
			}
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	return nil
}
