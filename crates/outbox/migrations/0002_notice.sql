-- What people and programs are told: one row for each message to each recipient, written by the transaction that gave
-- cause for it, together with the job that sends it.
CREATE TABLE outbox_notice (
    id         UUID PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    channel    TEXT NOT NULL CHECK (channel IN ('email', 'telegram', 'webhook', 'sheet')),
    -- A mail address, a chat's number, the address of a webhook, the range of a sheet.
    recipient  TEXT NOT NULL CHECK (length(recipient) BETWEEN 1 AND 500),
    language   TEXT NOT NULL CHECK (language IN ('en', 'hi')),
    -- What the texts are filled with, as JSON. Secret values are struck out once the notice is sent.
    data       TEXT NOT NULL CHECK (length(data) BETWEEN 2 AND 32768),
    -- kept: there was no way to send it, as the channel is not configured.
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'kept', 'failed')),
    -- The job that sends it, or sent it last.
    job        UUID NOT NULL,
    -- How often people have had it sent again: a message that is meant to arrive twice has two names.
    round      BIGINT NOT NULL CHECK (round >= 0),
    created_at BIGINT NOT NULL,
    sent_at    BIGINT,
    -- What went wrong last.
    error      TEXT,
    -- As it was sent, secrets struck out.
    subject    TEXT,
    body_text  TEXT,
    body_html  TEXT,
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

-- The few that were not sent, among the many that were.
CREATE INDEX outbox_notice_state ON outbox_notice (state, id);

-- What a person was told.
CREATE INDEX outbox_notice_recipient ON outbox_notice (recipient, id);

-- Texts that the operator has changed. Where there is no row, the text is the one in the program.
CREATE TABLE outbox_template (
    kind      TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
    channel   TEXT NOT NULL CHECK (channel IN ('email', 'telegram', 'webhook', 'sheet')),
    language  TEXT NOT NULL CHECK (language IN ('en', 'hi')),
    subject   TEXT NOT NULL CHECK (length(subject) <= 500),
    body_text TEXT NOT NULL CHECK (length(body_text) BETWEEN 1 AND 32768),
    -- Empty where the HTML is made from the text.
    body_html TEXT NOT NULL CHECK (length(body_html) <= 65536),
    edited_at BIGINT NOT NULL,
    edited_by TEXT NOT NULL,
    PRIMARY KEY (kind, channel, language)
) /*sqlite WITHOUT ROWID, STRICT */;
