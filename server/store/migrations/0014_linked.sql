-- Whether another hive has had the document open in its present generation.
ALTER TABLE documents_document ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;

-- Clients (Yjs) of former generations that the present one does not know. Who still has their edits
-- would double the text, whatever generation they say.
CREATE TABLE documents_retired (
    file   BLOB    NOT NULL REFERENCES documents_document (file) ON DELETE CASCADE,
    client INTEGER NOT NULL,
    PRIMARY KEY (file, client)
) STRICT, WITHOUT ROWID;
