-- What makes a UTR one of a kind: its letters and digits in upper case, without leading zeros. One pays one withdrawal.
ALTER TABLE coins_withdrawal ADD COLUMN utr_key TEXT CHECK (length(utr_key) BETWEEN 1 AND 50);

-- Somebody who is frozen neither spends nor withdraws.
ALTER TABLE coins_user ADD COLUMN frozen_at BIGINT;
ALTER TABLE coins_user ADD COLUMN frozen_by TEXT CHECK (length(frozen_by) BETWEEN 1 AND 200);
ALTER TABLE coins_user ADD COLUMN frozen_reason TEXT CHECK (length(frozen_reason) BETWEEN 1 AND 500);

-- UTRs that were corrected: both stay on record.
CREATE TABLE coins_utr_change (
    id UUID PRIMARY KEY,
    withdrawal UUID NOT NULL REFERENCES coins_withdrawal (id) ON DELETE RESTRICT,
    old_utr TEXT NOT NULL CHECK (length(old_utr) BETWEEN 6 AND 50),
    old_key TEXT NOT NULL CHECK (length(old_key) <= 50),
    new_utr TEXT NOT NULL CHECK (length(new_utr) BETWEEN 6 AND 50),
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX coins_utr_change_withdrawal ON coins_utr_change (withdrawal, id);

-- Where the bank says otherwise than the withdrawal: both sides, as they were when it was found.
CREATE TABLE coins_contradiction (
    id UUID PRIMARY KEY,
    withdrawal UUID NOT NULL REFERENCES coins_withdrawal (id) ON DELETE RESTRICT,
    kind TEXT NOT NULL CHECK (kind IN
        ('status', 'amount', 'payee', 'currency', 'second_utr', 'utr_used', 'utr_clash')),
    -- The bank's side.
    said TEXT NOT NULL CHECK (said IN ('paid', 'failed')),
    utr TEXT CHECK (length(utr) BETWEEN 6 AND 50),
    utr_key TEXT CHECK (length(utr_key) <= 50),
    paid BIGINT CHECK (paid > 0),
    -- Ours.
    status TEXT NOT NULL,
    own_utr TEXT,
    due BIGINT NOT NULL CHECK (due > 0),
    -- Both in a sentence.
    told TEXT NOT NULL CHECK (length(told) BETWEEN 1 AND 1000),
    -- The same is kept once, whichever file says it.
    once TEXT NOT NULL UNIQUE CHECK (length(once) BETWEEN 1 AND 200),
    found_by TEXT NOT NULL CHECK (length(found_by) BETWEEN 1 AND 200),
    found_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'dismissed')),
    settlement TEXT CHECK (settlement IN ('complete', 'difference', 'take', 'lose', 'correct', 'reverse')),
    decided_by TEXT CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 500),
    entry BIGINT UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((decided_at IS NULL) = (reason IS NULL)),
    CHECK ((state = 'settled') = (settlement IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX coins_contradiction_state ON coins_contradiction (state, id);
CREATE INDEX coins_contradiction_withdrawal ON coins_contradiction (withdrawal, id);
CREATE INDEX coins_contradiction_utr ON coins_contradiction (utr_key) WHERE utr_key IS NOT NULL;

-- What is there keeps its UTR. Where two are the same by the new rule, the one that was paid first holds it, and each of
-- the others is listed for staff.
UPDATE coins_withdrawal SET utr_key = NULLIF(ltrim(replace(upper(utr), '-', ''), '0'), '') WHERE utr IS NOT NULL;

INSERT INTO coins_contradiction (id, withdrawal, kind, said, utr, utr_key, paid, status, own_utr, due, told, once,
    found_by, found_at, state)
SELECT w.id, w.id, 'utr_clash', 'paid', w.utr, w.utr_key, w.rupees, w.status, w.utr, w.rupees,
    'The UTR ' || w.utr || ' pays this withdrawal, and as ' || o.utr || ' another one that was paid before it.',
    'utr_clash ' || w.utr_key || ' ' || r.place, 'system:migration', w.completed_at, 'open'
FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY utr_key ORDER BY completed_at, id) AS place,
        FIRST_VALUE(id) OVER (PARTITION BY utr_key ORDER BY completed_at, id) AS holder
    FROM coins_withdrawal WHERE utr_key IS NOT NULL) r
JOIN coins_withdrawal w ON w.id = r.id
JOIN coins_withdrawal o ON o.id = r.holder
WHERE r.place > 1;

UPDATE coins_withdrawal SET utr_key = NULL WHERE id IN (SELECT withdrawal FROM coins_contradiction);

CREATE UNIQUE INDEX coins_withdrawal_utr_once ON coins_withdrawal (utr_key);
