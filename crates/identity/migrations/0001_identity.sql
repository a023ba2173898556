-- Whoever may sign in. Spelled as the person likes it, found and kept apart by the folded form.
CREATE TABLE identity_user (
    id UUID PRIMARY KEY,
    username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 150),
    username_folded TEXT NOT NULL UNIQUE CHECK (length(username_folded) BETWEEN 1 AND 150),
    email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_folded TEXT NOT NULL UNIQUE CHECK (length(email_folded) BETWEEN 3 AND 254),
    email_verified_at BIGINT,
    first_name TEXT NOT NULL CHECK (length(first_name) <= 150),
    last_name TEXT NOT NULL CHECK (length(last_name) <= 150),
    mobile TEXT UNIQUE CHECK (length(mobile) BETWEEN 1 AND 15),
    country TEXT NOT NULL DEFAULT '' CHECK (length(country) <= 100),
    address TEXT NOT NULL DEFAULT '' CHECK (length(address) <= 300),
    state TEXT NOT NULL DEFAULT '' CHECK (length(state) <= 100),
    zip_code TEXT NOT NULL DEFAULT '' CHECK (length(zip_code) <= 20),
    city TEXT NOT NULL DEFAULT '' CHECK (length(city) <= 100),
    photo TEXT CHECK (length(photo) BETWEEN 1 AND 200),
    referred_by UUID REFERENCES identity_user (id) ON DELETE RESTRICT CHECK (referred_by <> id),
    is_staff BIGINT NOT NULL CHECK (is_staff IN (0, 1)),
    is_superuser BIGINT NOT NULL CHECK (is_superuser IN (0, 1)),
    is_active BIGINT NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    -- Names of roles, separated by spaces.
    roles TEXT NOT NULL DEFAULT '' CHECK (length(roles) <= 1000),
    -- argon2id in PHC text; without one, no password fits. Who set it, and when, stands beside it.
    password TEXT CHECK (length(password) BETWEEN 1 AND 300),
    password_set_at BIGINT,
    password_set_by TEXT CHECK (length(password_set_by) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    CONSTRAINT identity_superuser_is_staff CHECK (is_superuser <= is_staff),
    CHECK ((password IS NULL) = (password_set_at IS NULL)),
    CHECK ((password IS NULL) = (password_set_by IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- Asked at every start: is there one at all?
CREATE INDEX identity_user_superuser ON identity_user (id) WHERE is_superuser = 1;

-- Who is signed in, and where. Those that ended go when the person signs in again; the audit log remembers them.
CREATE TABLE identity_session (
    hash BYTEA PRIMARY KEY CHECK (length(hash) = 32),
    person UUID NOT NULL REFERENCES identity_user (id) ON DELETE RESTRICT,
    address TEXT NOT NULL CHECK (length(address) <= 100),
    agent TEXT NOT NULL CHECK (length(agent) <= 300),
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- How long it may go unused, in microseconds.
    idle BIGINT NOT NULL CHECK (idle > 0),
    -- When it ends, however much it is used.
    ends_at BIGINT NOT NULL CHECK (ends_at > created_at),
    revoked_at BIGINT
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX identity_session_person ON identity_session (person);

-- What a program signs in with. Never deleted: the journal names keys.
CREATE TABLE identity_api_key (
    id UUID PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE CHECK (length(hash) = 32),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 100),
    scopes TEXT NOT NULL CHECK (length(scopes) BETWEEN 1 AND 1000),
    -- The one object that the key acts for.
    tie_kind TEXT CHECK (length(tie_kind) BETWEEN 1 AND 100),
    tie_id UUID,
    created_by TEXT NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    expires_at BIGINT CHECK (expires_at > created_at),
    last_used_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT CHECK (length(revoked_by) BETWEEN 1 AND 200),
    CHECK ((tie_kind IS NULL) = (tie_id IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- The one-time link that makes the first superuser: at most one.
CREATE TABLE identity_setup (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    hash BYTEA NOT NULL CHECK (length(hash) = 32),
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL CHECK (expires_at > issued_at)
) /*sqlite STRICT */;

-- Tries under way, one row for each bucket and key. The key is hashed: people type passwords where a name belongs.
CREATE TABLE identity_rate (
    bucket TEXT NOT NULL CHECK (length(bucket) BETWEEN 1 AND 60),
    key BYTEA NOT NULL CHECK (length(key) = 32),
    hits BIGINT NOT NULL CHECK (hits >= 0),
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (bucket, key)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX identity_rate_ends ON identity_rate (ends_at);

-- Who did what, and from where.
CREATE TABLE identity_audit (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    action TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 60),
    subject TEXT NOT NULL CHECK (length(subject) <= 200),
    address TEXT CHECK (length(address) BETWEEN 1 AND 100),
    -- A JSON object: before and after, or whatever explains it.
    detail TEXT NOT NULL CHECK (length(detail) BETWEEN 2 AND 20000)
        /*sqlite CHECK (json_type(detail) = 'object') */ /*postgres CHECK (json_typeof(detail::json) = 'object') */
) /*sqlite WITHOUT ROWID, STRICT */;

-- Nobody edits the audit log.
/*sqlite
CREATE TRIGGER identity_audit_update BEFORE UPDATE ON identity_audit BEGIN SELECT RAISE(ABORT, 'identity_audit is append-only'); END;
CREATE TRIGGER identity_audit_delete BEFORE DELETE ON identity_audit BEGIN SELECT RAISE(ABORT, 'identity_audit is append-only'); END;
*/
/*postgres
CREATE FUNCTION identity_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER identity_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON identity_audit
    FOR EACH STATEMENT EXECUTE FUNCTION identity_append_only();
*/
