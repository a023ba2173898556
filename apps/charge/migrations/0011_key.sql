-- A key that somebody made for a seller ends when they act for it no more. Keys of before that outlived it end now.
UPDATE identity_api_key SET revoked_at = COALESCE(last_used_at, created_at), revoked_by = 'system:tie-ended'
WHERE revoked_at IS NULL AND tie_kind = 'charge:seller' AND maker IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM charge_seller_person p WHERE p.seller = identity_api_key.tie_id AND p.person = identity_api_key.maker
);
