-- Owners of other hives that are linked with this one, both ways.
CREATE TABLE people_friend (
    hive         BLOB PRIMARY KEY,
    name         TEXT,               -- our own name for them; NULL: as they call themselves
    own_name     TEXT    NOT NULL,
    hue          INTEGER NOT NULL CHECK (hue BETWEEN 0 AND 11),
    device       TEXT    NOT NULL,
    addresses    TEXT    NOT NULL,   -- where their hive was found, one a line, newest first
    last_seen_at INTEGER,
    muted        INTEGER NOT NULL DEFAULT 0,
    auto_accept  INTEGER NOT NULL DEFAULT 0,
    added_at     INTEGER NOT NULL,
    paused_at    INTEGER,
    paused_until INTEGER             -- NULL while paused: until resumed
) STRICT, WITHOUT ROWID;

CREATE TABLE people_group (
    id         BLOB PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE people_group_friend (
    team BLOB NOT NULL REFERENCES people_group (id) ON DELETE CASCADE,
    hive BLOB NOT NULL REFERENCES people_friend (hive) ON DELETE CASCADE,
    PRIMARY KEY (team, hive)
) STRICT, WITHOUT ROWID;

-- What the owner of this hive gave to whom; what counts are the signed records.
CREATE TABLE people_grant (
    share BLOB NOT NULL,
    hive  BLOB NOT NULL,
    right TEXT NOT NULL,
    PRIMARY KEY (share, hive)
) STRICT, WITHOUT ROWID;

CREATE TABLE people_group_grant (
    share BLOB NOT NULL,
    team  BLOB NOT NULL REFERENCES people_group (id) ON DELETE CASCADE,
    right TEXT NOT NULL,
    PRIMARY KEY (share, team)
) STRICT, WITHOUT ROWID;

-- Lets somebody become a friend, and with it take up a share.
CREATE TABLE people_invitation (
    id          BLOB PRIMARY KEY,
    secret_hash BLOB    NOT NULL,
    words       TEXT,                -- three words for the same network
    share       BLOB,
    right       TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    uses        INTEGER NOT NULL DEFAULT 0,
    uses_max    INTEGER NOT NULL,
    answered_by BLOB                 -- the hive that answered it last
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_invitation_by_secret ON people_invitation (secret_hash);

-- Shares that a friend's hive holds out to this one.
CREATE TABLE people_offer (
    share    BLOB PRIMARY KEY,
    hive     BLOB    NOT NULL,
    right    TEXT    NOT NULL,
    files    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    declined INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What the membership records of each share come to. Made anew from them whenever one changes.
CREATE TABLE people_member (
    share  BLOB    NOT NULL,
    hive   BLOB    NOT NULL,
    state  TEXT    NOT NULL CHECK (state IN ('offered', 'member', 'left', 'removed')),
    right  TEXT    NOT NULL,         -- the last one, once they left or were removed
    had    TEXT    NOT NULL,         -- the highest that they ever had
    name   TEXT    NOT NULL,
    hue    INTEGER NOT NULL,
    device TEXT    NOT NULL,
    PRIMARY KEY (share, hive)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_member_by_hive ON people_member (hive);

CREATE TABLE people_share_pause (
    share        BLOB PRIMARY KEY,
    paused_at    INTEGER NOT NULL,
    paused_until INTEGER
) STRICT, WITHOUT ROWID;
