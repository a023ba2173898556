-- Payments that top-ups answer, by their references.
CREATE TABLE members_payment (
    id UUID PRIMARY KEY,
    member UUID NOT NULL REFERENCES members_member (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    reference TEXT NOT NULL CHECK (length(reference) BETWEEN 1 AND 100),
    -- The reference without case, spaces and punctuation: the same form is the same payment.
    form TEXT NOT NULL CHECK (length(form) BETWEEN 1 AND 4000),
    -- The first payment with the same reference, where somebody said that it is meant.
    repeats UUID REFERENCES members_payment (id) ON DELETE RESTRICT,
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE UNIQUE INDEX members_payment_form ON members_payment (form) WHERE repeats IS NULL;
CREATE INDEX members_payment_member ON members_payment (member, id);
