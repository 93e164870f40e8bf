package memory_test

import (
	"testing"

	"dmgateway/engine/store/memory"
	"dmgateway/engine/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Store{Definition: memory.New().Definition(), NoUpsert: true})
}
