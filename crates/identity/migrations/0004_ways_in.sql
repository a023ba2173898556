-- 1 for whoever signed up by themselves before signing up waited for the address: they sign in nowhere until it is
-- confirmed. The audit log knows who they are.
ALTER TABLE identity_user ADD COLUMN must_confirm BIGINT NOT NULL DEFAULT 0 CHECK (must_confirm IN (0, 1));

UPDATE identity_user SET must_confirm = 1 WHERE EXISTS (
    SELECT 1 FROM identity_audit a WHERE a.action = 'user.sign_up' AND a.subject =
        /*postgres 'user:' || identity_user.id::text */
        /*sqlite 'user:' || lower(
            substr(hex(identity_user.id), 1, 8) || '-' || substr(hex(identity_user.id), 9, 4) || '-' ||
            substr(hex(identity_user.id), 13, 4) || '-' || substr(hex(identity_user.id), 17, 4) || '-' ||
            substr(hex(identity_user.id), 21)) */
);

DELETE FROM identity_session WHERE person IN
    (SELECT id FROM identity_user WHERE must_confirm = 1 AND email_verified_at IS NULL);

-- Who has signed up and not yet opened the link that was mailed: nobody's account so far. By the hash of the link's token.
CREATE TABLE identity_sign_up (
    hash BYTEA PRIMARY KEY CHECK (length(hash) = 32),
    username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 150),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_folded TEXT NOT NULL CHECK (length(email_folded) BETWEEN 3 AND 254),
    first_name TEXT NOT NULL CHECK (length(first_name) <= 150),
    last_name TEXT NOT NULL CHECK (length(last_name) <= 150),
    password TEXT NOT NULL CHECK (length(password) BETWEEN 1 AND 300),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL CHECK (expires_at > created_at)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX identity_sign_up_email ON identity_sign_up (email_folded);
CREATE INDEX identity_sign_up_expires ON identity_sign_up (expires_at);

-- Browsers that somebody has signed in with: their wrong passwords are not counted with those of strangers.
CREATE TABLE identity_device (
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    person UUID NOT NULL REFERENCES identity_user (id) ON DELETE RESTRICT,
    used_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL CHECK (ends_at > used_at),
    PRIMARY KEY (hash, person)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX identity_device_person ON identity_device (person);
CREATE INDEX identity_device_ends ON identity_device (ends_at);
