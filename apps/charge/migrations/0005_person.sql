-- People whom staff let act for a seller in the portal.
CREATE TABLE charge_seller_person (
    seller UUID NOT NULL REFERENCES charge_seller (id) ON DELETE RESTRICT,
    person UUID NOT NULL REFERENCES identity_user (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
    PRIMARY KEY (seller, person)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX charge_seller_person_person ON charge_seller_person (person, seller);
