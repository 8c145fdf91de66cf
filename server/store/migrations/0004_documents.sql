-- A text file that is or was open live.
CREATE TABLE documents_document (
    file        BLOB PRIMARY KEY,
    generation  BLOB    NOT NULL,
    state       BLOB    NOT NULL,   -- merged updates (Yjs v1) up to `merged`
    merged      INTEGER NOT NULL,   -- sequence number of the last merged update
    settled     BLOB    NOT NULL,   -- Yjs snapshot (v1) of what the file on disk last held
    settled_hash BLOB   NOT NULL,   -- BLAKE3 of the file's bytes at that moment
    line_ending TEXT    NOT NULL CHECK (line_ending IN ('lf', 'crlf')),
    mark        INTEGER NOT NULL,   -- whether the file begins with a byte order mark
    changed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Updates since the last merge, in the order in which they became durable.
CREATE TABLE documents_update (
    file BLOB    NOT NULL REFERENCES documents_document (file) ON DELETE CASCADE,
    seq  INTEGER NOT NULL,
    body BLOB    NOT NULL,
    PRIMARY KEY (file, seq)
) STRICT, WITHOUT ROWID;
