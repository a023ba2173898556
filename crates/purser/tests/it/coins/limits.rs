//! What a user may ask for: coins that are there, limits of a day and a month, known handles, and new UPI ids.

use jiff::SignedDuration;
use purser_coins::{Error, HandlePolicy, Settings, WithdrawalStatus, coins};
use purser_testkit::{TestDb, both};

use super::Bank;

both! {
    async fn exactly_what_is_there_can_be_withdrawn_and_not_one_coin_more(db: TestDb) {
        let bank = Bank::open(&db);
        bank.user("asha", 250).await;
        let refused = bank.ask("asha", 251, "asha@ybl").await.unwrap_err();
        assert_eq!(refused, Error::Insufficient { available: coins(250), needed: coins(251) });
        bank.ask("asha", 250, "asha@ybl").await.unwrap();
        assert_eq!(bank.balance("asha").await, 0);
        let refused = bank.ask("nobody", 100, "asha@ybl").await.unwrap_err();
        assert_eq!(refused, Error::Insufficient { available: coins(0), needed: coins(100) });
    }

    async fn a_day_and_a_month_allow_so_much_and_what_came_back_does_not_count(db: TestDb) {
        let settings = Settings { per_day: Some(500), per_month: Some(800), ..Settings::standard() };
        let bank = Bank::with(&db, settings);
        bank.user("asha", 10_000).await;
        let first = bank.ask("asha", 400, "asha@ybl").await.unwrap();
        let refused = bank.ask("asha", 101, "asha@ybl").await.unwrap_err();
        assert!(matches!(refused, Error::OverLimit { period: "day", .. }), "{refused}");
        bank.cancel(first.id).await.unwrap();
        bank.ask("asha", 500, "asha@ybl").await.unwrap();
        // Somebody else's day is another.
        bank.user("bina", 500).await;
        bank.ask("bina", 500, "bina@ybl").await.unwrap();
        db.clock().advance(SignedDuration::from_hours(24));
        let refused = bank.ask("asha", 301, "asha@ybl").await.unwrap_err();
        assert!(matches!(refused, Error::OverLimit { period: "month", .. }), "{refused}");
        bank.ask("asha", 300, "asha@ybl").await.unwrap();
        db.clock().advance(SignedDuration::from_hours(24 * 31));
        bank.ask("asha", 500, "asha@ybl").await.unwrap();
    }

    async fn a_handle_that_is_on_no_list_is_refused_or_taken_and_flagged(db: TestDb) {
        let bank = Bank::open(&db);
        bank.user("asha", 1_000).await;
        assert_eq!(bank.ask("asha", 100, "user@bank").await.unwrap_err(), Error::UnknownHandle("bank".to_owned()));
        for handle in ["okhdfcbank", "okicici", "oksbi", "okaxis", "ybl", "ibl", "axl", "upi", "airtel", "paytm"] {
            assert!(bank.ask("asha", 100, &format!("user@{handle}")).await.unwrap().handle_known, "{handle}");
        }
        bank.user("bina", 200).await;
        for handle in ["ptyes", "apl"] {
            bank.ask("bina", 100, &format!("bina@{handle}")).await.unwrap();
        }
        let lenient = bank.under(Settings { handles: HandlePolicy::Warn, ..Settings::standard() });
        lenient.user("chetan", 100).await;
        assert!(!lenient.ask("chetan", 100, "user@bank").await.unwrap().handle_known);
    }

    async fn a_new_upi_id_waits_before_it_is_paid_and_one_that_was_named_long_ago_does_not(db: TestDb) {
        let settings = Settings { cool_off: Some(SignedDuration::from_hours(24)), ..Settings::standard() };
        let bank = Bank::with(&db, settings);
        bank.user("asha", 1_000).await;
        let first = bank.ask("asha", 100, "asha@ybl").await.unwrap();
        let refused = bank.begin(first.id).await.unwrap_err();
        assert!(matches!(refused, Error::CoolingOff(from) if Some(from) == first.payable_from), "{refused}");
        db.clock().advance(SignedDuration::from_hours(23));
        assert!(bank.ask("asha", 100, "asha@ybl").await.unwrap().payable_from == first.payable_from);
        db.clock().advance(SignedDuration::from_hours(1));
        bank.begin(first.id).await.unwrap();
        assert_eq!(bank.ask("asha", 100, "asha@ybl").await.unwrap().payable_from, None);
        assert!(bank.ask("asha", 100, "thief@ybl").await.unwrap().payable_from.is_some());
    }

    async fn what_a_coin_is_worth_is_settled_when_it_is_asked_for(db: TestDb) {
        let bank = Bank::open(&db);
        let before = bank.standing("asha", WithdrawalStatus::Processing).await;
        let dearer = Settings { coin_value: purser_money::Money::new(25, purser_money::Currency::INR), ..Settings::standard() };
        let after = bank.under(dearer);
        assert_eq!(after.ask("asha", 100, "asha@ybl").await.unwrap().rupees.to_string(), "25.00");
        assert_eq!(after.complete(before.id, "UTR123456789").await.unwrap().rupees.to_string(), "30.00");
    }
}
