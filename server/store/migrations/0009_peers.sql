-- This hive's count of records: another number after a restore, so that positions in it that
-- friends' hives remember no longer hold.
CREATE TABLE peers_epoch (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL
) STRICT;

-- How far this hive went through the records of friends' hives.
CREATE TABLE peers_position (
    hive  BLOB    NOT NULL,
    share BLOB    NOT NULL,
    epoch INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (hive, share)
) STRICT, WITHOUT ROWID;
