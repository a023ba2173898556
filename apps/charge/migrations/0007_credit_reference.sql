-- What a reference comes to without case, spaces and punctuation: the same form is the same payment. Empty where nothing
-- is left. NULL without a reference, and for those of before this migration that have letters of other scripts: the
-- program fills them in before it looks for a form.
ALTER TABLE charge_credit ADD COLUMN reference_form TEXT CHECK (length(reference_form) <= 4000);

-- The first transaction that stands with the same reference, and whether somebody said that it is meant. Without that it
-- is of before this rule, and for staff to look into.
ALTER TABLE charge_credit ADD COLUMN repeats UUID REFERENCES charge_credit (id) ON DELETE RESTRICT;
ALTER TABLE charge_credit ADD COLUMN repeat_meant BIGINT NOT NULL DEFAULT 0 CHECK (repeat_meant IN (0, 1));

-- A decrease has a reason, and may take an increase back.
ALTER TABLE charge_credit ADD COLUMN kind TEXT NOT NULL DEFAULT 'increase' CHECK (kind IN ('increase', 'decrease'));
ALTER TABLE charge_credit ADD COLUMN reason TEXT CHECK (length(reason) BETWEEN 1 AND 500);
ALTER TABLE charge_credit ADD COLUMN takes_back UUID REFERENCES charge_credit (id) ON DELETE RESTRICT;
ALTER TABLE charge_credit ADD COLUMN taken_back BIGINT NOT NULL DEFAULT 0 CHECK (taken_back IN (0, 1));

CREATE UNIQUE INDEX charge_credit_takes_back ON charge_credit (takes_back) WHERE takes_back IS NOT NULL;

/*sqlite
UPDATE charge_credit SET reference_form = upper(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(reference, ' ', ''), '!', ''), '"', ''), '#', ''), '$', ''), '%', ''), '&', ''), '''', ''), '(', ''), ')', ''), '*', ''), '+', ''), ',', ''), '-', ''), '.', ''), '/', ''), ':', ''), ';', ''), '<', ''), '=', ''), '>', ''), '?', ''), '@', ''), '[', ''), '\', ''), ']', ''), '^', ''), '_', ''), '`', ''), '{', ''), '|', ''), '}', ''), '~', ''))
WHERE reference NOT GLOB '*[^ -~]*';
*/
/*postgres
UPDATE charge_credit SET reference_form = upper(regexp_replace(reference, '[^A-Za-z0-9]', '', 'g') COLLATE "C")
WHERE reference ~ '^[ -~]*$';
*/

CREATE INDEX charge_credit_form ON charge_credit (reference_form, id) WHERE reference_form IS NOT NULL;
CREATE INDEX charge_credit_unread ON charge_credit (id) WHERE reference IS NOT NULL AND reference_form IS NULL;

UPDATE charge_credit SET repeats =
    (SELECT f.id FROM charge_credit f WHERE f.reference_form = charge_credit.reference_form ORDER BY f.id LIMIT 1)
WHERE reference_form <> '' AND EXISTS
    (SELECT 1 FROM charge_credit f WHERE f.reference_form = charge_credit.reference_form AND f.id < charge_credit.id);

CREATE UNIQUE INDEX charge_credit_reference ON charge_credit (reference_form)
    WHERE kind = 'increase' AND repeats IS NULL AND taken_back = 0 AND reference_form <> '';

-- What a credit request is paid with, where the seller names it.
ALTER TABLE charge_request ADD COLUMN reference TEXT CHECK (length(reference) BETWEEN 1 AND 100);
