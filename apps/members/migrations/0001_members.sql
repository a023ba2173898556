-- Members. What a wallet holds is the balance of its ledger account; it is kept nowhere else.
CREATE TABLE members_member (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    -- The address in lower case: two that differ in nothing else are one.
    email_folded TEXT NOT NULL UNIQUE CHECK (length(email_folded) BETWEEN 3 AND 254),
    account BIGINT NOT NULL UNIQUE REFERENCES ledger_account (id) ON DELETE RESTRICT,
    -- Since when the member does not live; none while it does.
    expired_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- Who pays when somebody expires, without a look at the table.
CREATE INDEX members_member_alive ON members_member (account) WHERE expired_at IS NULL;
CREATE INDEX members_member_name ON members_member (name, id);

-- How many members there are, and how many of them live. Whatever makes, expires or revives a member changes this row,
-- so no two such commands decide side by side.
CREATE TABLE members_tally (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    members BIGINT NOT NULL CHECK (members >= 0),
    alive BIGINT NOT NULL,
    CHECK (alive BETWEEN 0 AND members)
) /*sqlite STRICT */;

INSERT INTO members_tally (id, members, alive) VALUES (1, 0, 0);

-- Expiries. Who paid stands in the transfers of the entry, one for each payer, and nowhere else.
CREATE TABLE members_expiry (
    id UUID PRIMARY KEY,
    member UUID NOT NULL REFERENCES members_member (id) ON DELETE RESTRICT,
    -- What each payer paid.
    levy BIGINT NOT NULL CHECK (levy > 0),
    payers BIGINT NOT NULL CHECK (payers >= 0),
    -- How many could not pay, and owe it.
    debtors BIGINT NOT NULL CHECK (debtors >= 0),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    entry BIGINT UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    reverted_by TEXT CHECK (length(reverted_by) BETWEEN 1 AND 200),
    reverted_at BIGINT,
    reversal BIGINT UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    CHECK ((payers > 0) = (entry IS NOT NULL)),
    CHECK ((reverted_at IS NULL) = (reverted_by IS NULL)),
    CHECK ((reversal IS NOT NULL) = (reverted_at IS NOT NULL AND entry IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- A member expires once, until that is reverted.
CREATE UNIQUE INDEX members_expiry_standing ON members_expiry (member) WHERE reverted_at IS NULL;
CREATE INDEX members_expiry_member ON members_expiry (member, id);

-- Levies that a member could not pay when they were due (policy "arrears").
CREATE TABLE members_debt (
    expiry UUID NOT NULL REFERENCES members_expiry (id) ON DELETE RESTRICT,
    member UUID NOT NULL REFERENCES members_member (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- cancelled: the expiry was reverted before it was paid; returned: after.
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'cancelled', 'returned')),
    -- What paid it.
    entry BIGINT UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    settled_at BIGINT,
    PRIMARY KEY (expiry, member),
    CHECK ((status = 'open') = (settled_at IS NULL)),
    CHECK ((status IN ('paid', 'returned')) = (entry IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX members_debt_open ON members_debt (member, expiry) WHERE status = 'open';

-- Files that were uploaded and checked, as they came. What is wrong with them is found anew whenever they are shown.
CREATE TABLE members_import (
    id UUID PRIMARY KEY,
    file BYTEA NOT NULL,
    good BIGINT NOT NULL CHECK (good >= 0),
    bad BIGINT NOT NULL CHECK (bad >= 0),
    state TEXT NOT NULL CHECK (state IN ('ready', 'invalid', 'committed')),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    committed_at BIGINT,
    CHECK ((state = 'committed') = (committed_at IS NOT NULL)),
    CHECK (state = 'invalid' OR bad = 0)
) /*sqlite STRICT */;
