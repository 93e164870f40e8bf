// Package selfcheck looks at the machine for what will hurt the gateway before it does: a full disk, a clock that is off,
// a certificate that ends, folders that it may not use any more, a machine that goes to sleep, is too small or too old.
package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
)

// Finding is one thing to see to.
type Finding struct {
	ID     string // stable: disk, clock, certificate, folder, memory, sleep, system
	Title  string
	Text   string
	Remedy string
	Grave  bool // it hurts already, or any moment
}

// Place is what is looked at.
type Place struct {
	Data    string   // data directory
	Folders []string // that jobs may use
	// Skew is how far this machine's clock is ahead of the factory's, 0 where nobody knows.
	Skew            time.Duration
	CertificateEnds time.Time
	Now             time.Time
}

// Bounds from which on something is told. A clock may be off by as much as signed messages and tokens bear.
const (
	diskLow, diskGrave   = 2 << 30, 256 << 20
	diskShare            = 0.05 // of the disk, where that is less than diskLow
	skewLow, skewGrave   = 2 * time.Minute, 5 * time.Minute
	certificateDays      = 30
	day                  = 24 * time.Hour
	sleepRemedy          = "Turn sleep and hibernation off for this machine while it is plugged in, or run the gateway on a machine that stays awake."
	folderRemedy         = "Give the user that runs the gateway the right to read and write there, or take the folder out of the setting \"folders\"."
	certificateRemedy    = "Make or import a new certificate on the Settings page (`dmgcmd certificate new`), then set the credentials again that it names."
	clockRemedy          = "Set this machine's clock, and turn on its synchronisation with a time server."
	unreachableFolderFmt = "Jobs may use %s, but the gateway cannot: %v."
)

// Look makes every check. It takes a second at most where the machine answers.
func Look(ctx context.Context, p Place) []Finding {
	var list []Finding
	list = append(list, disks(ctx, p)...)
	list = append(list, clock(p.Skew)...)
	list = append(list, certificate(p.CertificateEnds, p.Now)...)
	list = append(list, folders(p)...)
	return append(list, Requirements(ctx)...)
}

// Disk tells whether the disk of a folder, which exists, has too little room for the gateway's data.
func Disk(ctx context.Context, folder string) []Finding { return disks(ctx, Place{Data: folder}) }

func disks(ctx context.Context, p Place) []Finding {
	var list []Finding
	for i, path := range append([]string{p.Data}, p.Folders...) {
		if path == "" {
			continue
		}
		u, err := disk.UsageWithContext(ctx, path)
		if err != nil || u.Total == 0 {
			continue // folders says so
		}
		f, low := full(u.Free, u.Total)
		if !low {
			continue
		}
		f.Text = fmt.Sprintf("The disk of %s has %s left of %s.", path, size(u.Free), size(u.Total))
		f.Remedy = "Make room on the disk, or choose folders on another one."
		if i == 0 {
			f.Remedy = "Make room on the disk: without any the gateway can write down no job, so it takes none."
		}
		if !slices.ContainsFunc(list, func(other Finding) bool {
			return strings.HasSuffix(other.Text, strings.TrimPrefix(f.Text, "The disk of "+path))
		}) {
			list = append(list, f) // folders on one disk are told once
		}
	}
	return list
}

// full says whether so little is left of a disk that somebody should know.
func full(free, total uint64) (Finding, bool) {
	low := min(uint64(diskLow), uint64(diskShare*float64(total)))
	return Finding{ID: "disk", Title: "The disk is nearly full", Grave: free < min(diskGrave, low)}, free < low
}

func size(n uint64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

func clock(skew time.Duration) []Finding {
	if skew.Abs() < skewLow {
		return nil
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return []Finding{{
		ID: "clock", Title: "The clock is off", Grave: skew.Abs() >= skewGrave, Remedy: clockRemedy,
		Text: fmt.Sprintf("This machine's clock is %s %s the data factory's. Sign-in fails when they differ by more than a few minutes.", skew.Abs().Round(time.Second), way),
	}}
}

func certificate(ends, now time.Time) []Finding {
	left := ends.Sub(now)
	if ends.IsZero() || left > certificateDays*day {
		return nil
	}
	f := Finding{ID: "certificate", Title: "The gateway's certificate ends soon", Remedy: certificateRemedy}
	switch n := int(left / day); {
	case left <= 0:
		f.Title, f.Grave = "The gateway's certificate has ended", true
		f.Text = fmt.Sprintf("The gateway's certificate was valid until %s. It still opens credentials; other programs may refuse to seal any with it.", ends.UTC().Format(time.DateOnly))
	case n < 1:
		f.Text = "The gateway's certificate ends today."
	case n == 1:
		f.Text = "The gateway's certificate ends tomorrow."
	default:
		f.Text = fmt.Sprintf("The gateway's certificate ends in %d days, on %s.", n, ends.UTC().Format(time.DateOnly))
	}
	return []Finding{f}
}

func folders(p Place) []Finding {
	var list []Finding
	if err := usable(p.Data); err != nil {
		list = append(list, Finding{
			ID: "folder", Title: "The data directory cannot be used", Grave: true,
			Text:   fmt.Sprintf("The gateway can no longer write into its data directory %s: %v.", p.Data, err),
			Remedy: "Give the user that runs the gateway the right to read and write there again.",
		})
	}
	for _, folder := range p.Folders {
		if folder == "" {
			continue
		}
		if err := usable(folder); err != nil {
			list = append(list, Finding{ID: "folder", Title: "A folder of jobs cannot be used", Text: fmt.Sprintf(unreachableFolderFmt, folder, err), Remedy: folderRemedy})
		}
	}
	return list
}

// usable tries what jobs do in a folder: look and write.
func usable(folder string) error {
	if _, err := os.ReadDir(folder); err != nil {
		return reason(err)
	}
	f, err := os.CreateTemp(folder, ".dmgateway-check-*")
	if err != nil {
		return reason(err)
	}
	return reason(errors.Join(f.Close(), os.Remove(f.Name())))
}

// reason is a file error without its path, which stands beside it.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
