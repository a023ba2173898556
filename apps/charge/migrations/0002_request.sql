-- Credit that sellers ask for, and what became of it.
CREATE TABLE charge_request (
    id UUID PRIMARY KEY,
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- What it is paid with, in the seller's words.
    note TEXT CHECK (length(note) BETWEEN 1 AND 300),
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
    asked_by TEXT NOT NULL CHECK (length(asked_by) BETWEEN 1 AND 200),
    asked_at BIGINT NOT NULL,
    decided_by TEXT CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 300),
    -- What was given for it.
    credit UUID UNIQUE REFERENCES charge_credit (id) ON DELETE RESTRICT,
    CHECK ((status = 'pending') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((status = 'approved') = (credit IS NOT NULL)),
    CHECK (status <> 'rejected' OR reason IS NOT NULL),
    CONSTRAINT charge_request_not_own CHECK (status <> 'approved' OR decided_by <> asked_by)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_request_seller ON charge_request (seller, id);
CREATE INDEX charge_request_pending ON charge_request (id) WHERE status = 'pending';
