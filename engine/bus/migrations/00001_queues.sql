-- +goose Up
CREATE TABLE queue (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE COLLATE NOCASE,
    options TEXT NOT NULL -- JSON of QueueOptions
);

-- Instants are milliseconds since 1970 UTC, 0 is never.
CREATE TABLE message (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    queue       INTEGER NOT NULL,
    dead        INTEGER NOT NULL, -- 1: in the dead-letter queue
    state       INTEGER NOT NULL, -- 0 active, 1 deferred, 2 scheduled
    count       INTEGER NOT NULL, -- deliveries begun
    enqueued    INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    due         INTEGER NOT NULL, -- of a scheduled message
    ttl         INTEGER NOT NULL, -- milliseconds, 0 is none
    priority    INTEGER NOT NULL,
    durable     INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    annotations BLOB,             -- the sender's message annotations, an encoded map
    body        BLOB NOT NULL     -- properties to footer, as they came
);

-- Message IDs seen by queues with duplicate detection.
CREATE TABLE seen (
    queue INTEGER NOT NULL,
    id    BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;

CREATE TABLE rule (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    key  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE rule_grant (
    rule   TEXT NOT NULL COLLATE NOCASE,
    queue  TEXT NOT NULL COLLATE NOCASE, -- '' is the whole namespace
    rights INTEGER NOT NULL,
    PRIMARY KEY (rule, queue)
) WITHOUT ROWID;
