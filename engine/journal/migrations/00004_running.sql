-- +goose Up
-- What ran when the program last ended without being told to, see Journal.Reckon.
CREATE TABLE running (
    run    TEXT    NOT NULL PRIMARY KEY,
    live   INTEGER NOT NULL,          -- 1 from the start of an attempt until it ends or is left in order
    best   INTEGER NOT NULL,          -- how far the run's checkpoint had come at a start, at most
    deaths INTEGER NOT NULL DEFAULT 0 -- of the program, one after the other, in which the run got no further than that
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE running;
