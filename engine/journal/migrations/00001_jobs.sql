-- +goose Up
CREATE TABLE job (
    run        TEXT    NOT NULL, -- the activity run
    attempt    INTEGER NOT NULL,
    message_id TEXT    NOT NULL UNIQUE,
    body       BLOB    NOT NULL, -- protocol.Job as JSON, its secrets sealed
    source     TEXT    NOT NULL,
    sink       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    taken      INTEGER NOT NULL, -- instants are Unix microseconds, 0 = none
    started    INTEGER NOT NULL DEFAULT 0,
    ended      INTEGER NOT NULL DEFAULT 0,
    expires    INTEGER NOT NULL,
    result     BLOB,             -- report.Result as JSON
    PRIMARY KEY (run, attempt)
) STRICT;
CREATE INDEX job_taken ON job (taken DESC);
CREATE INDEX job_open ON job (taken) WHERE ended = 0;

CREATE TABLE plan (
    run      TEXT    NOT NULL PRIMARY KEY,
    body     BLOB    NOT NULL, -- copy.Plan as JSON
    prepared INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE committed (
    run       TEXT NOT NULL,
    partition TEXT NOT NULL,
    counts    BLOB NOT NULL, -- copy.PartitionCounts as JSON
    PRIMARY KEY (run, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT    NOT NULL UNIQUE,
    body       BLOB    NOT NULL -- protocol.Event as JSON
) STRICT;

CREATE TABLE setting (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE setting;
DROP TABLE outbox;
DROP TABLE committed;
DROP TABLE plan;
DROP TABLE job;
