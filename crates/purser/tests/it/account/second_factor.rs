//! The second factor: at signing in, and again before money leaves.

use jiff::SignedDuration;
use purser_identity::{Sealer, TotpSeed, second_factor_get, totp_purpose};
use purser_testkit::{TestDb, both};
use uuid::Uuid;

use crate::browser::{Browser, PASSWORD, hidden};
use crate::test_site::TestSite;

const FACTOR: &str = "/accounts/second-factor/";
const CODE: &str = "/accounts/login/code/";
const STEP: SignedDuration = SignedDuration::from_secs(30);

/// The app on somebody's phone.
pub(super) struct Phone {
    place: TestDb,
    seed: TotpSeed,
}

impl Phone {
    /// With the seed that the page shows as a picture.
    pub(super) async fn of(place: &TestSite, person: Uuid) -> Self {
        let factor = place.db.read(move |tx| second_factor_get(tx, person)).await.unwrap().unwrap();
        let seed = Sealer::new(&[7; 32]).open(&totp_purpose(person), &factor.sealed).unwrap();
        Phone { place: place.db.clone(), seed: TotpSeed::of(&seed).unwrap() }
    }

    pub(super) fn code(&self) -> String {
        self.seed.code(self.place.clock().now())
    }

    /// A code that was not shown before.
    pub(super) fn next_code(&self) -> String {
        self.place.clock().advance(STEP);
        self.code()
    }
}

/// Turns the second factor on; the phone, and the recovery codes.
pub(super) async fn enroll(place: &TestSite, person: Uuid, browser: &mut Browser) -> (Phone, Vec<String>) {
    let page = browser.page(FACTOR).await;
    assert!(page.contains("<svg class=\"qr\""), "{page}");
    let phone = Phone::of(place, person).await;
    assert!(page.contains(&phone.seed.typed()), "the letters are those of the picture");
    let shown = browser.post(FACTOR, &[("code", &phone.code()), ("password", PASSWORD)]).await;
    let codes: Vec<String> =
        shown.text.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    assert_eq!((shown.status, codes.len()), (200, 10), "{}", shown.text);
    (phone, codes)
}

async fn password_in(place: &TestSite) -> Browser {
    place.db.clock().advance(SignedDuration::from_mins(1));
    let mut browser = Browser::at(&place.base);
    let sent =
        browser.post("/accounts/login/", &[("login", "asha"), ("password", PASSWORD), ("next", "/accounts/")]).await;
    assert_eq!((sent.status, sent.sent_to.as_str()), (303, "/accounts/login/code/?next=/accounts/"));
    browser
}

both! {
    async fn a_password_alone_opens_nothing_and_no_code_opens_twice(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "superuser", "").await;
        let mut asha = place.signed_in("asha").await;
        asha.page(FACTOR).await;
        let wrong = asha.post(FACTOR, &[("code", "000000")]).await;
        assert!(wrong.status == 400 && wrong.text.contains("The code is wrong"), "{}", wrong.text);
        let (phone, _) = enroll(&place, id, &mut asha).await;
        let list = asha.page(FACTOR).await;
        assert!(list.contains("10 of your recovery codes") && !list.contains("<svg"), "{list}");
        assert_eq!(place.mails("asha@example.com").await[0].0, "house.second-factor");

        let mut half = password_in(&place).await;
        for path in ["/accounts/", "/admin/", "/admin/charge/sellers/", "/api/sellers/"] {
            let page = half.get(path).await;
            assert!(page.status == 303 || page.status == 401, "{path}: {}", page.status);
        }
        let code = phone.next_code();
        let sent = half.post(CODE, &[("code", &code), ("next", "/accounts/")]).await;
        assert_eq!((sent.status, sent.sent_to.as_str()), (303, "/accounts/"), "{}", sent.text);
        assert_eq!(half.get("/admin/").await.status, 200);

        let mut again = password_in(&place).await;
        let replayed = again.post(CODE, &[("code", &code)]).await;
        assert!(replayed.status == 400 && replayed.text.contains("used before"), "{}", replayed.text);
        let code = phone.next_code();
        assert_eq!(again.post(CODE, &[("code", &code)]).await.status, 303);
        let mut third = password_in(&place).await;
        let before = phone.code();
        let fresh = phone.next_code();
        assert_eq!(third.post(CODE, &[("code", &fresh)]).await.status, 303);
        let mut fourth = Browser::at(&place.base);
        fourth.post("/accounts/login/", &[("login", "asha"), ("password", PASSWORD)]).await;
        assert_eq!(fourth.post(CODE, &[("code", &before)]).await.status, 400, "nor one from before the last");
    }

    async fn another_address_takes_the_code_where_a_second_factor_is_on(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let (phone, _) = enroll(&place, id, &mut asha).await;
        assert!(asha.page("/accounts/email/").await.contains("name=\"code\""));
        let change = |code: String| [("email", "new@example.com".to_owned()), ("password", PASSWORD.to_owned()), ("code", code)];
        for wrong in ["", "000000"] {
            let change = change(wrong.to_owned());
            let change: Vec<(&str, &str)> = change.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let refused = asha.post("/accounts/email/", &change).await;
            assert!(refused.status == 400 && refused.text.contains("The code is wrong"), "{}: {}", refused.status, refused.text);
        }
        assert!(place.mails("new@example.com").await.is_empty());
        let right = change(phone.next_code());
        let right: Vec<(&str, &str)> = right.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(asha.post("/accounts/email/", &right).await.status, 200);
        assert_eq!(place.mails("new@example.com").await.len(), 1);
    }

    async fn a_recovery_code_stands_in_once(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let (phone, codes) = enroll(&place, id, &mut asha).await;
        let typed = codes[3].to_uppercase().replace('-', " ");
        assert_eq!(password_in(&place).await.post(CODE, &[("code", &typed)]).await.status, 303);
        assert_eq!(password_in(&place).await.post(CODE, &[("code", &codes[3])]).await.status, 400);
        assert!(asha.page(FACTOR).await.contains("9 of your recovery codes"));
        let fresh = asha.post("/accounts/second-factor/codes/", &[("password", PASSWORD), ("code", &phone.next_code())]).await;
        assert!(fresh.status == 200 && fresh.text.contains("<li><code>"), "{}", fresh.text);
        assert_eq!(password_in(&place).await.post(CODE, &[("code", &codes[4])]).await.status, 400, "the old ones are void");
        let wrong = asha.post("/accounts/second-factor/off/", &[("password", "wrong"), ("code", &phone.next_code())]).await;
        assert!(wrong.status == 400 && wrong.text.contains("password is wrong"), "{}", wrong.text);
        let off = asha.post("/accounts/second-factor/off/", &[("password", PASSWORD), ("code", &phone.next_code())]).await;
        assert_eq!(off.status, 303, "{}", off.text);
        place.db.clock().advance(SignedDuration::from_mins(1));
        place.signed_in("asha").await;
    }

    async fn a_code_is_not_guessed_by_trying(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "person", "").await;
        let mut asha = place.signed_in("asha").await;
        let (phone, _) = enroll(&place, id, &mut asha).await;
        let mut thief = password_in(&place).await;
        let mut tried = Vec::new();
        for number in 0..6 {
            tried.push(thief.post(CODE, &[("code", &format!("00000{number}"))]).await.status);
        }
        assert_eq!(tried, [400, 400, 400, 400, 400, 429]);
        assert_eq!(thief.post(CODE, &[("code", &phone.next_code())]).await.status, 429, "not even the right one");
        db.clock().advance(SignedDuration::from_mins(15));
        assert_eq!(password_in(&place).await.post(CODE, &[("code", &phone.next_code())]).await.status, 303);
        db.clock().advance(SignedDuration::from_mins(11));
        let over = thief.post(CODE, &[("code", &phone.next_code())]).await;
        assert_eq!((over.status, over.sent_to.as_str()), (303, "/accounts/login/"), "half a sign-in ends after ten minutes");
    }

    async fn money_leaves_only_for_whoever_proved_who_they_are(db: TestDb) {
        let place = TestSite::open(&db).await;
        let id = place.person("asha", "superuser", "").await;
        let mut asha = place.signed_in("asha").await;
        let sellers = "/admin/charge/sellers/";
        let page = asha.page(&format!("{sellers}do/?action=create")).await;
        let fields = [("action", "create"), ("once", &hidden(&page, "once")), ("name", "Corner Shop"), ("email", ""), ("phone", ""), ("low_credit_alert", "")];
        let made = asha.submit(&format!("{sellers}do/"), &fields).await;
        let seller = made.split("href=\"/admin/charge/sellers/").filter_map(|rest| rest.split('/').next()).find(|id| id.len() == 36).unwrap().to_owned();
        let give = format!("{sellers}do/?action=increase-credit&id={seller}");
        let order = |password: &str, code: &str| {
            [("action", "increase-credit"), ("id", &seller), ("amount", "500"), ("reference", ""), ("proof_password", password), ("proof_code", code)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let path = format!("{sellers}do/");
        let send = async |browser: &mut Browser, fields: [(String, String); 6]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post(&path, &fields).await
        };

        let page = asha.page(&give).await;
        assert!(page.contains("This needs a second factor") && !page.contains("type=\"submit\">Increase"), "{page}");
        assert_eq!(send(&mut asha, order("", "")).await.status, 403);
        let (phone, _) = enroll(&place, id, &mut asha).await;
        assert!(!asha.page(&give).await.contains("proof_password"), "signing in was a proof, a moment ago");
        assert_eq!(send(&mut asha, order("", "")).await.status, 303);

        db.clock().advance(SignedDuration::from_mins(15));
        let page = asha.page(&give).await;
        assert!(page.contains("proof_password") && page.contains("proof_code"), "{page}");
        let none = send(&mut asha, order("", "")).await;
        assert!(none.status == 403 && none.text.contains("value=\"500\""), "nothing is lost: {}", none.text);
        assert!(send(&mut asha, order(PASSWORD, "000000")).await.text.contains("proof_code-error"));
        assert!(send(&mut asha, order("wrong", &phone.next_code())).await.text.contains("proof_password-error"));
        assert_eq!(send(&mut asha, order(PASSWORD, &phone.next_code())).await.status, 303);
        assert_eq!(send(&mut asha, order("", "")).await.status, 303, "and for five minutes it is enough");
        let page = asha.page(&format!("{sellers}{seller}/")).await;
        assert!(page.contains("₹1,500.00"), "{page}");
        let audit = asha.page("/admin/house/audit/?q=charge.sellers").await;
        assert!(!audit.contains(PASSWORD) && !page.contains(PASSWORD), "no proof is kept");
    }
}
