-- Where large contents are cut, and what each piece was, when their bytes are not kept.
CREATE TABLE chunk_outline (
    hash BLOB PRIMARY KEY,
    cuts BLOB NOT NULL               -- print and size of each, in order
) STRICT;
