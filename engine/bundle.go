package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy"
	"dmgateway/engine/credential"
	formats "dmgateway/engine/format/all"
	stores "dmgateway/engine/store/all"
)

// BundleOptions of what a person does with a bundle at the machine, without a factory. All are optional.
type BundleOptions struct {
	// Data is the data directory whose certificate opens sealed credentials.
	Data string
	// Set gives values to expressions: pipeline parameters by name, and windowStart and windowEnd (RFC 3339) for v1.
	Set map[string]string
	// State is the file that keeps watermarks and interrupted incremental copies; "" = watermarks.db in the data directory.
	State string
	// Reset forgets the bundle's watermark before it is copied: every row is read again.
	Reset bool
	// Parallel overrides parallelCopies where > 0.
	Parallel int
	// Verify compares the content of source and sink after the copy, whatever the bundle says.
	Verify bool
	// Limits bound the copy; they can be changed while it runs. Nil bounds nothing.
	Limits *Limits
	// Progress is called about once a second.
	Progress func(Progress)
	Log      *slog.Logger
}

// CopyBundle runs the one copy of a bundle here and now. path is a JSON file
// {"linkedServices":[…],"datasets":[…],"activity":{…}} or a folder of Data Factory JSON files with one copy activity. An
// error without a result means that nothing was tried; a failed copy is a result whose Status says so.
func CopyBundle(ctx context.Context, path string, o BundleOptions) (*Result, error) {
	job, err := o.job(path)
	if err != nil {
		return nil, err
	}
	options := copy.Options{RunID: uuid.NewString(), Attempt: 1, Awaited: true, Progress: o.Progress, Parallel: o.Parallel, Limits: o.Limits, Outbound: o.outbound(), Log: o.Log}
	if job.Source.Watermark != nil {
		return o.copyIncrement(ctx, job, options)
	}
	return copy.Run(ctx, job, options)
}

// Plan is what a copy would do.
type Plan = copy.Outlook

// PlanBundle connects both sides of a bundle, plans the copy and compares the types. It writes nothing.
func PlanBundle(ctx context.Context, path string, o BundleOptions) (*Plan, error) {
	job, err := o.job(path)
	if err != nil {
		return nil, err
	}
	options := copy.Options{Parallel: o.Parallel, Outbound: o.outbound(), Log: o.Log}
	if job.Source.Watermark == nil || o.Reset {
		return copy.DryRun(ctx, job, options)
	}
	marks, err := o.existingState(ctx)
	if marks != nil {
		defer marks.Close()
		options.Watermarks = marks
	}
	if err != nil {
		return nil, err
	}
	return copy.DryRun(ctx, job, options)
}

// Table is a few rows as text; nil is NULL.
type Table = copy.Sample

// PreviewBundle reads the first rows of a bundle's source, as the sink would get them.
func PreviewBundle(ctx context.Context, path string, rows int, o BundleOptions) (*Table, error) {
	job, err := o.job(path)
	if err != nil {
		return nil, err
	}
	return copy.Preview(ctx, job, rows, copy.Options{Outbound: o.outbound(), Log: o.Log})
}

// job reads a bundle, fills in its expressions and opens its credentials.
func (o BundleOptions) job(path string) (*activity.Job, error) {
	bundle, err := activity.LoadBundle(path)
	if err != nil {
		return nil, err
	}
	values, err := expressionValues(o.Set)
	if err != nil {
		return nil, err
	}
	if bundle, err = activity.Expand(bundle, values); err != nil {
		return nil, err
	}
	if bundle, err = o.open(bundle); err != nil {
		return nil, err
	}
	var wants []activity.Option
	if o.Verify {
		wants = append(wants, activity.Compared())
	}
	return activity.Parse(bundle, stores.Stores(), formats.Formats(), wants...)
}

// open restores sealed credentials with the data directory's certificates, and the secrets that references stand for: at
// the machine a person may read whatever is theirs. A bundle without any needs no certificate.
func (o BundleOptions) open(bundle []byte) ([]byte, error) {
	opener := credential.Opener{Resolve: credential.Reference.Read}
	if credential.Sealed(bundle) {
		ring, identity, err := gatewaySecrets(o.Data)
		if err != nil {
			return nil, err
		}
		opener.Certificates = ring.All()
		if identity != nil {
			opener.Gateway = identity.Gateway
		}
	} else if !credential.HasReferences(bundle) {
		return bundle, nil
	}
	return opener.Bundle(bundle)
}

func expressionValues(set map[string]string) (activity.Values, error) {
	v := activity.Values{RunID: uuid.NewString(), Now: time.Now().UTC()}
	for name, text := range set {
		if err := v.Set(name, text); err != nil {
			return v, err
		}
	}
	return v, nil
}
