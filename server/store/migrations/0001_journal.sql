-- What changed, newest state of each key only. `seq` is the position that followers resume from.
CREATE TABLE journal (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind  TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    share BLOB,
    at    INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;

-- Facts about the hive itself: its name, whether it is paused, and so on.
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
