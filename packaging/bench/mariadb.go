package main

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"

	"github.com/go-sql-driver/mysql"

	"dmgateway/engine/testserver"
)

const mariadbTable = `create table %s (id bigint primary key, n int, small smallint, amount decimal(18,4), ratio double, flag varchar(1),
	created datetime(6), changed varchar(40), day date, code varchar(20), name varchar(100), note text)`

// mariadbPairs copies the table out of and into MariaDB; instants travel as text, since the table is loaded from psql's file.
func mariadbPairs(_ context.Context, b *bench) ([]pair, error) {
	dsn, err := testserver.StartMariaDB()
	if err != nil {
		return nil, err
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	config.MultiStatements = true
	db, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		return nil, err
	}
	run := func(text string) error {
		_, err := db.Exec(text)
		if err != nil {
			err = fmt.Errorf("%.60s: %w", text, err)
		}
		return err
	}
	host, port, err := splitAddress(config.Addr)
	if err != nil {
		return nil, err
	}
	client := fmt.Sprintf("MYSQL_PWD='%s' mariadb --no-defaults -h %s -P %s -u %s --local-infile=1 %s", config.Passwd, host, port, config.User, config.DBName)
	load := func(table string) string {
		return fmt.Sprintf(`%s -e "load data local infile '%s' into table %s character set utf8mb4 fields terminated by ',' optionally enclosed by '\"' escaped by '' lines terminated by '\n'`+
			` (id, n, @small, amount, ratio, flag, created, @changed, day, code, name, @note) set small = nullif(@small, ''), changed = nullif(@changed, ''), note = nullif(@note, '')"`, client, b.path("psql.csv"), table)
	}
	if err := run(fmt.Sprintf(mariadbTable, "src") + ";" + fmt.Sprintf(mariadbTable, "dst")); err != nil {
		return nil, err
	}
	if out, err := exec.Command("/bin/bash", "-c", load("src")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("load: %w\n%s", err, out)
	}
	table := func(name string) side {
		return side{
			service: map[string]any{"type": "MariaDB", "typeProperties": map[string]any{
				"connectionString": fmt.Sprintf("Server=%s;Port=%s;Database=%s;UID=%s;PWD=%s;SSLMode=0", host, port, config.DBName, config.User, config.Passwd),
			}},
			dataset: map[string]any{"type": "MariaDBTable", "typeProperties": map[string]any{"tableName": name}},
			source:  map[string]any{"type": "MariaDBSource"},
			sink:    map[string]any{"type": "MariaDBSink"},
		}
	}
	check := func() error {
		var a, c int64
		if err := db.QueryRow("select (select count(*) from src), (select count(*) from dst)").Scan(&a, &c); err != nil || a != c {
			return fmt.Errorf("%d rows are there, want %d: %w", c, a, err)
		}
		return nil
	}
	size := float64(b.csvBytes)
	return []pair{
		{
			name: "MariaDB → delimited text", goal: "≤ 1.0 × the better of mariadb --quick and mydumper", bytes: size,
			contenders: contenders(
				one("mariadb --quick", shell("%s --quick -BN -e 'select * from src' > %s", client, b.path("maria.tsv"))),
				have("mydumper", contender{name: "mydumper -t 2", command: shell("rm -rf %[1]s; mydumper -h %[2]s -P %[3]s -u %[4]s -p '%[5]s' -B %[6]s -T src -t 2 -r 250000 -o %[1]s",
					b.path("dump"), host, port, config.User, config.Passwd, config.DBName)}),
				one("dmgcmd", b.copy(table("src"), b.file("DelimitedText", "maria.csv"))),
			),
		},
		{
			name: "delimited text → MariaDB", goal: "≤ 1.0 × LOAD DATA LOCAL", bytes: size, before: func() error { return run("truncate dst") }, after: check,
			contenders: contenders(
				one("mariadb LOAD DATA LOCAL", shell("%s", load("dst"))),
				one("dmgcmd", b.copy(b.file("DelimitedText", "psql.csv"), table("dst"))),
			),
		},
	}, nil
}
