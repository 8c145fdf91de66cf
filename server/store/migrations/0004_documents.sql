-- A text file that is or was open live.
CREATE TABLE documents_document (
    file       BLOB PRIMARY KEY,
    generation BLOB    NOT NULL,
    merged     INTEGER NOT NULL,    -- sequence number of the last update that is in the state
    settled    INTEGER NOT NULL,    -- slot of the mark that says what the file last held
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Merged updates (Yjs v1), with all that was deleted.
CREATE TABLE documents_state (
    file BLOB PRIMARY KEY REFERENCES documents_document (file) ON DELETE CASCADE,
    body BLOB NOT NULL
) STRICT;

-- What the file on disk held at a moment of the document. The slot that is not `settled` says what
-- was about to be written: after a crash the file holds one of the two.
CREATE TABLE documents_mark (
    file   BLOB    NOT NULL REFERENCES documents_document (file) ON DELETE CASCADE,
    slot   INTEGER NOT NULL CHECK (slot IN (0, 1)),
    hash   BLOB    NOT NULL,        -- BLAKE3 of the file's bytes
    moment BLOB    NOT NULL,        -- Yjs snapshot (v1)
    seq    INTEGER NOT NULL,        -- the moment holds the updates up to this one
    mark   INTEGER NOT NULL,        -- whether the file begins with a byte order mark
    crlf   INTEGER NOT NULL,        -- whether its lines end with CR LF
    PRIMARY KEY (file, slot)
) STRICT;

-- Updates since the last merge, in the order in which they became durable. A body is a sequence of
-- updates, each after its length as a lib0 number.
CREATE TABLE documents_update (
    file BLOB    NOT NULL REFERENCES documents_document (file) ON DELETE CASCADE,
    seq  INTEGER NOT NULL,
    body BLOB    NOT NULL,
    PRIMARY KEY (file, seq)
) STRICT, WITHOUT ROWID;
