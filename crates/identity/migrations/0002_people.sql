-- A second factor: the seed of somebody's codes, sealed with the instance key.
CREATE TABLE identity_totp (
    person UUID PRIMARY KEY REFERENCES identity_user (id) ON DELETE RESTRICT,
    sealed BYTEA NOT NULL CHECK (length(sealed) BETWEEN 41 AND 200),
    created_at BIGINT NOT NULL,
    -- Until the person has shown a code from it, it is asked for nowhere.
    confirmed_at BIGINT,
    -- The last time step whose code was accepted: none is accepted twice, nor one before it.
    last_step BIGINT NOT NULL DEFAULT 0 CHECK (last_step >= 0)
) /*sqlite WITHOUT ROWID, STRICT */;

-- What stands in for a code when the phone is gone. Each works once.
CREATE TABLE identity_recovery_code (
    person UUID NOT NULL REFERENCES identity_totp (person) ON DELETE CASCADE,
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    used_at BIGINT,
    PRIMARY KEY (person, hash)
) /*sqlite WITHOUT ROWID, STRICT */;

-- One-time links that were mailed. At most one of a purpose is live for a person.
CREATE TABLE identity_link (
    person UUID NOT NULL REFERENCES identity_user (id) ON DELETE RESTRICT,
    purpose TEXT NOT NULL CHECK (purpose IN ('email', 'password')),
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- The address that it was mailed to: whoever opens it reads mail there.
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL CHECK (expires_at > issued_at),
    PRIMARY KEY (person, purpose)
) /*sqlite WITHOUT ROWID, STRICT */;

-- When the person last proved who they are in it: at signing in, and again before money leaves.
ALTER TABLE identity_session ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
-- 1 while the password was right and the second factor is still to come: it opens nothing but the page that asks for it.
ALTER TABLE identity_session ADD COLUMN pending BIGINT NOT NULL DEFAULT 0 CHECK (pending IN (0, 1));

-- Somebody's or something's history, on its own page.
CREATE INDEX identity_audit_subject ON identity_audit (subject, id);
