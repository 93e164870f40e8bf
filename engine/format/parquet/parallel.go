package parquet

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls f for 0 to n-1, in several goroutines where parallel, and returns when all have ended, with the error of
// the least i. A panic of the file library becomes an error.
func each(n int, parallel bool, f func(i int) error) error {
	guarded := func(i int) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		return f(i)
	}
	workers := min(runtime.GOMAXPROCS(0), n)
	if !parallel || workers < 2 {
		for i := range n {
			if err := guarded(i); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		next   atomic.Int64
		g      sync.WaitGroup
		mu     sync.Mutex
		first  error
		lowest = n
	)
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if err := guarded(i); err != nil {
				mu.Lock()
				if i < lowest {
					first, lowest = err, i
				}
				mu.Unlock()
			}
		}
	}
	for range workers - 1 {
		g.Go(work)
	}
	work()
	g.Wait()
	return first
}

// worth is how many bytes of values make several goroutines pay.
const worth = 128 << 10
