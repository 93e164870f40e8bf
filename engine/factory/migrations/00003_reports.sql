-- +goose Up

-- What gateways have sent by Send logs. The files are ID.zip in the folder "reports", ID.part while they arrive. Names are
-- kept as they were, so that a report outlives its gateway.
CREATE TABLE reports (
  id       TEXT PRIMARY KEY,
  node     TEXT NOT NULL, -- node ID
  sha256   TEXT NOT NULL,
  bytes    INTEGER NOT NULL,
  gateway  TEXT NOT NULL, -- name
  name     TEXT NOT NULL, -- of the node
  note     TEXT NOT NULL,
  version  TEXT NOT NULL,
  begun    INTEGER NOT NULL,
  received INTEGER NOT NULL, -- 0 while it arrives
  UNIQUE (node, sha256)
);
CREATE INDEX reports_by_time ON reports (received);

-- +goose Down
DROP TABLE reports;
