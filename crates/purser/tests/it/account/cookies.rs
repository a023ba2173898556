//! The cookies that a browser is given.

use purser_testkit::{TestDb, both};
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::browser::PASSWORD;
use crate::program::client;
use crate::test_site::TestSite;

/// The cookies that signing in sets, each with its attributes, and those that signing out does.
async fn cookies(place: &TestSite) -> (Vec<String>, Vec<String>) {
    let _ = client();
    let of = |response: reqwest::Response| -> Vec<String> {
        let all = response.headers().get_all(SET_COOKIE);
        all.into_iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    };
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = format!("login=asha&password={}", PASSWORD.replace(' ', "+"));
    let post = client.post(format!("{}/accounts/login/", place.base));
    let post = post.header("content-type", "application/x-www-form-urlencoded").body(form);
    let entered = of(post.send().await.unwrap());
    let session = entered[0].split(';').next().unwrap().to_owned();
    let out = client.post(format!("{}/accounts/logout/", place.base)).header(COOKIE, session);
    (entered, of(out.send().await.unwrap()))
}

/// Whether a cookie opens the account's page.
async fn opens(place: &TestSite, cookie: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    client.get(format!("{}/accounts/", place.base)).header(COOKIE, cookie).send().await.unwrap().status() == 200
}

both! {
    async fn by_https_every_cookie_is_of_this_host_alone(db: TestDb) {
        let place = TestSite::by_https(&db).await;
        place.person("asha", "person", "").await;
        let (entered, out) = cookies(&place).await;
        assert_eq!((entered.len(), out.len()), (2, 1), "{entered:?} {out:?}");
        assert!(entered[0].starts_with("__Host-purser_session=ps_"), "{entered:?}");
        assert!(entered[1].starts_with("__Host-purser_browser=pd_"), "{entered:?}");
        assert!(out[0].starts_with("__Host-purser_session=;") && out[0].contains("Max-Age=0"), "{out:?}");
        for cookie in entered.iter().chain(&out) {
            for attribute in ["; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
                assert!(cookie.contains(attribute), "{attribute}: {cookie}");
            }
            assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
        }
        let asha = place.signed_in("asha").await;
        let cookie = asha.cookie().unwrap();
        assert!(opens(&place, &cookie).await);
        let plain = cookie.replace("__Host-", "");
        assert!(!opens(&place, &plain).await, "a cookie that a neighbor of the domain can plant is none");
    }

    async fn by_http_a_cookie_has_its_plain_name(db: TestDb) {
        let place = TestSite::open(&db).await;
        place.person("asha", "person", "").await;
        let (entered, out) = cookies(&place).await;
        assert!(entered[0].starts_with("purser_session=ps_") && entered[1].starts_with("purser_browser=pd_"), "{entered:?}");
        assert!(entered.iter().chain(&out).all(|cookie| !cookie.contains("Secure") && cookie.contains("HttpOnly")));
        assert!(entered[1].contains("; Max-Age=15552000"), "half a year: {entered:?}");
    }
}
