-- How fast contents go to and from a friend's hive, in kilobytes a second; 0: as fast as it goes.
ALTER TABLE people_friend ADD COLUMN up_kb INTEGER NOT NULL DEFAULT 0;
ALTER TABLE people_friend ADD COLUMN down_kb INTEGER NOT NULL DEFAULT 0;
