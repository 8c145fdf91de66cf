-- How far the generation may have come: 0 no other hive has it, 1 other hives make the same one of
-- the same version of the file, 2 another hive has, or had, it open.
ALTER TABLE documents_document RENAME COLUMN linked TO reach;
UPDATE documents_document SET reach = 2 WHERE reach = 1;
