// Command bench compares whole copies by dmgcmd with the tools that people use for them, on the same servers, tables and
// files in one run: wall time, client CPU and peak memory. The contenders of a pair take turns, so that whatever else the
// machine does hits all of them. It prints tables in Markdown.
//
//	go run ./packaging/bench -dmgcmd bin/dmgcmd [-rows 1000000] [-times 5] [-only "PostgreSQL"]
//
// Servers are started privately (see package testserver). A tool that is not on the PATH, or a server that cannot be
// started, leaves its lines out, and the output says so. duckdb is its npm package in the test cache.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "oracle-loop" {
		oracleLoop(os.Args[2], os.Args[3])
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "blob-server" {
		size, err := strconv.ParseInt(os.Args[2], 10, 64)
		if err == nil {
			err = blobServerProcess(size)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) == 4 && strings.HasPrefix(os.Args[1], "azblob-") {
		if err := plain(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var b bench
	flag.StringVar(&b.dmgcmd, "dmgcmd", "bin/dmgcmd", "the command line to measure")
	flag.Int64Var(&b.rows, "rows", 1_000_000, "rows of the table")
	flag.IntVar(&b.times, "times", 5, "how often each copy runs; medians are printed")
	flag.Int64Var(&b.fileSize, "file", 2<<30, "bytes of the file for blob copies")
	flag.IntVar(&b.files, "files", 100_000, "number of small files for blob copies")
	only := flag.String("only", "", "regular expression: measure only the pairs that match")
	flag.Parse()
	if err := b.run(context.Background(), *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is the state of one run.
type bench struct {
	dir, dmgcmd    string
	rows, fileSize int64
	times, files   int
	bundles        int
	csvBytes       int64 // of the table as psql writes it
	servers        servers
}

func (b *bench) run(ctx context.Context, only string) (err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if b.dmgcmd, err = filepath.Abs(b.dmgcmd); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "dmgateway-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.servers.postgres.start(b); err != nil {
		return err
	}
	fmt.Printf("%d rows of 12 columns, %.0f MB as delimited text; medians of %d runs, the contenders in turns.\n", b.rows, float64(b.csvBytes)/1e6, b.times)
	for _, section := range []func(context.Context, *bench) ([]pair, error){
		postgresPairs, filePairs, mariadbPairs, sqlserverPairs, oraclePairs, blobPairs, compressionPairs, coresPairs, smallPairs,
	} {
		pairs, err := section(ctx, b)
		if err != nil {
			fmt.Printf("\nleft out: %v\n", err)
		}
		for _, p := range pairs {
			if !match.MatchString(p.name) {
				continue
			}
			if err := p.measure(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}
