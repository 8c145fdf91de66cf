-- How fast contents go to and from a friend's hive, in kilobytes a second; 0: as fast as it goes.
ALTER TABLE people_friend ADD COLUMN up_kb INTEGER NOT NULL DEFAULT 0;
ALTER TABLE people_friend ADD COLUMN down_kb INTEGER NOT NULL DEFAULT 0;

-- The folders that an offered share holds: names and bytes, as they were told.
ALTER TABLE people_offer ADD COLUMN folders BLOB NOT NULL DEFAULT x'';

-- Words about who is in a share, for a hive that is to hear them although the share is not here any
-- more: that it was removed, or that this hive left.
CREATE TABLE people_farewell (
    share BLOB    NOT NULL,
    hive  BLOB    NOT NULL,          -- who is to hear it
    about BLOB    NOT NULL,          -- of whom it tells: of them, or of this hive
    word  BLOB    NOT NULL,          -- the body of the member's record
    at    INTEGER NOT NULL,
    PRIMARY KEY (share, hive)
) STRICT, WITHOUT ROWID;

-- What was chosen of two versions, so that it can be undone.
CREATE TABLE tree_choice (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    share  BLOB    NOT NULL,
    file   BLOB    NOT NULL,
    chosen BLOB    NOT NULL,         -- the version that stood after it
    sides  BLOB    NOT NULL,         -- both versions
    made   BLOB,                     -- the file that the second one became
    at     INTEGER NOT NULL
) STRICT;
