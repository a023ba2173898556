-- Jobs that must be done one after another: those with the same order_key stand in line, and only the first may be
-- claimed. The tables are made anew, as SQLite cannot change a CHECK: a receiver that is away for days is called more
-- often than 100 times.
CREATE TABLE outbox_job_new (
    id           UUID PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    payload      TEXT NOT NULL CHECK (length(payload) BETWEEN 1 AND 65536),
    -- Held until the first claim, and unique so long: see Job::dedupe_key.
    dedupe_key   TEXT CHECK (length(dedupe_key) BETWEEN 1 AND 200),
    -- Jobs of one key are done one after another: see Job::order_key.
    order_key    TEXT CHECK (length(order_key) BETWEEN 1 AND 200),
    -- Its place among those that wait for another of their key; NULL for the first of a line, and for all without one.
    behind       BIGINT CHECK (behind > 0),
    -- From when on it may be claimed. While it is leased: when the lease ends.
    due_at       BIGINT NOT NULL,
    lease_owner  UUID,
    -- Claims so far, the present one included.
    attempts     BIGINT NOT NULL CHECK (attempts >= 0),
    max_attempts BIGINT NOT NULL CHECK (max_attempts BETWEEN 1 AND 1000),
    -- What went wrong so far, oldest first: [{"attempt", "at", "error"}].
    failures     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    CHECK (lease_owner IS NULL OR (attempts > 0 AND dedupe_key IS NULL)),
    CHECK (behind IS NULL OR (order_key IS NOT NULL AND lease_owner IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

INSERT INTO outbox_job_new
    (id, kind, payload, dedupe_key, due_at, lease_owner, attempts, max_attempts, failures, created_at)
SELECT id, kind, payload, dedupe_key, due_at, lease_owner, attempts, max_attempts, failures, created_at
FROM outbox_job;

DROP TABLE outbox_job;

ALTER TABLE outbox_job_new RENAME TO outbox_job;

-- What waits for another is not even looked at. With the kind in it, thousands of jobs that this worker does not know
-- are stepped over in the index alone (which for SQLite needs the column of the condition too).
CREATE INDEX outbox_job_due ON outbox_job (due_at, kind, behind) WHERE behind IS NULL;

CREATE UNIQUE INDEX outbox_job_dedupe ON outbox_job (kind, dedupe_key) WHERE dedupe_key IS NOT NULL;

-- One of a key may be claimed at a time, whatever the code before it does.
CREATE UNIQUE INDEX outbox_job_first ON outbox_job (order_key) WHERE order_key IS NOT NULL AND behind IS NULL;

-- Who is next.
CREATE UNIQUE INDEX outbox_job_line ON outbox_job (order_key, behind) WHERE behind IS NOT NULL;

CREATE TABLE outbox_dead_letter_new (
    id           UUID PRIMARY KEY,
    kind         TEXT NOT NULL,
    payload      TEXT NOT NULL,
    -- It goes to the end of its line when it is requeued.
    order_key    TEXT,
    attempts     BIGINT NOT NULL CHECK (attempts > 0),
    max_attempts BIGINT NOT NULL CHECK (max_attempts BETWEEN 1 AND 1000),
    failures     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    died_at      BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

INSERT INTO outbox_dead_letter_new (id, kind, payload, attempts, max_attempts, failures, created_at, died_at)
SELECT id, kind, payload, attempts, max_attempts, failures, created_at, died_at FROM outbox_dead_letter;

DROP TABLE outbox_dead_letter;

ALTER TABLE outbox_dead_letter_new RENAME TO outbox_dead_letter;

CREATE INDEX outbox_dead_letter_died ON outbox_dead_letter (died_at, id);

-- Notices of the same key reach whoever they are for in the order in which they were enqueued.
ALTER TABLE outbox_notice ADD COLUMN order_key TEXT CHECK (length(order_key) BETWEEN 1 AND 200);
