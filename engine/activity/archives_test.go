package activity_test

import (
	"fmt"
	"testing"

	"dmgateway/engine/activity"
)

func TestArchivesBecomeFoldersUnlessTheJobSaysOtherwise(t *testing.T) {
	t.Parallel()
	for settings, spread := range map[string]bool{
		``: false,
		`, "formatSettings": {"type": "BinaryReadSettings"}`:                                                                                                         false,
		`, "formatSettings": {"type": "BinaryReadSettings", "compressionProperties": {"type": "ZipDeflateReadSettings"}}`:                                            false,
		`, "formatSettings": {"type": "BinaryReadSettings", "compressionProperties": {"type": "ZipDeflateReadSettings", "preserveZipFileNameAsFolder": true}}`:       false,
		`, "formatSettings": {"type": "BinaryReadSettings", "compressionProperties": {"type": "ZipDeflateReadSettings", "preserveZipFileNameAsFolder": false}}`:      true,
		`, "formatSettings": {"type": "BinaryReadSettings", "compressionProperties": {"type": "TarGZipReadSettings", "PreserveCompressionFileNameAsFolder": false}}`: true,
		`, "formatSettings": {"type": "BinaryReadSettings", "compressionProperties": {"type": "TarReadSettings", "preserveCompressionFileNameAsFolder": true}}`:      false,
	} {
		bundle := fmt.Sprintf(`{
			"linkedServices": [{"name": "Share", "properties": {"type": "FileServer", "typeProperties": {"host": "/srv/share"}}}],
			"datasets": [
				{"name": "In", "properties": {"type": "Binary", "linkedServiceName": {"referenceName": "Share", "type": "LinkedServiceReference"},
					"typeProperties": {"location": {"type": "FileServerLocation", "folderPath": "in"}, "compression": {"type": "ZipDeflate"}}}},
				{"name": "Out", "properties": {"type": "Binary", "linkedServiceName": {"referenceName": "Share", "type": "LinkedServiceReference"},
					"typeProperties": {"location": {"type": "FileServerLocation", "folderPath": "out"}}}}],
			"activity": {"name": "Unpack", "type": "Copy",
				"inputs": [{"referenceName": "In", "type": "DatasetReference"}], "outputs": [{"referenceName": "Out", "type": "DatasetReference"}],
				"typeProperties": {
					"source": {"type": "BinarySource", "storeSettings": {"type": "FileServerReadSettings"%s},
					"sink": {"type": "BinarySink", "storeSettings": {"type": "FileServerWriteSettings"}}}}}`, "}"+settings)
		job, err := activity.Parse([]byte(bundle), stores(), formats())
		if err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		if f := job.Source.Files; f.Spread != spread || f.Compression != "zip" {
			t.Errorf("%s: %+v", settings, f)
		}
	}
}
