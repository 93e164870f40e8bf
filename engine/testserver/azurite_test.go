package testserver

import (
	"context"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

func TestAzuriteTakesItsKey(t *testing.T) {
	ctx := context.Background()
	connection := Azurite(t)
	if Azurite(t) != connection {
		t.Fatal("a second test gets another server")
	}
	c, err := azblob.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := Container()
	if _, err := c.CreateContainer(ctx, name, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteContainer(ctx, name, nil); err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(connection, "AccountKey=")
	wrong := strings.Replace(connection, key[:8], "AAAAAAAA", 1)
	c, err = azblob.NewClientFromConnectionString(wrong, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateContainer(ctx, Container(), nil); err == nil {
		t.Error("a wrong key is taken")
	}
}
