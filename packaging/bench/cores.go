package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// coresPairs runs copies on one core and on two. They are between files, so that no server is the limit.
func coresPairs(ctx context.Context, b *bench) ([]pair, error) {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		return nil, fmt.Errorf("one core beside two: needs taskset and two cores")
	}
	typed := b.file("DelimitedText", "psql.csv")
	typed.dataset["schema"] = typedSchema
	local := map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}}
	at := func(name string) map[string]any {
		return map[string]any{"type": "FileServerLocation", "fileName": name}
	}
	gzip := binary(local, at("cores.gz"), "FileServer")
	gzip.dataset["typeProperties"].(map[string]any)["compression"] = map[string]any{"type": "gzip", "level": "Fastest"}
	parquet := func() error {
		command := b.copy(typed, b.file("Parquet", "cores.parquet"))
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	var pairs []pair
	for _, c := range []struct {
		name     string
		from, to side
		setup    func() error
	}{
		{"delimited text → Parquet", typed, b.file("Parquet", "cores-out.parquet"), nil},
		{"Parquet → delimited text", b.file("Parquet", "cores.parquet"), b.file("DelimitedText", "cores.csv"), parquet},
		{"delimited text → delimited text", b.file("DelimitedText", "psql.csv"), b.file("DelimitedText", "cores-out.csv"), nil},
		{"file → gzip", binary(local, at("psql.csv"), "FileServer"), gzip, nil},
	} {
		command := b.copy(c.from, c.to)
		pairs = append(pairs, pair{
			name: "one core, two cores: " + c.name, goal: "two take ≤ 0.59 × the time of one (1.7 times as fast)", bytes: float64(b.csvBytes), setup: c.setup,
			contenders: contenders(
				one("dmgcmd on one core", append([]string{"taskset", "-c", "0"}, command...)),
				one("dmgcmd on two", append([]string{"taskset", "-c", "0,1"}, command...)),
			),
		})
	}
	return pairs, nil
}
