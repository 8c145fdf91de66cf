-- A content may be spoilt in the folder and in the history: each is known for itself.
CREATE TABLE files_spoilt (
    share    BLOB    NOT NULL,
    file     BLOB    NOT NULL,
    hash     BLOB    NOT NULL,       -- of what was written
    kept     INTEGER NOT NULL,       -- whether it is the history's copy
    found    BLOB    NOT NULL,       -- of what stands in the folder
    found_at INTEGER NOT NULL,
    PRIMARY KEY (share, file, hash, kept)
) STRICT, WITHOUT ROWID;
INSERT INTO files_spoilt (share, file, hash, kept, found, found_at)
    SELECT share, file, hash, found = x'', found, found_at FROM files_rot;
DROP TABLE files_rot;
ALTER TABLE files_spoilt RENAME TO files_rot;
