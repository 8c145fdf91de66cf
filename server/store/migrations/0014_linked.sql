-- Whether another hive has had the document open in its present generation.
ALTER TABLE documents_document ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;
