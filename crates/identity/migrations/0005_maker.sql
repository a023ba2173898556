-- The person who made a key, for whom it stands. A key made on the command line stands for itself.
ALTER TABLE identity_api_key ADD COLUMN maker UUID REFERENCES identity_user (id) ON DELETE RESTRICT;

-- Those of before say it in their text: user:<id>.
/*sqlite
UPDATE identity_api_key SET maker = (
    SELECT u.id FROM identity_user u WHERE identity_api_key.created_by = 'user:'
        || lower(substr(hex(u.id), 1, 8) || '-' || substr(hex(u.id), 9, 4) || '-' || substr(hex(u.id), 13, 4)
        || '-' || substr(hex(u.id), 17, 4) || '-' || substr(hex(u.id), 21))
) WHERE created_by LIKE 'user:%';
*/
/*postgres
UPDATE identity_api_key SET maker = (
    SELECT u.id FROM identity_user u WHERE identity_api_key.created_by = 'user:' || CAST(u.id AS TEXT)
) WHERE created_by LIKE 'user:%';
*/

-- Somebody's keys, on their page, and when they are stopped.
CREATE INDEX identity_api_key_maker ON identity_api_key (maker) WHERE maker IS NOT NULL;

-- Who was stopped before has no keys either.
UPDATE identity_api_key SET revoked_at = COALESCE(last_used_at, created_at), revoked_by = 'system:person-stopped'
WHERE revoked_at IS NULL AND maker IN (SELECT id FROM identity_user WHERE is_active = 0);

-- When a session last decided something that requires a reauthentication.
ALTER TABLE identity_session ADD COLUMN decided_at BIGINT;
