-- The same words of the bank contradict anew what has become of a withdrawal since somebody dismissed them.
UPDATE coins_contradiction SET once = once || ' ' || status WHERE kind <> 'utr_clash';

-- Payments that the bank names for a withdrawal that there is not: while one is open, its UTR pays nothing.
CREATE TABLE coins_unmatched (
    id UUID PRIMARY KEY,
    -- The withdrawal's id as the bank writes it.
    named TEXT NOT NULL CHECK (length(named) <= 100),
    utr TEXT NOT NULL CHECK (length(utr) BETWEEN 6 AND 50),
    utr_key TEXT NOT NULL CHECK (length(utr_key) BETWEEN 1 AND 50),
    paid BIGINT CHECK (paid > 0),
    told TEXT NOT NULL CHECK (length(told) BETWEEN 1 AND 1000),
    -- The same is kept once, whichever file says it.
    once TEXT NOT NULL UNIQUE CHECK (length(once) BETWEEN 1 AND 200),
    found_by TEXT NOT NULL CHECK (length(found_by) BETWEEN 1 AND 200),
    found_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'dismissed')),
    decided_by TEXT CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 500),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((decided_at IS NULL) = (reason IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX coins_unmatched_state ON coins_unmatched (state, id);
CREATE INDEX coins_unmatched_utr ON coins_unmatched (utr_key);
