-- What was sold from files, by content: so that the same sales are not made again because a file looks different.
CREATE TABLE charge_file (
    id UUID PRIMARY KEY,
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    -- Of all of the seller's rows, whatever their order.
    fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    sales BIGINT NOT NULL CHECK (sales > 0),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    sold_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_file_fingerprint ON charge_file (fingerprint, id);

CREATE TABLE charge_file_row (
    file UUID NOT NULL REFERENCES charge_file (id) ON DELETE RESTRICT,
    -- Of what the row says: seller, number, amount and client_ref.
    fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32),
    sold_at BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, file)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_file_row_sold ON charge_file_row (sold_at);

-- Who said that a file is to be sold all the same.
ALTER TABLE charge_upload ADD COLUMN insisted_by TEXT CHECK (length(insisted_by) BETWEEN 1 AND 200);
