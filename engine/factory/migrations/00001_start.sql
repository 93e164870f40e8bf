-- Times are microseconds since 1970 in UTC; 0 or NULL means never. Sealed columns are encrypted with the key in the file
-- "state.key" and bound to their row.

-- +goose Up
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Logical gateways. granted is the ID of the key whose Service Bus rule is known to be in force, '-' once a removed
-- gateway's queue is gone.
CREATE TABLE gateways (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL COLLATE NOCASE,
  description   TEXT NOT NULL DEFAULT '',
  key_id        TEXT NOT NULL,
  sealed_secret BLOB NOT NULL,
  sealed_rule   BLOB NOT NULL,
  granted       TEXT NOT NULL DEFAULT '',
  status_queue  TEXT NOT NULL,
  created       INTEGER NOT NULL,
  changed       INTEGER NOT NULL,
  removed       INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX gateways_name ON gateways (name) WHERE removed = 0;

-- Nodes stay when they are revoked, so that a late caller can be told why.
CREATE TABLE nodes (
  id           TEXT PRIMARY KEY,
  gateway      TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  name         TEXT NOT NULL COLLATE NOCASE,
  token_hash   BLOB NOT NULL UNIQUE,
  sealed_token BLOB NOT NULL,
  certificate  BLOB NOT NULL,
  version      TEXT NOT NULL,
  registered   INTEGER NOT NULL,
  contact      INTEGER NOT NULL,
  heartbeat    TEXT,
  heartbeat_at INTEGER NOT NULL DEFAULT 0,
  revoked      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX nodes_gateway ON nodes (gateway);

-- Linked services, datasets and pipelines: properties as they were put, secrets sealed.
CREATE TABLE resources (
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL COLLATE NOCASE,
  properties TEXT NOT NULL,
  etag       TEXT NOT NULL,
  changed    INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE pipeline_runs (
  id         TEXT PRIMARY KEY,
  pipeline   TEXT NOT NULL,
  parameters TEXT NOT NULL,
  status     TEXT NOT NULL,
  message    TEXT NOT NULL DEFAULT '',
  invoked_by TEXT NOT NULL,
  created    INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  ended      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pipeline_runs_updated ON pipeline_runs (updated);

-- One row per activity run. phase is the factory's own state, finer than the status that is shown:
-- waiting (for a node or for retry_at), sent (attempt is queued), taken (a node holds the lease), ended.
CREATE TABLE activity_runs (
  id           TEXT PRIMARY KEY,
  pipeline_run TEXT NOT NULL REFERENCES pipeline_runs (id),
  pipeline     TEXT NOT NULL,
  activity     TEXT NOT NULL,
  gateway      TEXT NOT NULL,
  bundle       TEXT NOT NULL,
  retry        INTEGER NOT NULL,
  retry_after  INTEGER NOT NULL,
  phase        TEXT NOT NULL,
  status       TEXT NOT NULL,
  reason       TEXT NOT NULL DEFAULT '',
  attempt      INTEGER NOT NULL DEFAULT 0,
  failures     INTEGER NOT NULL DEFAULT 0,
  losses       INTEGER NOT NULL DEFAULT 0,
  cancelling   INTEGER NOT NULL DEFAULT 0,
  node         TEXT NOT NULL DEFAULT '',
  created      INTEGER NOT NULL,
  updated      INTEGER NOT NULL,
  queued       INTEGER NOT NULL DEFAULT 0,
  expires      INTEGER NOT NULL DEFAULT 0,
  retry_at     INTEGER NOT NULL DEFAULT 0,
  lease_until  INTEGER NOT NULL DEFAULT 0,
  picked_up    INTEGER NOT NULL DEFAULT 0,
  started      INTEGER NOT NULL DEFAULT 0,
  ended        INTEGER NOT NULL DEFAULT 0,
  checkpoint   TEXT,
  progress     TEXT,
  result       TEXT
);
CREATE INDEX activity_runs_pipeline ON activity_runs (pipeline_run);
CREATE INDEX activity_runs_open ON activity_runs (phase) WHERE phase <> 'ended';

-- Messages that must reach a queue. A row is written in the transaction that decides on the message and deleted when the
-- queue has taken it; sending twice is harmless, because message_id stays the same.
CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  queue      TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  subject    TEXT NOT NULL,
  body       BLOB NOT NULL,
  expires    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE outbox;
DROP TABLE activity_runs;
DROP TABLE pipeline_runs;
DROP TABLE resources;
DROP TABLE nodes;
DROP TABLE gateways;
DROP TABLE meta;
