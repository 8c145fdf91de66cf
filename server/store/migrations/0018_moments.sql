-- How a document came to be what it is: a moment ends each spell of typing. What a moment held is
-- made again from the document itself, which keeps all that was deleted.
CREATE TABLE documents_moment (
    file    BLOB    NOT NULL REFERENCES documents_document (file) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    began   INTEGER NOT NULL,
    at      INTEGER NOT NULL,    -- when it ended; grows with the number
    content BLOB,                -- BLAKE3 of the file, where it held just this
    label   TEXT,                -- a name that a person gave
    PRIMARY KEY (file, number)
) STRICT, WITHOUT ROWID;

-- What one author put in and took out in a moment.
CREATE TABLE documents_stroke (
    file    BLOB    NOT NULL,
    moment  INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    person  BLOB,
    name    TEXT,                -- what they were called then
    how     TEXT    NOT NULL CHECK (how IN ('typed', 'saved', 'hive')),
    source  BLOB,                -- of what was saved into the file: BLAKE3 of that content
    added   INTEGER NOT NULL,    -- UTF-16 units
    removed INTEGER NOT NULL,
    body    BLOB    NOT NULL,    -- clocks (Yjs) that were inserted, and that were deleted
    PRIMARY KEY (file, moment, part),
    FOREIGN KEY (file, moment) REFERENCES documents_moment (file, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
