-- Into which file something went that ended: what was known of it is found there.
ALTER TABLE files_version ADD COLUMN merged_into BLOB;
CREATE INDEX files_version_by_successor ON files_version (merged_into)
    WHERE merged_into IS NOT NULL;
