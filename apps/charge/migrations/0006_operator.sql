-- Operators, and what of theirs is sold.
CREATE TABLE charge_operator (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    status TEXT NOT NULL CHECK (status IN ('active', 'stopped')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- With what their numbers begin, + and country included. The longest that fits a number says whose it is.
CREATE TABLE charge_prefix (
    prefix TEXT PRIMARY KEY CHECK (length(prefix) BETWEEN 2 AND 16),
    operator UUID NOT NULL REFERENCES charge_operator (id) ON DELETE RESTRICT
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_prefix_operator ON charge_prefix (operator);

-- Amounts that an operator sells: one, or a range. What it takes of them, in 1/10,000 of the amount.
CREATE TABLE charge_product (
    id UUID PRIMARY KEY,
    operator UUID NOT NULL REFERENCES charge_operator (id) ON DELETE RESTRICT,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    low BIGINT NOT NULL CHECK (low > 0),
    high BIGINT NOT NULL CHECK (high >= low),
    cost BIGINT NOT NULL CHECK (cost BETWEEN 1 AND 10000),
    status TEXT NOT NULL CHECK (status IN ('active', 'stopped')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (operator, name)
) /*sqlite WITHOUT ROWID, STRICT */;

-- What a seller pays for a product, in 1/10,000 of the amount; without a row, all of it.
CREATE TABLE charge_price (
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    product UUID NOT NULL REFERENCES charge_product (id) ON DELETE RESTRICT,
    price BIGINT NOT NULL CHECK (price BETWEEN 1 AND 15000),
    PRIMARY KEY (seller, product)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_price_product ON charge_price (product);

-- What a sale was of, what the operator takes for it, and what the seller pays. Nothing where no product is known: both
-- are the amount then.
ALTER TABLE charge_sale ADD COLUMN operator UUID REFERENCES charge_operator (id) ON DELETE RESTRICT;
ALTER TABLE charge_sale ADD COLUMN product UUID REFERENCES charge_product (id) ON DELETE RESTRICT;
ALTER TABLE charge_sale ADD COLUMN cost BIGINT CHECK (cost > 0);
ALTER TABLE charge_sale ADD COLUMN price BIGINT CHECK (price >= cost);
