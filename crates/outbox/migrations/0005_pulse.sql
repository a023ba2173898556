-- One row that is written whenever somebody asks how everything is. A disk that is full, a database that takes no writes,
-- and a queue that stands still are noticed by trying.
CREATE TABLE outbox_pulse (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
) /*sqlite STRICT */;
