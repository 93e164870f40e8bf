package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
)

// stateFile keeps the watermarks of copies that run here without a factory, in the data directory.
const stateFile = "watermarks.db"

// copyIncrement copies what came since the last run. A run that was interrupted goes on first, with the rows that it had
// chosen: some of them may be in the sink already, and only that run can tell which.
func (o BundleOptions) copyIncrement(ctx context.Context, job *activity.Job, options copy.Options) (_ *Result, err error) {
	state, err := o.openState(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	key := copy.WatermarkKey(job, "")
	if o.Reset {
		if err := state.ForgetMark(ctx, key); err != nil {
			return nil, err
		}
	}
	begun := options.RunID
	if options.RunID, err = state.OpenRun(ctx, key, begun); err != nil {
		return nil, err
	}
	options.Checkpoints, options.Watermarks = state.Checkpoints(options.RunID), state
	if options.RunID != begun {
		if kept, err := options.Checkpoints.Load(ctx); err != nil {
			return nil, err
		} else if kept.Plan != nil {
			job.Warnings = append(job.Warnings, "An interrupted run went on, with the rows that it had chosen; rows that came since are read by the next run.")
		}
	}
	result, err := copy.Run(ctx, job, options)
	if err != nil {
		return result, err
	}
	return result, state.CloseRun(context.WithoutCancel(ctx), key, options.RunID)
}

func (o BundleOptions) statePath() (string, error) {
	if o.State != "" {
		return o.State, nil
	}
	dir, err := resolveData(o.Data)
	return filepath.Join(dir, stateFile), err
}

// openState opens the file of watermarks, or makes it.
func (o BundleOptions) openState(ctx context.Context) (*journal.Journal, error) {
	path, err := o.statePath()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.New(fault.Forbidden, "make the folder for the watermarks").At(path).Because(err).Try("Name another file with --state.")
	}
	return journal.Open(ctx, path)
}

// existingState opens the file of watermarks where there is one; nil where there is none.
func (o BundleOptions) existingState(ctx context.Context) (*journal.Journal, error) {
	path, err := o.statePath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return journal.Open(ctx, path)
}
