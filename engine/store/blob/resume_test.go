package blob

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// watched is the emulator behind a server that counts the blocks that are sent.
func watched(t *testing.T) (f store.Files, blocks *atomic.Int64, connection string) {
	t.Helper()
	connection = testserver.Azurite(t)
	m := regexp.MustCompile(`BlobEndpoint=(http://[^/;]+)`).FindStringSubmatch(connection)
	if m == nil {
		t.Skip("the account has no address that can be watched")
	}
	to, err := url.Parse(m[1])
	if err != nil {
		t.Fatal(err)
	}
	blocks = &atomic.Int64{}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusServiceUnavailable) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("comp") == "block" {
			blocks.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return opened(t, linkedService(strings.Replace(connection, m[1], s.URL, 1))), blocks, connection
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// send writes data in odd portions, and commits where wanted.
func send(t *testing.T, f store.Files, p string, data []byte, o store.CreateOptions, commit bool) {
	t.Helper()
	w, err := f.Create(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 70_001)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if commit {
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	} else {
		x := w.(*writer)
		x.wg.Wait() // what was sent has arrived
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
}

func fetched(t *testing.T, f store.Files, p string) ([]byte, store.File) {
	t.Helper()
	v, err := f.Stat(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Open(t.Context(), v, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), v
}

func TestStagedBlocksAreNotSentAgain(t *testing.T) {
	f, blocks, _ := watched(t)
	box := testserver.Container()
	send(t, f, box+"/other", nil, store.CreateOptions{}, true) // the container is there
	p := box + "/file"
	const block = 128 << 10
	data := noise(20*block+17, 1)
	o := store.CreateOptions{BlockSize: block}
	send(t, f, p, data[:12*block], o, false) // the process dies
	if n := blocks.Swap(0); n != 12 {
		t.Fatalf("%d blocks were sent at first", n)
	}
	copy(data[3*block:], "the fourth block is another now")
	send(t, f, p, data, o, true)
	if n := blocks.Swap(0); n != 20-11+1 {
		t.Errorf("%d blocks were sent by the second attempt", n)
	}
	if got, _ := fetched(t, f, p); !bytes.Equal(got, data) {
		t.Error("the blob has other bytes")
	}
	send(t, f, p, data, o, true) // the commit succeeded, and the attempt did not hear of it
	if n := blocks.Swap(0); n != 0 {
		t.Errorf("%d blocks were sent again although the blob is there", n)
	}
	if got, _ := fetched(t, f, p); !bytes.Equal(got, data) {
		t.Error("the blob has other bytes")
	}
}

func TestAnotherProgramsUnfinishedBlocksDoNotStandInTheWay(t *testing.T) {
	connection := testserver.Azurite(t)
	f := opened(t, linkedService(connection))
	box := testserver.Container()
	c, err := service.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateContainer(t.Context(), box, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"AAAA", "AAAAAAAAAAAAAAAA", strings.Repeat("AAAA", 16)} {
		p := fmt.Sprintf("file%d", len(id))
		_, err := c.NewContainerClient(box).NewBlockBlobClient(p).StageBlock(t.Context(), id, streaming.NopCloser(strings.NewReader("theirs")), nil)
		if err != nil {
			t.Fatal(err)
		}
		data := noise(500_000, 2)
		send(t, f, box+"/"+p, data, store.CreateOptions{BlockSize: minBlock}, true)
		if got, _ := fetched(t, f, box+"/"+p); !bytes.Equal(got, data) {
			t.Errorf("%s has other bytes", p)
		}
	}
}

func TestTheMD5IsKeptAndMetadata(t *testing.T) {
	connection := testserver.Azurite(t)
	f := opened(t, linkedService(connection))
	box := testserver.Container()
	for name, size := range map[string]int{"empty": 0, "small": 1000, "large": 700_000} {
		data := noise(size, 3)
		p := box + "/" + name
		send(t, f, p, data, store.CreateOptions{BlockSize: minBlock, Checked: true, Metadata: map[string]string{"origin": "the test"}}, true)
		got, v := fetched(t, f, p)
		if sum := md5.Sum(data); !bytes.Equal(v.MD5, sum[:]) || !bytes.Equal(got, data) {
			t.Errorf("%s: the MD5 is %x of %d bytes", name, v.MD5, len(got))
		}
		c, err := service.NewClientFromConnectionString(connection, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.NewContainerClient(box).NewBlobClient(name).GetProperties(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for k, v := range r.Metadata {
			if strings.EqualFold(k, "origin") {
				found = *v
			}
		}
		if found != "the test" {
			t.Errorf("%s: the metadata is %v", name, r.Metadata)
		}
	}
}

func TestAppendAndPageBlobsAreRead(t *testing.T) {
	connection := testserver.Azurite(t)
	f := opened(t, linkedService(connection))
	box := testserver.Container()
	c, err := service.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateContainer(t.Context(), box, nil); err != nil {
		t.Fatal(err)
	}
	appends := c.NewContainerClient(box).NewAppendBlobClient("append")
	if _, err := appends.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := appends.AppendBlock(t.Context(), streaming.NopCloser(strings.NewReader("piece ")), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := fetched(t, f, box+"/append"); string(got) != "piece piece piece " {
		t.Errorf("the append blob has %q", got)
	}
	if _, err := c.NewContainerClient(box).NewPageBlobClient("page").Create(t.Context(), 1024, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := fetched(t, f, box+"/page"); len(got) != 1024 {
		t.Errorf("the page blob has %d bytes", len(got))
	}
	w, err := f.Create(t.Context(), box+"/append", store.CreateOptions{BlockSize: minBlock})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(noise(300_000, 4))
	if err := w.Commit(t.Context()); fault.Code(err) != fault.Conflict {
		t.Errorf("blocks into an append blob: %v", err)
	}
	_ = w.Abort()
}
