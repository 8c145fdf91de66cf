CREATE TABLE people_person (
    id         BLOB PRIMARY KEY,
    role       TEXT    NOT NULL CHECK (role IN ('owner', 'guest')),
    name       TEXT    NOT NULL,
    hue        INTEGER NOT NULL CHECK (hue BETWEEN 0 AND 11),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_one_owner ON people_person (role) WHERE role = 'owner';

-- A capability: the secret in a link's address opens one share, folder or file.
CREATE TABLE people_link (
    id          TEXT PRIMARY KEY,
    secret_hash BLOB    NOT NULL,
    name        TEXT,
    share       BLOB    NOT NULL,
    file        BLOB,               -- NULL: the whole share
    right       TEXT    NOT NULL,
    password    TEXT,               -- Argon2id, PHC string
    expires_at  INTEGER,
    uses        INTEGER NOT NULL DEFAULT 0,
    uses_max    INTEGER,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER,
    used_from   TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX people_link_by_share ON people_link (share);

-- A browser that signed in: the owner's, or a guest's who came by a link.
CREATE TABLE people_session (
    id          BLOB PRIMARY KEY,
    secret_hash BLOB    NOT NULL,
    person      BLOB    NOT NULL REFERENCES people_person (id),
    link        TEXT REFERENCES people_link (id) ON DELETE CASCADE,
    agent       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL,
    used_from   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_session_by_secret ON people_session (secret_hash);

-- One-time sign-ins ('sign_in'), API tokens ('api') and tokens for one document ('document').
CREATE TABLE people_token (
    id          BLOB PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('sign_in', 'api', 'document')),
    secret_hash BLOB    NOT NULL,
    name        TEXT    NOT NULL,
    right       TEXT    NOT NULL,
    share       BLOB,               -- NULL: everything
    file        BLOB,
    link        TEXT REFERENCES people_link (id) ON DELETE CASCADE,
    session     BLOB REFERENCES people_session (id) ON DELETE CASCADE,
    expires_at  INTEGER,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER,
    used_from   TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_token_by_secret ON people_token (secret_hash);
