-- Whether a number was looked at by its country's plan: those of before it was known are, by a job.
ALTER TABLE charge_phone ADD COLUMN is_checked BIGINT NOT NULL DEFAULT 1 CHECK (is_checked IN (0, 1));

-- The number that this one is another spelling of; its history stays where it is.
ALTER TABLE charge_phone ADD COLUMN same_as UUID REFERENCES charge_phone (id) ON DELETE RESTRICT;

-- Whether it is no number of its country's plan at all.
ALTER TABLE charge_phone ADD COLUMN is_unfit BIGINT NOT NULL DEFAULT 0 CHECK (is_unfit IN (0, 1));

UPDATE charge_phone SET is_checked = 0;

CREATE INDEX charge_phone_unchecked ON charge_phone (id) WHERE is_checked = 0;
CREATE INDEX charge_phone_same_as ON charge_phone (same_as) WHERE same_as IS NOT NULL;
