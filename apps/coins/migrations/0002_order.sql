-- Transactions are listed in the order in which the ledger made them, which ids do not keep within a moment.
DROP INDEX coins_transaction_owner;
CREATE INDEX coins_transaction_owner ON coins_transaction (owner, entry);
