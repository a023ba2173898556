-- Jobs that are still to be done. One that is done is deleted, and one that is past hope moves to
-- outbox_dead_letter, so claiming stays quick however many have gone through.
CREATE TABLE outbox_job (
    id           UUID PRIMARY KEY,
    kind         TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    payload      TEXT NOT NULL CHECK (length(payload) BETWEEN 1 AND 65536),
    -- Held until the first claim, and unique so long: see Job::dedupe_key.
    dedupe_key   TEXT CHECK (length(dedupe_key) BETWEEN 1 AND 200),
    -- From when on it may be claimed. While it is leased: when the lease ends.
    due_at       BIGINT NOT NULL,
    lease_owner  UUID,
    -- Claims so far, the present one included.
    attempts     BIGINT NOT NULL CHECK (attempts >= 0),
    max_attempts BIGINT NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
    -- What went wrong so far, oldest first: [{"attempt", "at", "error"}].
    failures     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    CHECK (lease_owner IS NULL OR (attempts > 0 AND dedupe_key IS NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- With the kind in it, thousands of jobs that this worker does not know are stepped over in the index alone.
CREATE INDEX outbox_job_due ON outbox_job (due_at, kind);

CREATE UNIQUE INDEX outbox_job_dedupe ON outbox_job (kind, dedupe_key) WHERE dedupe_key IS NOT NULL;

-- Jobs that were tried as often as they may be, or that there is no point in trying again. People look at them.
CREATE TABLE outbox_dead_letter (
    id           UUID PRIMARY KEY,
    kind         TEXT NOT NULL,
    payload      TEXT NOT NULL,
    attempts     BIGINT NOT NULL CHECK (attempts > 0),
    max_attempts BIGINT NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
    failures     TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    died_at      BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX outbox_dead_letter_died ON outbox_dead_letter (died_at, id);

-- Where each schedule stands. The row is what makes many copies of the program run it once.
CREATE TABLE outbox_schedule (
    name        TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    -- As of when next_run_at was worked out: a change of either begins afresh.
    cron        TEXT NOT NULL,
    zone        TEXT NOT NULL,
    -- The moment that the latest run was due, not the moment it ran.
    last_run_at BIGINT,
    next_run_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;
