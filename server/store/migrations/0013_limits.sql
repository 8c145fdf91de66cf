-- Up to which of its counts what a member signed still counts, where it may not write any more.
ALTER TABLE people_member ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;

-- By which rights the nodes of a share were looked through: up to which count of whom all counts.
CREATE TABLE tree_writer (
    share BLOB    NOT NULL,
    hive  BLOB    NOT NULL,
    upto  INTEGER NOT NULL,
    PRIMARY KEY (share, hive)
) STRICT, WITHOUT ROWID;

-- Shares of which something was refused that may count later, and of which friends are to be
-- asked for everything anew.
CREATE TABLE tree_refused (
    share BLOB PRIMARY KEY,
    anew  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
