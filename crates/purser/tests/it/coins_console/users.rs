//! Users, their coins, who they are, and the list of handles.

use purser_testkit::{TestDb, both};

use super::{CoinsProgram, HANDLES, USERS, WITHDRAWALS, act, first_id, refused};
use crate::browser::person;

both! {
    async fn coins_are_put_right_with_a_reason_and_never_below_zero(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        services.award("asha", 1_000).await;
        let user = first_id(&services.boss.page(&format!("{USERS}?q=asha")).await, USERS);
        let page = services.boss.page(&format!("{USERS}do/?action=adjust&id={user}")).await;
        assert!(page.contains("asha has 1000 coins, worth ₹100.00."), "{page}");
        for (amount, reason, status) in [("0", "x", 400), ("1.5", "x", 400), ("", "x", 400), ("5", "", 400), ("-1001", "x", 400), ("ten", "x", 400)] {
            let fields = [("amount", amount), ("reason", reason)];
            assert_eq!(refused(&mut services.boss, USERS, "adjust", &[&user], &fields).await.0, status, "{amount}");
        }
        for (amount, has) in [("-250", 750), ("50", 800)] {
            let fields = [("amount", amount), ("reason", "Counted twice")];
            let done = act(&mut services.boss, USERS, "adjust", &[&user], &fields).await;
            assert!(done.contains(&format!("asha has {has} coins now.")), "{done}");
        }
        assert_eq!(services.balance("asha").await, 800);
        let list = services.boss.page("/admin/coins/transactions/?kind=adjustment").await;
        assert!(list.contains("-250 COIN") && list.contains("Counted twice") && !list.contains("Won"), "{list}");
        let one = first_id(&list, "/admin/coins/transactions/");
        assert!(services.boss.page(&format!("/admin/coins/transactions/{one}/")).await.contains("Counted twice"));
        let mut operator = services.staff("operator", "coins.operate").await;
        let fields = [("amount", "5"), ("reason", "x")];
        assert_eq!(refused(&mut operator, USERS, "adjust", &[&user], &fields).await.0, 403);
    }

    async fn a_user_is_told_where_staff_say_and_is_one_person_here(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        services.award("asha", 1_000).await;
        services.award("bina", 1_000).await;
        let user = first_id(&services.boss.page(&format!("{USERS}?q=asha")).await, USERS);
        let other = first_id(&services.boss.page(&format!("{USERS}?q=bina")).await, USERS);
        let contact = |email: &'static str, language: &'static str| [("email", email), ("language", language)];
        for (email, language) in [("no mail", "en"), ("a@b.example", "fr"), ("a@b.example", "")] {
            assert_eq!(refused(&mut services.boss, USERS, "contact", &[&user], &contact(email, language)).await.0, 400);
        }
        let done = act(&mut services.boss, USERS, "contact", &[&user], &contact("asha@example.com", "hi")).await;
        assert!(done.contains("asha is told at asha@example.com."), "{done}");
        let page = services.boss.page(&format!("{USERS}do/?action=contact&id={user}")).await;
        assert!(page.contains("value=\"asha@example.com\"") && page.contains("value=\"hi\" selected"), "{page}");
        assert!(act(&mut services.boss, USERS, "contact", &[&user], &contact("", "en")).await.contains("told nowhere"));

        person(&services.installation, "ravi", &[]);
        let page = services.boss.page(&format!("{USERS}do/?action=unlink&id={user}")).await;
        assert!(page.contains("Nobody with an account here is this user."), "{page}");
        let (status, page) = refused(&mut services.boss, USERS, "link", &[&user], &[("login", "nobody")]).await;
        assert!(status == 400 && page.contains("login must be the username or email"), "{page}");
        let done = act(&mut services.boss, USERS, "link", &[&user], &[("login", "ravi@example.com")]).await;
        assert!(done.contains("ravi is asha now."), "{done}");
        let (status, page) = refused(&mut services.boss, USERS, "link", &[&other], &[("login", "ravi")]).await;
        assert!(status == 409 && page.contains("is the user &#39;asha&#39; already"), "{page}");
        assert!(services.boss.page(&format!("{USERS}?person=linked")).await.contains(&user));
        assert!(services.boss.page(&format!("{USERS}{user}/")).await.contains("ravi"));
        assert!(act(&mut services.boss, USERS, "unlink", &[&user], &[]).await.contains("Nobody with an account here is asha now."));
        assert!(!services.boss.page(&format!("{USERS}?person=linked")).await.contains(&user));
    }

    async fn handles_are_added_changed_and_removed(db: TestDb) {
        let mut services = CoinsProgram::open(&db).await;
        services.award("asha", 1_000).await;
        let fields = |handle: &'static str, provider: &'static str| [("handle", handle), ("provider", provider)];
        for (handle, provider, status) in [("a", "x", 400), ("no-hyphen", "x", 400), ("mybank", "", 400), ("okicici", "x", 409)] {
            assert_eq!(refused(&mut services.boss, HANDLES, "add", &[], &fields(handle, provider)).await.0, status, "{handle}");
        }
        let done = act(&mut services.boss, HANDLES, "add", &[], &fields("@MyBank", "My Bank")).await;
        assert!(done.contains("@mybank is on the list."), "{done}");
        let id = services.ask("asha", 100, "asha@mybank").await;
        let handle = first_id(&services.boss.page(&format!("{HANDLES}?q=mybank")).await, HANDLES);
        assert!(act(&mut services.boss, HANDLES, "change", &[&handle], &[("provider", "Your Bank")]).await.contains("@mybank is Your Bank."));
        assert!(act(&mut services.boss, HANDLES, "remove", &[&handle], &[]).await.contains("is off the list"));
        assert!(services.boss.page(&format!("{WITHDRAWALS}{id}/")).await.contains("@mybank is not on the list"));
        assert!(services.act("process", &[&id], &[]).await.contains("1 withdrawal begun"), "what was asked for before goes on");
        let mut viewer = services.staff("viewer", "coins.view").await;
        assert_eq!(refused(&mut viewer, HANDLES, "add", &[], &fields("x1", "X")).await.0, 403);
    }
}
