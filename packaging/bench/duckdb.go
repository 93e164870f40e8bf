package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// duckScript runs SQL with the npm package, with as many threads as there are cores.
const duckScript = `
import { createRequire } from 'module';
const { DuckDBInstance } = createRequire(process.env.DUCK_MODULES + '/')('@duckdb/node-api');
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(process.argv[2]);
`

// duckModules is the folder of the npm packages that the set-up script installs.
func duckModules() string {
	cache := os.Getenv("DMG_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		cache = filepath.Join(base, "dmgateway")
	}
	return filepath.Join(cache, "node", "node_modules")
}

// duckdb is a contender that needs duckdb; none where it is not installed.
func (b *bench) duckdb(name string, command []string) []contender {
	if _, err := os.Stat(filepath.Join(duckModules(), "@duckdb", "node-api")); err != nil {
		fmt.Println("\nleft out: the npm package @duckdb/node-api is not in the test cache")
		return nil
	}
	if _, err := exec.LookPath("node"); err != nil {
		fmt.Println("\nleft out: node is not on the PATH")
		return nil
	}
	return one(name, command)
}

// duckCommand is the shell command that runs the SQL.
func (b *bench) duckCommand(sql string) string {
	script := b.path("duck.mjs")
	if err := os.WriteFile(script, []byte(duckScript), 0o600); err != nil {
		panic(err)
	}
	return fmt.Sprintf(`DUCK_MODULES='%s' node '%s' '%s'`, duckModules(), script, strings.ReplaceAll(sql, "'", `'\''`))
}

// duckRead reads the table's text with its types.
func duckRead(path string) string {
	return `select * from read_csv('` + path + `', header=false, columns={id:'BIGINT',n:'INTEGER',small:'SMALLINT',amount:'DECIMAL(18,4)',ratio:'DOUBLE',flag:'BOOLEAN',
		created:'TIMESTAMP',changed:'TIMESTAMPTZ',day:'DATE',code:'VARCHAR',name:'VARCHAR',note:'VARCHAR'})`
}

// filePairs copies between files of two formats. The Parquet file comes from PostgreSQL, so that its columns are typed.
func filePairs(ctx context.Context, b *bench) ([]pair, error) {
	size := float64(b.csvBytes)
	typed := b.file("DelimitedText", "psql.csv")
	typed.dataset["schema"] = typedSchema
	return []pair{
		{
			name: "delimited text → Parquet", goal: "≤ 1.0 × duckdb, ≤ 200 MB", bytes: size,
			contenders: contenders(
				b.duckdb("duckdb", shell("%s", b.duckCommand(`copy (`+duckRead(b.path("psql.csv"))+`) to '`+b.path("duck.parquet")+`' (format parquet)`))),
				one("dmgcmd", b.copy(typed, b.file("Parquet", "text.parquet"))),
			),
		},
		{
			name: "Parquet → delimited text", goal: "≤ 1.0 × duckdb, ≤ 200 MB", bytes: size,
			setup: func() error {
				command := b.copy(b.pgSide("src"), b.file("Parquet", "own.parquet"))
				out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w\n%s", err, out)
				}
				return nil
			},
			contenders: contenders(
				b.duckdb("duckdb", shell("%s", b.duckCommand(`copy (from '`+b.path("own.parquet")+`') to '`+b.path("duck.csv")+`' (format csv, header false)`))),
				one("dmgcmd", b.copy(b.file("Parquet", "own.parquet"), b.file("DelimitedText", "parquet.csv"))),
			),
		},
	}, nil
}

// typedSchema is the table's schema with the types that a person would declare for the text.
var typedSchema = func() (list []any) {
	for _, c := range [][2]string{
		{"id", "Int64"},
		{"n", "Int32"},
		{"small", "Int16"},
		{"amount", "Decimal"},
		{"ratio", "Double"},
		{"flag", "Boolean"},
		{"created", "Datetime"},
		{"changed", "Datetimeoffset"},
		{"day", "Date"},
		{"code", "String"},
		{"name", "String"},
		{"note", "String"},
	} {
		column := map[string]any{"name": c[0], "type": c[1]}
		if c[1] == "Decimal" {
			column["precision"], column["scale"] = 18, 4
		}
		list = append(list, column)
	}
	return list
}()
