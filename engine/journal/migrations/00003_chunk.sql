-- +goose Up
-- Lists of files that are too long for a plan, see files.Chunks.
CREATE TABLE chunk (
    run    TEXT    NOT NULL,
    number INTEGER NOT NULL,
    body   BLOB    NOT NULL,
    PRIMARY KEY (run, number)
) STRICT;

-- +goose Down
DROP TABLE chunk;
