-- Files of sales: kept as they came, checked anew whenever they are looked at, sold once.
CREATE TABLE charge_upload (
    id UUID PRIMARY KEY,
    content TEXT NOT NULL CHECK (length(content) BETWEEN 1 AND 2097152),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    -- When its sales were made, and how many they are.
    sold_at BIGINT,
    sales BIGINT CHECK (sales > 0),
    CHECK ((sold_at IS NULL) = (sales IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;
