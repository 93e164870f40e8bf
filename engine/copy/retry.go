package copy

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/fault"
)

// retryPolicy is how often and how long something that failed for a passing reason is tried again.
type retryPolicy struct {
	tries   uint          // in all, the first one included
	first   time.Duration // pause before the second try; it doubles from there, with jitter
	longest time.Duration // pause at most
	total   time.Duration // no new try after this
	awaited bool          // a person waits: what cannot be reached is not tried again
}

// usualRetry outlasts a database's failover and a throttled storage account, and gives up before a person does.
var usualRetry = retryPolicy{tries: 6, first: 500 * time.Millisecond, longest: 20 * time.Second, total: 3 * time.Minute}

// do calls f until it succeeds, fails for a reason that will not pass, or the policy is used up; the last error is
// returned then. A cancelled ctx ends the pauses.
func (p retryPolicy) do(ctx context.Context, log *slog.Logger, what string, f func() error) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = p.first, p.longest, 2
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = f()
		if last != nil && (!fault.IsTransient(last) || p.awaited && fault.Is(last, fault.Unreachable)) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(b), backoff.WithMaxTries(p.tries), backoff.WithMaxElapsedTime(p.total),
		backoff.WithNotify(func(err error, pause time.Duration) {
			log.Warn("trying again", "what", what, "error", err, "pause", pause)
		}))
	if err == nil {
		return nil
	}
	return last
}

// guarded calls f and turns a panic into a fault: a defect in a store, a format or a driver ends one job, not the
// program.
func guarded(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in a copy", "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "a defect of the program stopped the copy").
				Because(fmt.Errorf("panic: %v", p)).
				Try("Send the logs; the entry \"panic in a copy\" has the details.")
		}
	}()
	return f()
}
