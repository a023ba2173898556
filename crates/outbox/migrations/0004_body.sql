-- The sent notices whose texts are still kept, by when they were sent: cleaning up looks at no others.
CREATE INDEX outbox_notice_body ON outbox_notice (sent_at) WHERE body_text IS NOT NULL;
