package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
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
			report: func() { b.ratios("pigz.gz", "own.gz") },
		},
		{
			name: "file → zstd", goal: "≤ 1.1 × zstd -T0", bytes: size,
			contenders: contenders(
				have("zstd", contender{name: "zstd -T0 -1", command: shell("zstd -q -f -T0 -1 %s -o %s", b.path("psql.csv"), b.path("zstd-1.zst"))}),
				have("zstd", contender{name: "zstd -T0", command: shell("zstd -q -f -T0 %s -o %s", b.path("psql.csv"), b.path("zstd.zst"))}),
				one("dmgcmd, Fastest", b.copy(from(), to("own.zst", "zstd"))),
			),
			report: func() { b.ratios("zstd-1.zst", "zstd.zst", "own.zst") },
		},
	}, nil
}

// ratios tells how small the compressed files are.
func (b *bench) ratios(names ...string) {
	for _, name := range names {
		if info, err := os.Stat(b.path(name)); err == nil {
			fmt.Printf("- %s: %.1f MB, a ratio of %.2f\n", name, float64(info.Size())/1e6, float64(b.csvBytes)/float64(info.Size()))
		}
	}
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
	proxy, err := newWaiting(net.JoinHostPort(s.config.Host, strconv.Itoa(int(s.config.Port))))
	if err != nil {
		return nil, err
	}
	through := func(table string) side {
		v := b.pgSide(table)
		p := v.service["typeProperties"].(map[string]any)
		p["connectionString"] = strings.Replace(p["connectionString"].(string), fmt.Sprintf("Port=%d;", s.config.Port), fmt.Sprintf("Port=%d;", proxy.port()), 1)
		return v
	}
	var waited []float64 // seconds of each run of ours
	return []pair{{
		name: "100 rows, PostgreSQL → PostgreSQL", goal: "≤ 30 ms over the stores' own time", bytes: 20_000,
		contenders: contenders(
			one("psql | psql", shell(`psql -q -d '%[1]s' -c 'copy small_src to stdout' | psql -q -d '%[1]s' -c 'copy small_dst from stdin'`, s.dsn)),
			one("dmgcmd version (starts and ends)", []string{b.dmgcmd, "version"}),
			one("dmgcmd", b.copy(through("small_src"), through("small_dst"))),
		),
		before: func() error {
			proxy.take()
			return nil
		},
		after: func() error {
			if d := proxy.take(); d > 0 {
				waited = append(waited, d.Seconds())
			}
			return nil
		},
		report: func() { fmt.Printf("Of dmgcmd's time it waits %.3f s for the servers.\n", median(waited)) },
	}}, nil
}
