-- An operator may change its word more than once: each change is a contradiction of its own, also against a sale that was
-- reversed. The table is made anew, as SQLite changes neither a CHECK nor a UNIQUE.
CREATE TABLE charge_contradiction_new (
    id UUID PRIMARY KEY,
    sale UUID NOT NULL REFERENCES charge_sale (id) ON DELETE RESTRICT,
    -- How the sale stood, and what the operator said.
    settled TEXT NOT NULL CHECK (settled IN ('completed', 'failed', 'reversed')),
    said TEXT NOT NULL CHECK (said IN ('completed', 'failed')),
    -- How it was said: by a callback, in the answer to a delivery, or when asked again.
    source TEXT NOT NULL CHECK (source IN ('callback', 'answer', 'query')),
    operator_ref TEXT CHECK (length(operator_ref) <= 200),
    -- The operator's words.
    words TEXT CHECK (length(words) <= 500),
    created_at BIGINT NOT NULL,
    -- When the operator said the opposite again, which agrees with the sale.
    withdrawn_at BIGINT,
    status TEXT NOT NULL CHECK (status IN ('open', 'charged', 'given_back', 'dismissed')),
    decided_by TEXT CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 500),
    CHECK (settled <> said),
    CHECK (settled <> 'reversed' OR said = 'completed'),
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((decided_at IS NULL) = (reason IS NULL)),
    CHECK (status <> 'charged' OR said = 'completed'),
    CHECK (status <> 'given_back' OR said = 'failed')
) /*sqlite WITHOUT ROWID, STRICT */;

INSERT INTO charge_contradiction_new
    (id, sale, settled, said, source, operator_ref, words, created_at, status, decided_by, decided_at, reason)
SELECT id, sale, settled, said, source, operator_ref, words, created_at, status, decided_by, decided_at, reason
FROM charge_contradiction;

DROP TABLE charge_contradiction;

ALTER TABLE charge_contradiction_new RENAME TO charge_contradiction;

CREATE INDEX charge_contradiction_open ON charge_contradiction (id) WHERE status = 'open';
CREATE INDEX charge_contradiction_sale ON charge_contradiction (sale, id);

-- While a word waits for staff, the same word again is no other contradiction.
CREATE UNIQUE INDEX charge_contradiction_once ON charge_contradiction (sale, said) WHERE status = 'open';
