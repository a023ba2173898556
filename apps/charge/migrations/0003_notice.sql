-- In which language a seller is written to.
ALTER TABLE charge_seller ADD COLUMN language TEXT NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'hi'));

-- When a seller was told that its credit is low: nothing once it is at its alert again.
ALTER TABLE charge_seller ADD COLUMN low_credit_told_at BIGINT;
