-- A long text goes in several messages. An attempt goes on behind those that have arrived, if the text is still the same.
ALTER TABLE outbox_notice ADD COLUMN parts_sent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox_notice ADD COLUMN parts_of BIGINT NOT NULL DEFAULT 0;
