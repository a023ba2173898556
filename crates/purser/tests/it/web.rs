//! The pages and the edge, as a browser and a stranger meet them.

use purser_testkit::{TestDb, both};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::program::{Installation, Serving, client};

/// A browser that does not follow where it is sent.
fn browser() -> Client {
    let _ = client();
    Client::builder().no_proxy().redirect(Policy::none()).build().unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

async fn sign_in(serving: &Serving, login: &str, password: &str, next: &str) -> Response {
    let form = [("login", login), ("password", password), ("next", next)];
    let body = form.map(|(name, value)| format!("{name}={}", value.replace('@', "%40"))).join("&");
    browser()
        .post(serving.url("/accounts/login/"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap()
}

fn add_superuser(installation: &Installation) {
    let args =
        ["user", "create", "--username", "Asha", "--email", "asha@example.com", "--superuser", "--password-stdin"];
    let made = installation.run_with(&args, "paper lantern violet harbor\n");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

both! {
    async fn every_page_answers_with_its_headers_of_caution(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve("");
        for path in ["/", "/accounts/login/", "/accounts/login", "/api/docs", "/api/docs/errors"] {
            let page = browser().get(serving.url(path)).send().await.unwrap();
            assert_eq!(page.status(), StatusCode::OK, "{path}");
            assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"), "{path}");
            assert!(header(&page, "content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(header(&page, "x-content-type-options"), "nosniff");
            assert_eq!(header(&page, "cache-control"), "no-store");
            assert!(!header(&page, "x-request-id").is_empty());
            let text = page.text().await.unwrap();
            assert!(!text.contains("<script") && !text.contains("style="), "{path}");
        }
        let health = browser().get(serving.url("/api/v1/health/")).send().await.unwrap();
        assert_eq!(health.status(), StatusCode::OK);
        let live = browser().get(serving.url("/healthz/live")).send().await.unwrap();
        assert_eq!(live.text().await.unwrap(), "ok\n");
    }

    async fn what_is_not_there_is_a_problem_for_programs_and_a_page_for_people(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve("");
        let problem = browser().get(serving.url("/api/nothing/")).send().await.unwrap();
        assert_eq!(problem.status(), StatusCode::NOT_FOUND);
        assert_eq!(header(&problem, "content-type"), "application/problem+json");
        let page = browser().get(serving.url("/nothing")).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::NOT_FOUND);
        assert!(header(&page, "content-type").starts_with("text/html"));
        let wrong = browser().delete(serving.url("/api/v1/health/")).send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert!(header(&wrong, "allow").contains("GET"));
        assert_eq!(header(&wrong, "content-type"), "application/problem+json");
    }

    async fn a_superuser_signs_in_by_username_or_email_and_out_again(db: TestDb) {
        let installation = Installation::new(&db);
        add_superuser(&installation);
        let serving = installation.serve("");
        for login in ["asha", "ASHA@example.com"] {
            let entered = sign_in(&serving, login, "paper+lantern+violet+harbor", "/api/docs").await;
            assert_eq!(entered.status(), StatusCode::SEE_OTHER, "{login}");
            assert_eq!(entered.headers()[LOCATION], "/api/docs");
            let cookie = entered.headers()[SET_COOKIE].to_str().unwrap().to_owned();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let cookie = cookie.split(';').next().unwrap().to_owned();
            let list = || browser().get(serving.url("/api/sellers/")).header(COOKIE, &cookie);
            assert_eq!(list().send().await.unwrap().status(), StatusCode::OK);
            let out = browser().post(serving.url("/accounts/logout/")).header(COOKIE, &cookie).send().await.unwrap();
            assert_eq!(out.status(), StatusCode::SEE_OTHER);
            assert_eq!(list().send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        }
    }

    async fn signing_in_tells_no_stranger_anything_and_tires_of_them(db: TestDb) {
        let installation = Installation::new(&db);
        add_superuser(&installation);
        let serving = installation.serve("");
        let known = sign_in(&serving, "asha", "wrong", "/").await;
        let unknown = sign_in(&serving, "nobody", "wrong", "/").await;
        assert_eq!((known.status(), unknown.status()), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
        let (known, unknown) = (known.text().await.unwrap(), unknown.text().await.unwrap());
        assert_eq!(known.replace("asha", ""), unknown.replace("nobody", ""));
        let mut last = StatusCode::OK;
        for _ in 0..4 {
            last = sign_in(&serving, "asha", "wrong", "/").await.status();
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    }

    async fn signing_in_leads_to_no_other_site_and_takes_no_form_from_one(db: TestDb) {
        let installation = Installation::new(&db);
        add_superuser(&installation);
        let serving = installation.serve("");
        let entered = sign_in(&serving, "asha", "paper+lantern+violet+harbor", "//evil.example/").await;
        assert_eq!(entered.headers()[LOCATION], "/admin/");
        let cookie = entered.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let foreign = browser()
            .post(serving.url("/api/sellers/"))
            .header(COOKIE, cookie)
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/json")
            .body(r#"{"name": "Evil"}"#)
            .send()
            .await
            .unwrap();
        assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
        assert!(foreign.text().await.unwrap().contains("cross_site"));
    }

    async fn the_set_up_link_makes_one_superuser_once(db: TestDb) {
        let installation = Installation::new(&db);
        let serving = installation.serve("");
        let link = serving.setup_link().expect("without a superuser the server prints a link").to_owned();
        let form = |password: &str| {
            let body = format!("username=asha&email=asha%40example.com&password={password}&again={password}");
            let post = browser().post(&link).header("content-type", "application/x-www-form-urlencoded");
            post.body(body).send()
        };
        assert_eq!(browser().get(&link).send().await.unwrap().status(), StatusCode::OK);
        let weak = form("password").await.unwrap();
        assert_eq!(weak.status(), StatusCode::BAD_REQUEST);
        assert!(weak.text().await.unwrap().contains("password-error"));
        let made = form("paper+lantern+violet+harbor").await.unwrap();
        assert_eq!(made.status(), StatusCode::SEE_OTHER);
        assert_eq!(form("paper+lantern+violet+harbor").await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(browser().get(&link).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}
