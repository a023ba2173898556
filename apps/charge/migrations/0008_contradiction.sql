-- What an operator said of a sale against what was settled already: kept with both sides until staff put it right.
CREATE TABLE charge_contradiction (
    id UUID PRIMARY KEY,
    sale UUID NOT NULL REFERENCES charge_sale (id) ON DELETE RESTRICT,
    -- How the sale stood, and what the operator said.
    settled TEXT NOT NULL CHECK (settled IN ('completed', 'failed')),
    said TEXT NOT NULL CHECK (said IN ('completed', 'failed')),
    -- How it was said: by a callback, in the answer to a delivery, or when asked again.
    source TEXT NOT NULL CHECK (source IN ('callback', 'answer', 'query')),
    operator_ref TEXT CHECK (length(operator_ref) <= 200),
    -- The operator's words.
    words TEXT CHECK (length(words) <= 500),
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'charged', 'given_back', 'dismissed')),
    decided_by TEXT CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 500),
    CHECK (settled <> said),
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK ((decided_at IS NULL) = (reason IS NULL)),
    CHECK (status <> 'charged' OR said = 'completed'),
    CHECK (status <> 'given_back' OR said = 'failed'),
    -- The same word twice is one contradiction.
    UNIQUE (sale, said)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_contradiction_open ON charge_contradiction (id) WHERE status = 'open';
