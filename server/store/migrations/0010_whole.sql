-- When the inode was changed last in any way, and how many names it has; 0: not known yet.
ALTER TABLE files_entry ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files_entry ADD COLUMN names INTEGER NOT NULL DEFAULT 1;

-- The file that gives its id to all names of one inode.
ALTER TABLE tree_held ADD COLUMN twin BLOB;
CREATE INDEX tree_held_by_twin ON tree_held (share, twin) WHERE twin IS NOT NULL;

-- Contents of which the disk gave back other bytes than were written, until they are whole again.
CREATE TABLE files_rot (
    share    BLOB    NOT NULL,
    file     BLOB    NOT NULL,
    hash     BLOB    NOT NULL,       -- of what was written
    found    BLOB    NOT NULL,       -- of what stands there; '': it is the history's copy
    found_at INTEGER NOT NULL,
    PRIMARY KEY (share, file, hash)
) STRICT, WITHOUT ROWID;

-- How far the look through all contents has come, for each share, and under '' for the history.
CREATE TABLE files_scrub (
    share    BLOB PRIMARY KEY,
    at       INTEGER,                -- the row that was looked at last; NULL: none is under way
    ended_at INTEGER NOT NULL        -- when everything was looked at last
) STRICT, WITHOUT ROWID;
