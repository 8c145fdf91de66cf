CREATE TABLE files_share (
    id         BLOB PRIMARY KEY,
    name       TEXT    NOT NULL,
    root       TEXT    NOT NULL,    -- absolute path of the folder
    only       TEXT,                -- the one file that is shared of it; NULL: all of it
    marked     INTEGER NOT NULL,    -- whether a marker file could be put into the root
    created_at INTEGER NOT NULL,
    scanned_at INTEGER              -- when it was first seen whole; NULL: not yet
) STRICT, WITHOUT ROWID;

-- What was last seen on disk. One row for each path, and it stays when the file is gone, so that
-- a file that comes back is the same file.
CREATE TABLE files_entry (
    row         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    share       BLOB    NOT NULL REFERENCES files_share (id) ON DELETE CASCADE,
    folder      TEXT    NOT NULL,   -- path of the folder that holds it, '' for the root
    name        TEXT    NOT NULL,
    sort_key    BLOB    NOT NULL,   -- orders names as people do: file2 before file10
    kind        TEXT    NOT NULL CHECK (kind IN ('folder', 'file', 'link')),
    is_file     INTEGER NOT NULL GENERATED ALWAYS AS (kind <> 'folder') VIRTUAL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    born_ns     INTEGER,            -- NULL: the file system does not tell
    changed_by  BLOB,               -- person, if the change came through Skep
    verb        TEXT CHECK (verb IN ('added', 'changed', 'removed')),   -- NULL: no news
    seen_at     INTEGER NOT NULL,   -- when the hive noticed the last change
    gone_at     INTEGER             -- NULL: it is there
) STRICT;
CREATE UNIQUE INDEX files_entry_by_path ON files_entry (share, folder, name);
-- Holds all that pages are ordered by and sums are made of.
CREATE INDEX files_entry_by_order
    ON files_entry (share, folder, is_file, sort_key, kind, size, modified_ns)
    WHERE gone_at IS NULL;
CREATE INDEX files_entry_by_inode ON files_entry (share, inode);
CREATE INDEX files_entry_by_news ON files_entry (seen_at) WHERE verb IS NOT NULL;
CREATE INDEX files_entry_by_gone ON files_entry (gone_at) WHERE gone_at IS NOT NULL;
