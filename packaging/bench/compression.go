package main

import (
	"context"
	"fmt"
	"os/exec"
)

// compressionPairs compresses a file on its way, and small jobs measure what a copy costs by itself.
func compressionPairs(_ context.Context, b *bench) ([]pair, error) {
	size := float64(b.csvBytes)
	from := func() side {
		return binary(map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}}, map[string]any{"type": "FileServerLocation", "fileName": "psql.csv"}, "FileServer")
	}
	to := func(name, codec string) side {
		s := binary(map[string]any{"type": "FileServer", "typeProperties": map[string]any{"host": b.dir}}, map[string]any{"type": "FileServerLocation", "fileName": name}, "FileServer")
		s.dataset["typeProperties"].(map[string]any)["compression"] = map[string]any{"type": codec, "level": "Fastest"}
		return s
	}
	return []pair{
		{
			name: "file → gzip", goal: "≤ 1.1 × pigz", bytes: size,
			contenders: contenders(
				have("pigz", contender{name: "pigz -1", command: shell("pigz -1 -c %s > %s", b.path("psql.csv"), b.path("pigz.gz"))}),
				one("dmgcmd, Fastest", b.copy(from(), to("own.gz", "gzip"))),
			),
		},
		{
			name: "file → zstd", goal: "≤ 1.1 × zstd -T0", bytes: size,
			contenders: contenders(
				have("zstd", contender{name: "zstd -T0 -1", command: shell("zstd -q -f -T0 -1 %s -o %s", b.path("psql.csv"), b.path("zstd.zst"))}),
				one("dmgcmd, Fastest", b.copy(from(), to("own.zst", "zstd"))),
			),
		},
	}, nil
}

// smallPairs is a copy of 100 rows: what the program costs by itself.
func smallPairs(_ context.Context, b *bench) ([]pair, error) {
	s := &b.servers.postgres
	if err := s.sql("create table small_src as select * from src limit 100", "create table small_dst (like src)"); err != nil {
		return nil, err
	}
	if out, err := exec.Command("psql", "-q", "-d", s.dsn, "-c", `\copy small_src to '`+b.path("small.csv")+`' csv`).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("psql: %w\n%s", err, out)
	}
	return []pair{{
		name: "100 rows, PostgreSQL → PostgreSQL", goal: "≤ 30 ms over the stores' own time", bytes: 20_000,
		contenders: contenders(
			one("psql | psql", shell(`psql -q -d '%[1]s' -c 'copy small_src to stdout' | psql -q -d '%[1]s' -c 'copy small_dst from stdin'`, s.dsn)),
			one("dmgcmd version (starts and ends)", []string{b.dmgcmd, "version"}),
			one("dmgcmd", b.copy(b.pgSide("small_src"), b.pgSide("small_dst"))),
		),
	}}, nil
}
