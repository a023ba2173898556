-- Resellers. Their credit is the balance of their ledger account; it is kept nowhere else.
CREATE TABLE charge_seller (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    email TEXT CHECK (length(email) BETWEEN 3 AND 254),
    phone TEXT CHECK (length(phone) BETWEEN 11 AND 16),
    low_credit_alert BIGINT CHECK (low_credit_alert >= 0),
    status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'inactive')),
    account BIGINT NOT NULL UNIQUE REFERENCES ledger_account (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- Phone numbers in E.164, registered by hand or by their first sale.
CREATE TABLE charge_phone (
    id UUID PRIMARY KEY,
    number TEXT NOT NULL UNIQUE CHECK (length(number) BETWEEN 11 AND 16),
    label TEXT CHECK (length(label) BETWEEN 1 AND 100),
    status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'inactive')),
    account BIGINT NOT NULL UNIQUE REFERENCES ledger_account (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- Credit that staff gave to sellers.
CREATE TABLE charge_credit (
    id UUID PRIMARY KEY,
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    credit_after BIGINT NOT NULL,
    reference TEXT CHECK (length(reference) BETWEEN 1 AND 100),
    actor TEXT NOT NULL,
    entry BIGINT NOT NULL REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_credit_seller ON charge_credit (seller, id);

-- Sales. A sale that waits for its operator has a ledger hold with the sale's own id.
CREATE TABLE charge_sale (
    id UUID PRIMARY KEY,
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    phone UUID NOT NULL REFERENCES charge_phone (id) ON DELETE RESTRICT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('submitted', 'unknown', 'completed', 'failed', 'reversed')),
    connector TEXT NOT NULL CHECK (connector IN ('instant', 'http', 'simulator')),
    client_ref TEXT CHECK (length(client_ref) BETWEEN 1 AND 100),
    actor TEXT NOT NULL,
    -- The seller's credit after the sale was decided.
    credit_after BIGINT NOT NULL,
    operator_ref TEXT CHECK (length(operator_ref) <= 200),
    -- Why it failed, is unknown, was reversed, or was resolved by hand.
    reason TEXT CHECK (length(reason) <= 500),
    entry BIGINT REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    reversal BIGINT REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    -- When the operator's answer, or a person's, came.
    settled_at BIGINT,
    -- When the operator was last asked about a sale whose fate is unknown.
    asked_at BIGINT,
    CHECK ((status IN ('completed', 'reversed')) = (entry IS NOT NULL)),
    CHECK ((status = 'reversed') = (reversal IS NOT NULL)),
    CHECK ((status IN ('submitted', 'unknown')) = (settled_at IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- No index by seller or by number over all sales: each would cost a sale one more random page, which is most of what a
-- sale costs. Sales that moved credit stand on the ledger's chain of their seller's and their number's account; these
-- two find the few that moved none.
CREATE INDEX charge_sale_seller ON charge_sale (seller, id) WHERE entry IS NULL;
CREATE INDEX charge_sale_phone ON charge_sale (phone, id) WHERE entry IS NULL;
CREATE UNIQUE INDEX charge_sale_client_ref ON charge_sale (client_ref, seller) WHERE client_ref IS NOT NULL;
CREATE INDEX charge_sale_open ON charge_sale (asked_at, id) WHERE status IN ('submitted', 'unknown');
CREATE INDEX charge_sale_unusual ON charge_sale (status, id) WHERE status <> 'completed';
