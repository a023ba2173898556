-- Users of the applications that give coins. How many coins one has is the balance of the ledger account.
CREATE TABLE coins_user (
    id UUID PRIMARY KEY,
    -- What the application calls the user, as it writes it.
    user_id TEXT NOT NULL UNIQUE CHECK (length(user_id) BETWEEN 1 AND 500),
    account BIGINT NOT NULL UNIQUE REFERENCES ledger_account (id) ON DELETE RESTRICT,
    -- Where to write to, where that is known.
    email TEXT CHECK (length(email) BETWEEN 3 AND 254),
    language TEXT NOT NULL CHECK (language IN ('en', 'hi')),
    -- The person with an account here who is this user.
    person UUID UNIQUE REFERENCES identity_user (id) ON DELETE RESTRICT,
    created_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- The handles that coins may be paid to: what stands after the @ of a UPI id.
CREATE TABLE coins_handle (
    id UUID PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE CHECK (length(handle) BETWEEN 2 AND 64),
    -- Whose it is, for people.
    provider TEXT NOT NULL CHECK (length(provider) BETWEEN 1 AND 100),
    added_by TEXT NOT NULL CHECK (length(added_by) BETWEEN 1 AND 200),
    added_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

-- Withdrawals that were begun together, and whose file went to the bank.
CREATE TABLE coins_payout (
    id UUID PRIMARY KEY,
    made_by TEXT NOT NULL CHECK (length(made_by) BETWEEN 1 AND 200),
    made_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE TABLE coins_withdrawal (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES coins_user (id) ON DELETE RESTRICT,
    -- Coins, and what they came to in paise when they were asked for.
    amount BIGINT NOT NULL CHECK (amount > 0),
    rupees BIGINT NOT NULL CHECK (rupees > 0),
    upi_id TEXT NOT NULL CHECK (length(upi_id) BETWEEN 5 AND 320),
    -- Whether the handle was on the list when it was asked for.
    handle_known BIGINT NOT NULL CHECK (handle_known IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'processing', 'completed', 'failed', 'cancelled', 'rejected', 'reversed')),
    requested_by TEXT NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    -- Before this moment it is not paid: the UPI id is new.
    payable_from BIGINT,
    payout UUID REFERENCES coins_payout (id) ON DELETE RESTRICT,
    processed_by TEXT CHECK (length(processed_by) BETWEEN 1 AND 200),
    processing_at BIGINT,
    -- The bank's word for the payment, upper case. One pays one withdrawal, ever.
    utr TEXT UNIQUE CHECK (length(utr) BETWEEN 6 AND 50),
    completed_by TEXT CHECK (length(completed_by) BETWEEN 1 AND 200),
    completed_at BIGINT,
    -- When and by whom the coins were given back, and why.
    closed_by TEXT CHECK (length(closed_by) BETWEEN 1 AND 200),
    closed_at BIGINT,
    reason TEXT CHECK (length(reason) BETWEEN 1 AND 500),
    -- For the user, and for staff alone.
    public_note TEXT CHECK (length(public_note) BETWEEN 1 AND 1000),
    internal_note TEXT CHECK (length(internal_note) BETWEEN 1 AND 1000),
    -- Changes so far: each that is told has its number.
    changes BIGINT NOT NULL CHECK (changes > 0),
    request_entry BIGINT NOT NULL UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    paid_entry BIGINT UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    CHECK ((status IN ('completed', 'reversed')) = (paid_entry IS NOT NULL)),
    CHECK ((paid_entry IS NULL) = (utr IS NULL)),
    CHECK ((paid_entry IS NULL) = (completed_at IS NULL)),
    CHECK ((status IN ('failed', 'cancelled', 'rejected', 'reversed')) = (closed_at IS NOT NULL)),
    CHECK ((processing_at IS NULL) = (payout IS NULL)),
    CHECK (status <> 'pending' OR processing_at IS NULL),
    CHECK (status NOT IN ('processing', 'completed', 'failed', 'reversed') OR processing_at IS NOT NULL)
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX coins_withdrawal_owner ON coins_withdrawal (owner, id);
CREATE INDEX coins_withdrawal_created ON coins_withdrawal (created_at, id);
CREATE INDEX coins_withdrawal_status ON coins_withdrawal (status, id);
CREATE INDEX coins_withdrawal_payout ON coins_withdrawal (payout, id) WHERE payout IS NOT NULL;
CREATE INDEX coins_withdrawal_upi ON coins_withdrawal (upi_id, id);
CREATE INDEX coins_withdrawal_completed ON coins_withdrawal (completed_at) WHERE completed_at IS NOT NULL;

-- Every movement of a user's coins, as the user reads it.
CREATE TABLE coins_transaction (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL REFERENCES coins_user (id) ON DELETE RESTRICT,
    kind TEXT NOT NULL CHECK (kind IN ('award', 'spend', 'withdrawal', 'refund', 'adjustment')),
    -- Negative where coins went.
    amount BIGINT NOT NULL CHECK (amount <> 0),
    balance_after BIGINT NOT NULL CHECK (balance_after >= 0),
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    -- The application's own word for it: an award or a spending happens once for each.
    reference TEXT CHECK (length(reference) BETWEEN 1 AND 200),
    withdrawal UUID REFERENCES coins_withdrawal (id) ON DELETE RESTRICT,
    entry BIGINT NOT NULL UNIQUE REFERENCES ledger_entry (id) ON DELETE RESTRICT,
    made_by TEXT NOT NULL CHECK (length(made_by) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    CHECK ((kind IN ('withdrawal', 'refund')) = (withdrawal IS NOT NULL))
) /*sqlite WITHOUT ROWID, STRICT */;

CREATE INDEX coins_transaction_owner ON coins_transaction (owner, id);
CREATE UNIQUE INDEX coins_transaction_reference ON coins_transaction (reference) WHERE reference IS NOT NULL;

-- The bank's answers, as they came. What each row comes to is found anew whenever it is shown.
CREATE TABLE coins_result (
    id UUID PRIMARY KEY,
    file BYTEA NOT NULL,
    good BIGINT NOT NULL CHECK (good >= 0),
    bad BIGINT NOT NULL CHECK (bad >= 0),
    state TEXT NOT NULL CHECK (state IN ('ready', 'invalid', 'committed')),
    actor TEXT NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    created_at BIGINT NOT NULL,
    committed_at BIGINT,
    CHECK ((state = 'committed') = (committed_at IS NOT NULL))
) /*sqlite STRICT */;

CREATE INDEX coins_result_created ON coins_result (created_at);

INSERT INTO coins_handle (id, handle, provider, added_by, added_at) VALUES
    (/*sqlite X'019b76daa832713b87ddb9754dabab9d' *//*postgres '019b76da-a832-713b-87dd-b9754dabab9d' */, 'okhdfcbank', 'Google Pay, HDFC Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa83175878323992be8937217' *//*postgres '019b76da-a831-7587-8323-992be8937217' */, 'okicici', 'Google Pay, ICICI Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa83070bd8dd8e020fc35b079' *//*postgres '019b76da-a830-70bd-8dd8-e020fc35b079' */, 'oksbi', 'Google Pay, State Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82f7ee087d945a2e3f2a0de' *//*postgres '019b76da-a82f-7ee0-87d9-45a2e3f2a0de' */, 'okaxis', 'Google Pay, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82e735680467a11390d26e1' *//*postgres '019b76da-a82e-7356-8046-7a11390d26e1' */, 'ybl', 'PhonePe, Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82d751b82394ed41ff6b449' *//*postgres '019b76da-a82d-751b-8239-4ed41ff6b449' */, 'ibl', 'PhonePe, ICICI Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82c71f0809af4ed1b7b89cc' *//*postgres '019b76da-a82c-71f0-809a-f4ed1b7b89cc' */, 'axl', 'PhonePe, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82b7e1f8925d3834a930032' *//*postgres '019b76da-a82b-7e1f-8925-d3834a930032' */, 'upi', 'BHIM', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82a7f3a82a43677a2b7ff2b' *//*postgres '019b76da-a82a-7f3a-82a4-3677a2b7ff2b' */, 'airtel', 'Airtel Payments Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8297b498a6195647337c11e' *//*postgres '019b76da-a829-7b49-8a61-95647337c11e' */, 'paytm', 'Paytm Payments Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa828799f80d174e51290e472' *//*postgres '019b76da-a828-799f-80d1-74e51290e472' */, 'ptyes', 'Paytm, Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa827786a84b94b1a6721e7ce' *//*postgres '019b76da-a827-786a-84b9-4b1a6721e7ce' */, 'ptaxis', 'Paytm, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8267c7f8d61cfb0189012cf' *//*postgres '019b76da-a826-7c7f-8d61-cfb0189012cf' */, 'pthdfc', 'Paytm, HDFC Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82575e1832dfc7c319a77ce' *//*postgres '019b76da-a825-75e1-832d-fc7c319a77ce' */, 'ptsbi', 'Paytm, State Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa824747e84d5bcbfa4253d08' *//*postgres '019b76da-a824-747e-84d5-bcbfa4253d08' */, 'apl', 'Amazon Pay, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa823739b8266412796793db4' *//*postgres '019b76da-a823-739b-8266-412796793db4' */, 'yapl', 'Amazon Pay, Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8227fe98a8e2a8aee951140' *//*postgres '019b76da-a822-7fe9-8a8e-2a8aee951140' */, 'rapl', 'Amazon Pay, RBL Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82177ac8faf8a4ec1a86fe0' *//*postgres '019b76da-a821-77ac-8faf-8a4ec1a86fe0' */, 'waicici', 'WhatsApp, ICICI Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa82079088e8727d3fa1bbc72' *//*postgres '019b76da-a820-7908-8e87-27d3fa1bbc72' */, 'waaxis', 'WhatsApp, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81f738f81c898ebfe12c56e' *//*postgres '019b76da-a81f-738f-81c8-98ebfe12c56e' */, 'wahdfcbank', 'WhatsApp, HDFC Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81e7ffc8032947abf16c75a' *//*postgres '019b76da-a81e-7ffc-8032-947abf16c75a' */, 'wasbi', 'WhatsApp, State Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81d779d842cdcdf6ecf502d' *//*postgres '019b76da-a81d-779d-842c-dcdf6ecf502d' */, 'axisb', 'CRED, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81c7f578098a8436d18f2d8' *//*postgres '019b76da-a81c-7f57-8098-a8436d18f2d8' */, 'yescred', 'CRED, Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81b7c0d881b6bdb8d3b74b2' *//*postgres '019b76da-a81b-7c0d-881b-6bdb8d3b74b2' */, 'freecharge', 'Freecharge, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81a7239835b56e9c7a3cb73' *//*postgres '019b76da-a81a-7239-835b-56e9c7a3cb73' */, 'ikwik', 'MobiKwik, HDFC Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81979858c6cf7b87fa73d7f' *//*postgres '019b76da-a819-7985-8c6c-f7b87fa73d7f' */, 'jupiteraxis', 'Jupiter, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81874678ee43f018f2d6401' *//*postgres '019b76da-a818-7467-8ee4-3f018f2d6401' */, 'fam', 'FamPay, IDFC FIRST Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8177e1888f46890d065bdf7' *//*postgres '019b76da-a817-7e18-88f4-6890d065bdf7' */, 'naviaxis', 'Navi, Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8167ad5817423d874438f90' *//*postgres '019b76da-a816-7ad5-8174-23d874438f90' */, 'superyes', 'super.money, Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa81572a38ba00b5408117f40' *//*postgres '019b76da-a815-72a3-8ba0-0b5408117f40' */, 'sbi', 'State Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8147aa283e4e96bf931172a' *//*postgres '019b76da-a814-7aa2-83e4-e96bf931172a' */, 'hdfcbank', 'HDFC Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8137d078dc6f481feee41dc' *//*postgres '019b76da-a813-7d07-8dc6-f481feee41dc' */, 'icici', 'ICICI Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa812790984b5a114a7448f44' *//*postgres '019b76da-a812-7909-84b5-a114a7448f44' */, 'axisbank', 'Axis Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8117c7c828ee7778ed0df40' *//*postgres '019b76da-a811-7c7c-828e-e7778ed0df40' */, 'kotak', 'Kotak Mahindra Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8107a49816bc4e6b4078c7b' *//*postgres '019b76da-a810-7a49-816b-c4e6b4078c7b' */, 'yesbank', 'Yes Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80f74018d3699f164978835' *//*postgres '019b76da-a80f-7401-8d36-99f164978835' */, 'idfcbank', 'IDFC FIRST Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80e735c87c0522111be2ab4' *//*postgres '019b76da-a80e-735c-87c0-522111be2ab4' */, 'federal', 'Federal Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80d7a0982ff5051cd13c316' *//*postgres '019b76da-a80d-7a09-82ff-5051cd13c316' */, 'indus', 'IndusInd Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80c78408beb5cc5e7b1a964' *//*postgres '019b76da-a80c-7840-8beb-5cc5e7b1a964' */, 'pnb', 'Punjab National Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80b773f81b4ca974c3b7e2c' *//*postgres '019b76da-a80b-773f-81b4-ca974c3b7e2c' */, 'barodampay', 'Bank of Baroda', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80a76b0850e8407789eed54' *//*postgres '019b76da-a80a-76b0-850e-8407789eed54' */, 'cnrb', 'Canara Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa809715f878e5deaaa486588' *//*postgres '019b76da-a809-715f-878e-5deaaa486588' */, 'unionbankofindia', 'Union Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80878fa842ddf601025b631' *//*postgres '019b76da-a808-78fa-842d-df601025b631' */, 'boi', 'Bank of India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80771988f147f0bdef27184' *//*postgres '019b76da-a807-7198-8f14-7f0bdef27184' */, 'idbi', 'IDBI Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80676ad807b3b7961902ab2' *//*postgres '019b76da-a806-76ad-807b-3b7961902ab2' */, 'postbank', 'India Post Payments Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8057eb6868411716a024085' *//*postgres '019b76da-a805-7eb6-8684-11716a024085' */, 'jio', 'Jio Payments Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8047c8a8848ece5893b45f0' *//*postgres '019b76da-a804-7c8a-8848-ece5893b45f0' */, 'aubank', 'AU Small Finance Bank', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80371a08754f24177ec2123' *//*postgres '019b76da-a803-71a0-8754-f24177ec2123' */, 'dbs', 'DBS Bank India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa8027b9f8b298140d1afb3a1' *//*postgres '019b76da-a802-7b9f-8b29-8140d1afb3a1' */, 'hsbc', 'HSBC India', 'system:migration', 1767225600000000),
    (/*sqlite X'019b76daa80171a581c49f285c8c0c3a' *//*postgres '019b76da-a801-71a5-81c4-9f285c8c0c3a' */, 'rbl', 'RBL Bank', 'system:migration', 1767225600000000);
