-- What an account is. Written once; who it belongs to stands in its path.
CREATE TABLE ledger_account (
    id BIGINT PRIMARY KEY,
    path TEXT NOT NULL UNIQUE CHECK (length(path) BETWEEN 1 AND 200),
    kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense', 'equity')),
    created_at BIGINT NOT NULL
) /*sqlite STRICT */;

-- What an account holds. Kept apart from ledger_account and narrow, because every sale rewrites two of these rows, and
-- what a commit costs is the pages it touches. Amounts are minor units of the currency, in the direction that makes the
-- account grow (debit for assets and expenses, credit for the others).
CREATE TABLE ledger_balance (
    account BIGINT PRIMARY KEY REFERENCES ledger_account (id) ON DELETE RESTRICT,
    currency TEXT NOT NULL CHECK (length(currency) BETWEEN 2 AND 8),
    scale BIGINT NOT NULL CHECK (scale BETWEEN 0 AND 8),
    -- 1: grows by debits; -1: grows by credits.
    side BIGINT NOT NULL CHECK (side IN (1, -1)),
    -- 0 open, 1 frozen, 2 closed.
    status BIGINT NOT NULL CHECK (status IN (0, 1, 2)),
    floor BIGINT,
    balance BIGINT NOT NULL,
    held BIGINT NOT NULL CHECK (held >= 0),
    -- How many postings the account has, the newest of them (0: none), and when that was.
    postings BIGINT NOT NULL CHECK (postings >= 0),
    head BIGINT NOT NULL CHECK (head >= 0),
    last_at BIGINT NOT NULL,
    CONSTRAINT ledger_floor CHECK (floor IS NULL OR balance - held >= floor),
    CONSTRAINT ledger_closed_is_empty CHECK (status <> 2 OR (balance = 0 AND held = 0))
) /*sqlite STRICT */;

-- Transfers that belong together: who, why, what for, when.
CREATE TABLE ledger_entry (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    memo TEXT NOT NULL CHECK (length(memo) <= 1000),
    reference TEXT CHECK (length(reference) BETWEEN 1 AND 200),
    reverses BIGINT REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    -- Its transfers lie between these two: a range instead of an index by entry.
    first_transfer BIGINT NOT NULL CHECK (first_transfer > 0),
    last_transfer BIGINT NOT NULL CHECK (last_transfer >= first_transfer)
) /*sqlite STRICT */;

-- An entry is reversed once.
CREATE UNIQUE INDEX ledger_entry_reverses ON ledger_entry (reverses) WHERE reverses IS NOT NULL;

-- One debit and one credit. Each side keeps the account's balance after it and the account's posting before it, so that
-- a statement is a walk along the account's own chain: no index by account is kept on this table, where it would cost
-- two random pages a transfer.
CREATE TABLE ledger_transfer (
    id BIGINT PRIMARY KEY,
    entry BIGINT NOT NULL REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    debit BIGINT NOT NULL REFERENCES ledger_account (id) ON DELETE RESTRICT,
    credit BIGINT NOT NULL REFERENCES ledger_account (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    debit_balance BIGINT NOT NULL,
    credit_balance BIGINT NOT NULL,
    -- 0: the account's first posting.
    debit_before BIGINT NOT NULL CHECK (debit_before >= 0),
    credit_before BIGINT NOT NULL CHECK (credit_before >= 0),
    CHECK (debit <> credit)
) /*sqlite STRICT */;

-- Every 64th posting of an account, by time: where a walk to an earlier moment begins.
CREATE TABLE ledger_mark (
    account BIGINT NOT NULL REFERENCES ledger_account (id) ON DELETE RESTRICT,
    at BIGINT NOT NULL,
    transfer BIGINT NOT NULL REFERENCES ledger_transfer (id) ON DELETE RESTRICT,
    PRIMARY KEY (account, at, transfer)
) /*sqlite WITHOUT ROWID, STRICT */;

-- Money set aside without moving it.
CREATE TABLE ledger_hold (
    id UUID PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES ledger_account (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    reason TEXT NOT NULL CHECK (length(reason) <= 1000),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    status TEXT NOT NULL CHECK (status IN ('held', 'captured', 'released', 'expired')),
    settled_at BIGINT,
    entry BIGINT REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    CHECK ((status = 'held') = (settled_at IS NULL)),
    CHECK ((status = 'captured') = (entry IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX ledger_hold_open ON ledger_hold (account) WHERE status = 'held';
CREATE INDEX ledger_hold_expiring ON ledger_hold (expires_at) WHERE status = 'held' AND expires_at IS NOT NULL;

-- The answer to a request, kept in the transaction of its effect.
CREATE TABLE ledger_idempotency (
    owner TEXT NOT NULL CHECK (length(owner) BETWEEN 1 AND 200),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (owner, key)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX ledger_idempotency_created ON ledger_idempotency (created_at);

-- Nothing is updated or deleted where the history stands; a mistake is answered by a reversal.
/*sqlite
CREATE TRIGGER ledger_entry_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_entry_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_transfer_update BEFORE UPDATE ON ledger_transfer BEGIN SELECT RAISE(ABORT, 'ledger_transfer is append-only'); END;
CREATE TRIGGER ledger_transfer_delete BEFORE DELETE ON ledger_transfer BEGIN SELECT RAISE(ABORT, 'ledger_transfer is append-only'); END;
*/
/*postgres
CREATE SEQUENCE ledger_account_id;
CREATE SEQUENCE ledger_entry_id;
CREATE SEQUENCE ledger_transfer_id;
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_transfer_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
*/
