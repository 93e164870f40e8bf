package all

import "testing"

func TestEveryStoreIsThereOnce(t *testing.T) {
	t.Parallel()
	r := Stores() // panics on duplicates
	for _, name := range []string{"postgres", "sqlite"} {
		d := r.Name(name)
		if d == nil {
			t.Fatalf("the store %s is missing", name)
		}
		if d.Title == "" || d.Test == nil || len(d.LinkedServices) == 0 {
			t.Errorf("the store %s is not complete: %+v", name, d)
		}
	}
}
