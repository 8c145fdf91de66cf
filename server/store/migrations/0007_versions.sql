-- Pieces of contents, each kept once. What is small stands here until it is packed; the rest
-- stands in a pack, a file of the folder `chunks`.
CREATE TABLE chunk (
    row    INTEGER PRIMARY KEY,
    hash   BLOB    NOT NULL UNIQUE,  -- of the bytes as they were
    bytes  BLOB,
    pack   INTEGER,
    at     INTEGER,                  -- where the bytes begin in the pack
    stored INTEGER NOT NULL,         -- how many bytes they take
    size   INTEGER NOT NULL,         -- how many they were
    packed INTEGER NOT NULL,         -- whether they are compressed
    refs   INTEGER NOT NULL          -- how many contents hold it
) STRICT;
CREATE INDEX chunk_by_pack ON chunk (pack) WHERE pack IS NOT NULL;
CREATE INDEX chunk_to_pack ON chunk (row) WHERE bytes IS NOT NULL;

-- Whole contents that are kept.
CREATE TABLE chunk_content (
    hash   BLOB PRIMARY KEY,
    size   INTEGER NOT NULL,
    chunks BLOB    NOT NULL          -- hash and size of each, in order
) STRICT, WITHOUT ROWID;

-- What happened to each file and folder of a share, as this hive saw it. The newest row of each
-- tells how it stands; what held at a moment is the newest row that was noted until then.
CREATE TABLE files_version (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    share    BLOB    NOT NULL,
    file     BLOB    NOT NULL,
    parent   BLOB    NOT NULL,
    name     TEXT    NOT NULL,
    verb     TEXT    NOT NULL
             CHECK (verb IN ('added', 'changed', 'restored', 'merged', 'moved', 'removed', 'ended')),
    what     BLOB    NOT NULL,       -- tree::What; of a removal: what was removed
    hash     BLOB,                   -- of a file's content
    size     INTEGER NOT NULL,
    vector   BLOB    NOT NULL,
    hive     BLOB    NOT NULL,       -- whose word it is
    by       TEXT,                   -- a guest of that hive
    at       INTEGER NOT NULL,       -- by the author's clock
    noted_at INTEGER NOT NULL,       -- by this hive's clock
    until    INTEGER,                -- NULL: it holds
    label    TEXT,                   -- a name that a person gave
    pinned   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX files_version_by_file ON files_version (file, id);
CREATE INDEX files_version_by_hash ON files_version (hash) WHERE hash IS NOT NULL;
CREATE INDEX files_version_by_end ON files_version (until) WHERE until IS NOT NULL;
CREATE INDEX files_version_trash ON files_version (share, noted_at)
    WHERE verb = 'removed' AND until IS NULL;

-- Contents that were moved aside because a friend's change took their place and the history could
-- not keep them. They lie in the share's own folder.
CREATE TABLE files_aside (
    share BLOB    NOT NULL,
    hash  BLOB    NOT NULL,
    name  TEXT    NOT NULL,          -- inside of the folder for such files
    size  INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (share, hash)
) STRICT, WITHOUT ROWID;

-- What putting a folder back did, so that it can be undone.
CREATE TABLE files_put_back (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    share  BLOB    NOT NULL,
    folder TEXT    NOT NULL,
    began  INTEGER NOT NULL          -- the moment before it
) STRICT;
