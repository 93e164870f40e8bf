-- +goose Up

-- How far incremental copies have read. key and value are a gateway's; an empty value is a key that begins anew, and
-- stays so that no node takes its own, older one for true. A row with the empty key says that for all keys.
CREATE TABLE watermarks (
  pipeline TEXT NOT NULL COLLATE NOCASE,
  activity TEXT NOT NULL COLLATE NOCASE,
  key      TEXT NOT NULL,
  value    TEXT NOT NULL,
  source   TEXT NOT NULL DEFAULT '',
  field    TEXT NOT NULL DEFAULT '', -- the column
  run      TEXT NOT NULL DEFAULT '', -- activity run that moved it
  changed  INTEGER NOT NULL,
  PRIMARY KEY (pipeline, activity, key)
);

-- +goose Down
DROP TABLE watermarks;
