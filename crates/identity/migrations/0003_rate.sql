-- When each try of a window was counted, in microseconds and oldest first, with spaces between: a window slides, so that
-- twice its tries never fit across a border. Windows that were open before start anew.
ALTER TABLE identity_rate ADD COLUMN log TEXT NOT NULL DEFAULT '' CHECK (length(log) <= 4000);
