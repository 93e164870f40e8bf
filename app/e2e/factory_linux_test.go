package e2e

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"testing"

	"dmgateway/engine"
)

// cloud is a factory that serves beside the program under test, with one gateway.
type cloud struct {
	*engine.FactoryClient
	t   *testing.T
	key string // the gateway's
}

// gateway is the name of a cloud's.
const gateway = "plant1"

// newCloud starts a factory, which ends with the test.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	data := t.TempDir()
	ctx, stop := context.WithCancel(context.Background()) // it outlives t.Context(): the program says goodbye to it
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- engine.ServeFactory(ctx, engine.FactoryOptions{Data: data, Name: "contoso", Listen: "127.0.0.1:0", LogTo: io.Discard},
			func(engine.FactoryReady) error { close(ready); return nil })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the factory ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	client, err := engine.DialFactory(data, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &cloud{FactoryClient: client, t: t}
	if c.key, err = client.NewGateway(t.Context(), gateway, ""); err != nil {
		t.Fatal(err)
	}
	return c
}

// put makes or replaces a linked service, dataset or pipeline.
func (c *cloud) put(kind, name, properties string) {
	c.t.Helper()
	if _, err := c.Put(c.t.Context(), kind, name, json.RawMessage(properties)); err != nil {
		c.t.Fatalf("%s %s: %v", kind, name, err)
	}
}

// copies makes a pipeline Copy that copies the folder in to the folder out, byte by byte.
func (c *cloud) copies(in, out string) {
	c.t.Helper()
	via := `"connectVia": {"referenceName": "` + gateway + `", "type": "IntegrationRuntimeReference"}`
	for name, folder := range map[string]string{"In": in, "Out": out} {
		c.put("linkedservices", name, `{"type": "FileServer", "typeProperties": {"host": "`+folder+`"}, `+via+`}`)
		c.put("datasets", name, `{"type": "Binary", "linkedServiceName": {"referenceName": "`+name+`", "type": "LinkedServiceReference"},
			"typeProperties": {"location": {"type": "FileServerLocation"}}}`)
	}
	c.put("pipelines", "Copy", `{"activities": [{"name": "Copy", "type": "Copy",
		"inputs": [{"referenceName": "In", "type": "DatasetReference"}], "outputs": [{"referenceName": "Out", "type": "DatasetReference"}],
		"typeProperties": {"source": {"type": "BinarySource", "storeSettings": {"type": "FileServerReadSettings", "recursive": true, "wildcardFileName": "*"}},
			"sink": {"type": "BinarySink", "storeSettings": {"type": "FileServerWriteSettings"}}}}]}`)
}

// run starts a pipeline.
func (c *cloud) run(pipeline string, parameters map[string]any) (id string) {
	c.t.Helper()
	id, err := c.Run(c.t.Context(), pipeline, parameters)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// registered starts the program, registers it with a cloud and waits until it is connected.
func (s *session) registered(c *cloud, args ...string) (client *engine.Client, p *program, icon string) {
	s.t.Helper()
	data := filepath.Join(s.home, "data")
	p = s.start(append([]string{"-data", data}, args...)...)
	icon = s.icon()
	s.front()
	client = s.dial(data)
	if err := client.Register(s.t.Context(), c.key, "node-a", nil); err != nil {
		s.t.Fatal(err)
	}
	s.read("Connected")
	return client, p, icon
}

// dial gives a client of the running program, by which a story checks what became of its clicks.
func (s *session) dial(data string) *engine.Client {
	s.t.Helper()
	client, err := engine.Dial(s.t.Context(), data)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.Close() })
	return client
}
