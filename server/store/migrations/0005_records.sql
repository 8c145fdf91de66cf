-- What other hives may need: the newest state of each thing of a share. `seq` is this hive's own
-- count, the position that a friend's hive catches up from.
CREATE TABLE record (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    share BLOB    NOT NULL,
    kind  INTEGER NOT NULL,     -- store::Kind
    key   BLOB    NOT NULL,
    body  BLOB    NOT NULL,
    UNIQUE (share, kind, key)
) STRICT;
CREATE INDEX record_by_share ON record (share, seq);
