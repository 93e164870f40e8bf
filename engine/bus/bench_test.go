package bus_test

import (
	"context"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/bus"
)

// The benchmarks use the real client over loopback TCP, messages of 1 KiB, and a file that is synced at every commit.

func benchSession(b *testing.B) *session {
	b.Helper()
	e := overTCP(b, openBroker(b, bus.Options{}))
	return e.session(b, bus.QueueOptions{MaxMessages: 10_000_000})
}

var kibibyte = make([]byte, 1024)

// BenchmarkRoundTrip sends, receives and completes one message after the other.
func BenchmarkRoundTrip(b *testing.B) {
	s := benchSession(b)
	for b.Loop() {
		s.send(b, &azservicebus.Message{Body: kibibyte})
		complete(b, s.receiver, receiveOne(b, s.receiver))
	}
}

// BenchmarkSend sends from 16 goroutines on one link.
func BenchmarkSend(b *testing.B) {
	s := benchSession(b)
	s.send(b, &azservicebus.Message{Body: kibibyte}) // opens the link
	b.ResetTimer()
	fanOut(b, 16, b.N, func(ctx context.Context) error {
		return s.sender.SendMessage(ctx, &azservicebus.Message{Body: kibibyte}, nil)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkReceiveComplete receives up to 100 at once and completes them on 16 goroutines.
func BenchmarkReceiveComplete(b *testing.B) {
	s := benchSession(b)
	fanOut(b, 16, b.N, func(ctx context.Context) error {
		return s.sender.SendMessage(ctx, &azservicebus.Message{Body: kibibyte}, nil)
	})
	b.ResetTimer()
	for done := 0; done < b.N; {
		ms, err := s.receiver.ReceiveMessages(b.Context(), min(100, b.N-done), nil)
		if err != nil {
			b.Fatal(err)
		}
		var mu sync.Mutex
		next := 0
		fanOut(b, min(16, len(ms)), len(ms), func(ctx context.Context) error {
			mu.Lock()
			m := ms[next]
			next++
			mu.Unlock()
			return s.receiver.CompleteMessage(ctx, m, nil)
		})
		done += len(ms)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkRenew renews one lock.
func BenchmarkRenew(b *testing.B) {
	s := benchSession(b)
	s.send(b, &azservicebus.Message{Body: kibibyte})
	m := receiveOne(b, s.receiver)
	for b.Loop() {
		if err := s.receiver.RenewMessageLock(b.Context(), m, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// fanOut runs f n times on some goroutines.
func fanOut(b *testing.B, goroutines, n int, f func(context.Context) error) {
	b.Helper()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < n; i += goroutines {
				if err := f(b.Context()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
