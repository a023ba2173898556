-- Uploaded files. What is in them lies in the file store, under a name made of the id and the kind.
CREATE TABLE files_file (
    id UUID PRIMARY KEY,
    -- Whose it is: who may see it is decided by the app that keeps the owner.
    owner_kind TEXT NOT NULL CHECK (length(owner_kind) BETWEEN 1 AND 60),
    owner_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('png', 'jpeg', 'pdf')),
    bytes BIGINT NOT NULL CHECK (bytes > 0),
    -- In pixels; a PDF has none.
    width BIGINT CHECK (width > 0),
    height BIGINT CHECK (height > 0),
    -- Of what is kept, not of what was sent.
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32),
    created_by TEXT NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    CHECK ((width IS NULL) = (height IS NULL)),
    CHECK ((width IS NULL) = (kind = 'pdf'))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX files_file_owner ON files_file (owner_kind, owner_id, id);
