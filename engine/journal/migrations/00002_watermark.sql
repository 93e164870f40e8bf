-- +goose Up
CREATE TABLE watermark (
    key     TEXT    NOT NULL PRIMARY KEY, -- see copy.WatermarkKey
    value   TEXT    NOT NULL,
    changed INTEGER NOT NULL -- Unix microseconds
) STRICT, WITHOUT ROWID;

-- Runs at this machine without a factory, while they are not finished.
CREATE TABLE open_run (
    key TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE open_run;
DROP TABLE watermark;
