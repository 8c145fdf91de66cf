CREATE TABLE files_share (
    id         BLOB PRIMARY KEY,
    name       TEXT    NOT NULL,
    root       TEXT    NOT NULL,    -- absolute path of the folder
    only       TEXT,                -- the one file that is shared of it; NULL: all of it
    marked     INTEGER NOT NULL,    -- whether a marker file could be put into the root
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was last seen on disk.
CREATE TABLE files_entry (
    id          BLOB PRIMARY KEY,
    share       BLOB    NOT NULL REFERENCES files_share (id) ON DELETE CASCADE,
    folder      TEXT    NOT NULL,   -- path of the folder that holds it, '' for the root
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('folder', 'file', 'link')),
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    changed_by  BLOB,               -- person, if the change came through Skep
    seen_at     INTEGER NOT NULL,   -- when the hive noticed the last change
    gone_at     INTEGER             -- NULL: it is there
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX files_entry_by_path ON files_entry (share, folder, name);
CREATE INDEX files_entry_by_seen ON files_entry (seen_at);
