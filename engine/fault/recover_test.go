package fault_test

import (
	"errors"
	"strings"
	"testing"

	"dmgateway/engine/fault"
)

func TestAPanicOfAGoroutineBecomesAnErrorThatTellsItsPlace(t *testing.T) {
	t.Parallel()
	guarded := func(f func() error) (err error) {
		defer fault.Recover(&err)
		return f()
	}
	var none []int
	err := guarded(func() error { _ = none[len(t.Name())]; return nil })
	if !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "index out of range") || !strings.Contains(err.Error(), "recover_test.go:") {
		t.Errorf("the panic became %v", err)
	}
	plain := errors.New("plain")
	if err := guarded(func() error { return plain }); !errors.Is(err, plain) {
		t.Errorf("the error became %v", err)
	}
	if err := guarded(func() error { return nil }); err != nil {
		t.Errorf("nothing became %v", err)
	}
}
