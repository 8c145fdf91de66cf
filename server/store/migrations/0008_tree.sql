-- How a shared folder stands to its records, for each share that has some.
CREATE TABLE tree_share (
    share    BLOB PRIMARY KEY,
    tick     INTEGER NOT NULL DEFAULT 0,    -- the highest count that was given or seen
    paused   INTEGER NOT NULL DEFAULT 0,    -- whether friends' changes wait
    agreed   INTEGER NOT NULL DEFAULT 0,    -- whether friends' many removals may go on
    edits    INTEGER NOT NULL DEFAULT 1,    -- whether this hive may change the share
    cautious INTEGER NOT NULL DEFAULT 0,    -- whether nothing missing counts as removed
    chosen   TEXT NOT NULL DEFAULT ''       -- folders that are wanted, a line each; '': all
) STRICT, WITHOUT ROWID;

-- What a node's record says, as far as it is looked for. The record holds the rest.
CREATE TABLE tree_node (
    share  BLOB    NOT NULL,
    id     BLOB    NOT NULL,        -- of files_entry, once it stands on disk
    parent BLOB    NOT NULL,
    name   TEXT    NOT NULL,
    alive  INTEGER NOT NULL,
    apart  INTEGER NOT NULL,        -- whether it has two versions
    size   INTEGER NOT NULL,
    PRIMARY KEY (share, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tree_node_by_place ON tree_node (share, parent, name) WHERE alive;
CREATE INDEX tree_node_apart ON tree_node (share, id) WHERE apart AND alive;

-- What stood on disk for a node when it was last in step with the records.
CREATE TABLE tree_held (
    share  BLOB NOT NULL,
    id     BLOB NOT NULL,
    parent BLOB NOT NULL,
    name   TEXT NOT NULL,
    what   BLOB NOT NULL,           -- tree::What
    vector BLOB NOT NULL,           -- types::Vector
    hash   BLOB,                    -- of a file's content
    PRIMARY KEY (share, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tree_held_by_place ON tree_held (share, parent, name);
CREATE INDEX tree_held_by_hash ON tree_held (share, hash) WHERE hash IS NOT NULL;

-- Nodes of which the disk is not as the records say, and what they wait for.
CREATE TABLE tree_step (
    share  BLOB    NOT NULL,
    id     BLOB    NOT NULL,
    due    INTEGER NOT NULL DEFAULT 0,      -- not tried again before
    code   TEXT,                            -- why the last try failed
    detail TEXT,
    PRIMARY KEY (share, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tree_step_by_due ON tree_step (share, due);

-- Entries of which the records do not tell yet what the disk holds.
CREATE TABLE tree_unread (
    share BLOB    NOT NULL,
    id    BLOB    NOT NULL,                 -- of files_entry
    due   INTEGER NOT NULL,                 -- not read before
    code  TEXT,                             -- what it waits for
    PRIMARY KEY (share, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tree_unread_by_due ON tree_unread (share, due);

-- Nodes that were received and not mended yet.
CREATE TABLE tree_unmended (
    share BLOB NOT NULL,
    id    BLOB NOT NULL,
    PRIMARY KEY (share, id)
) STRICT, WITHOUT ROWID;

-- Pairs of contents of a node, the smaller hash first, that do not merge by themselves.
CREATE TABLE tree_apart (
    share BLOB NOT NULL,
    id    BLOB NOT NULL,
    one   BLOB NOT NULL,
    two   BLOB NOT NULL,
    PRIMARY KEY (share, id, one, two)
) STRICT, WITHOUT ROWID;

-- Contents that are partly here.
CREATE TABLE tree_part (
    share  BLOB    NOT NULL,
    hash   BLOB    NOT NULL,
    size   INTEGER NOT NULL,
    ranges BLOB    NOT NULL,                -- [(start, end)] that are durable
    PRIMARY KEY (share, hash)
) STRICT, WITHOUT ROWID;
