//! The API's description against what the API answers, and every refusal in our own words.

use std::collections::BTreeSet;

use purser_kit::{App, code};
use purser_testkit::{TestDb, both};
use purser_web::AppSite;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::program::client;
use crate::test_site::TestSite;

/// An id that is nobody's.
const NOBODY: &str = "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f";

/// More than any operation takes.
const TOO_LARGE: usize = 13 << 20;

/// The site with all apps, its description, and a key for everything.
struct Contract {
    place: TestSite,
    client: Client,
    description: Value,
    key: String,
    /// A key that has no scope of most apps.
    poor_key: String,
}

impl Contract {
    async fn open(db: &TestDb) -> Self {
        let context = crate::context(db);
        let with_members = |faces: &mut Vec<AppSite>| {
            let app = purser_members::app(&context, purser_members::Settings::standard());
            let App { name, title, summary, scopes, codes, api, console, .. } = app;
            faces.push(AppSite { name, title, summary, scopes, codes, api, console });
        };
        let place = TestSite::shaped(db, |faces, _| with_members(faces)).await;
        let client = client();
        let description = client.get(format!("{}/api/openapi.json", place.base)).send().await.unwrap();
        let description = description.json().await.unwrap();
        let key = crate::resellers::key(&place, "charge.* coins.* members.*", None).await;
        let poor_key = crate::resellers::key(&place, "house.none", None).await;
        Contract { place, client, description, key, poor_key }
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.description["paths"].as_object().unwrap();
        let of_path = paths.iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, told)| Operation {
                method: method.to_uppercase().parse().unwrap(),
                path,
                told,
                shared: &self.description["components"]["responses"],
            })
        });
        of_path.collect()
    }

    fn request(&self, operation: &Operation<'_>, part: &str, query: &str) -> RequestBuilder {
        let pieces = operation.path.split('/').map(|piece| if piece.starts_with('{') { part } else { piece });
        let path = pieces.collect::<Vec<_>>().join("/");
        self.client.request(operation.method.clone(), format!("{}{path}{query}", self.place.base))
    }
}

struct Operation<'d> {
    method: Method,
    path: &'d str,
    told: &'d Value,
    /// What operations have in common.
    shared: &'d Value,
}

impl Operation<'_> {
    fn parameters(&self, place: &str) -> Vec<&Value> {
        self.told["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == place).collect()
    }

    /// The codes that it lists for a status.
    fn listed(&self, status: u16) -> Vec<&str> {
        let response = &self.told["responses"][status.to_string()];
        let name = response["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/responses/"));
        let response = name.map_or(response, |name| &self.shared[name]);
        let schema = &response["content"]["application/problem+json"]["schema"];
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let codes = parts.filter_map(|part| part["properties"]["code"]["enum"].as_array());
        codes.flatten().filter_map(Value::as_str).collect()
    }

    /// An answer that is a refusal is a problem, and its code is listed; the code.
    async fn keeps_its_word(&self, how: &str, answer: Response) -> Option<String> {
        let status = answer.status().as_u16();
        if status < 400 {
            return None;
        }
        let what = format!("{} {}: {how}: {status}", self.method, self.path);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json", "{what}");
        let problem: Value = answer.json().await.unwrap();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert!(self.listed(status).contains(&code.as_str()), "{what} {code} is not listed: {problem}");
        Some(code)
    }
}

/// Bodies that no operation takes, with the type that they are said to be of.
fn bad_bodies(kind: &str) -> Vec<(&'static str, String, Vec<u8>)> {
    let json = || kind.to_owned();
    vec![
        ("nothing", json(), Vec::new()),
        ("half an object", json(), b"{\"amount\": ".to_vec()),
        ("a list", json(), b"[]".to_vec()),
        ("no text", json(), vec![0xff, 0xfe]),
        ("an unknown field", json(), b"{\"nonsense\": 1}".to_vec()),
        ("another type", "text/plain".to_owned(), b"amount=1".to_vec()),
        ("a form that is none", "multipart/form-data; boundary=x".to_owned(), b"--y".to_vec()),
        ("too much", json(), vec![b' '; TOO_LARGE]),
    ]
}

both! {
    async fn every_operation_lists_what_it_answers_to_who_calls_it_wrongly(db: TestDb) {
        let contract = Contract::open(&db).await;
        let mut met = BTreeSet::new();
        for operation in contract.operations() {
            let mut answers = Vec::new();
            let request = |part: &str, query: &str| contract.request(&operation, part, query);
            for key in ["", "pk_nonsense", &contract.poor_key] {
                let request = request(NOBODY, "");
                let request = if key.is_empty() { request } else { request.bearer_auth(key) };
                answers.push((format!("the key '{key}'"), request));
            }
            let known = |part: &str, query: &str| request(part, query).bearer_auth(&contract.key);
            for part in [NOBODY, "nonsense", "%ff"] {
                answers.push((format!("{part} in the path"), known(part, "")));
                answers.push((format!("{part} in the path, with a body"), known(part, "").json(&serde_json::json!({}))));
            }
            let idempotent = known(NOBODY, "").header("Idempotency-Key", "two words").json(&serde_json::json!({}));
            answers.push(("a bad Idempotency-Key".to_owned(), idempotent));
            let foreign = known(NOBODY, "").header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
            answers.push(("another site".to_owned(), foreign));
            for parameter in operation.parameters("query") {
                let name = parameter["name"].as_str().unwrap();
                for value in ["", "nonsense%ff", "-1", "99999999999"] {
                    answers.push((format!("?{name}={value}"), known(NOBODY, &format!("?{name}={value}"))));
                }
            }
            if let Some(body) = operation.told["requestBody"]["content"].as_object() {
                for (how, kind, body) in bad_bodies(body.keys().next().unwrap()) {
                    answers.push((how.to_owned(), known(NOBODY, "").header(CONTENT_TYPE, kind).body(body)));
                }
            }
            for (how, request) in answers {
                met.extend(operation.keeps_its_word(&how, request.send().await.unwrap()).await);
            }
        }
        let expected = [
            "body_too_large", "cross_site", "forbidden", "invalid_fields", "invalid_idempotency_key", "invalid_query",
            "malformed_body", "not_found", "unauthenticated", "unsupported_media_type",
        ];
        for code in expected {
            assert!(met.contains(code), "{code} was not met, so nothing was tried: {met:?}");
        }
    }

    async fn a_query_parameter_without_a_value_is_refused_by_its_name(db: TestDb) {
        let contract = Contract::open(&db).await;
        for operation in contract.operations().iter().filter(|operation| operation.parameters("path").is_empty()) {
            for parameter in operation.parameters("query").iter().filter(|_| operation.method == Method::GET) {
                let name = parameter["name"].as_str().unwrap();
                let request = contract.request(operation, NOBODY, &format!("?{name}=")).bearer_auth(&contract.key);
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), 400, "{} ?{name}=", operation.path);
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["code"], "invalid_query");
                assert_eq!(problem["errors"][name][0]["code"], "empty", "{problem}");
            }
        }
    }

    async fn the_description_says_how_many_rows_a_list_has_and_keeps_to_it(db: TestDb) {
        let contract = Contract::open(&db).await;
        let mut lists = 0;
        for operation in contract.operations() {
            let limits = operation.parameters("query").into_iter().filter(|one| one["name"] == "limit");
            for schema in limits.map(|limit| &limit["schema"]) {
                // A list without a maximum refuses no number, and answers with its most.
                let most = schema.get("maximum").map_or(100, |most| most.as_u64().unwrap());
                let usual = schema["default"].as_u64().unwrap();
                assert!(schema["minimum"] == 1 && (1..=most).contains(&usual), "{} {schema}", operation.path);
                assert!(most < 10_000, "the most is one that is kept to: {} {schema}", operation.path);
                lists += 1;
            }
        }
        assert!(lists > 10, "{lists}");
    }

    async fn every_code_is_some_operations_or_is_marked_as_none_of_theirs(db: TestDb) {
        let contract = Contract::open(&db).await;
        let operations = contract.operations();
        let statuses = 400..600;
        let listed: BTreeSet<&str> =
            statuses.flat_map(|status| operations.iter().flat_map(move |one| one.listed(status))).collect();
        let apps = [purser_charge::CODES, purser_coins::CODES, purser_members::CODES];
        for known in code::PLATFORM.iter().chain(apps.into_iter().flatten()) {
            let marks = ["Only pages answer this.", "Only the console answers this."];
            let is_marked = marks.iter().any(|mark| known.help.ends_with(mark)) || code::ANYWHERE.contains(known);
            assert_ne!(listed.contains(known.name), is_marked, "{}", known.name);
        }
    }

    async fn no_page_answers_in_the_words_of_a_framework(db: TestDb) {
        let place = TestSite::shaped(&db, |_, _| {}).await;
        place.person("asha", "superuser", "").await;
        let asha = place.signed_in("asha").await;
        let at = |path: &str| format!("{}{path}", place.base);
        let client = client();
        let form = |path: &str, kind: &str, body: Vec<u8>| {
            client.post(at(path)).header(CONTENT_TYPE, kind).header("cookie", asha.cookie().unwrap()).body(body)
        };
        let get = |path: &str| client.get(at(path)).header("cookie", asha.cookie().unwrap());
        let urlencoded = "application/x-www-form-urlencoded";
        let mut requests = Vec::new();
        for path in [
            "/accounts/login/", "/accounts/sign-up/", "/accounts/reset/", "/accounts/profile/", "/accounts/password/",
            "/admin/charge/sellers/do/", "/admin/house/new-key/", "/admin/house/texts/x/y/z/", "/setup/x/",
        ] {
            requests.push((path, form(path, "text/plain", b"hello".to_vec())));
            requests.push((path, form(path, "application/json", b"{}".to_vec())));
            requests.push((path, form(path, urlencoded, b"nonsense".to_vec())));
            requests.push((path, form(path, urlencoded, b"a=%ff&login=%fe".to_vec())));
            requests.push((path, form(path, urlencoded, vec![b'a'; 3 << 20])));
            requests.push((path, form(path, "multipart/form-data; boundary=x", b"--y".to_vec())));
            requests.push((path, client.put(at(path))));
        }
        for path in [
            "/setup/%ff/", "/accounts/verify/%ff/", "/accounts/reset/%ff/", "/admin/charge/sellers/%ff/", "/portal/charge/%ff/",
            "/admin/%ff/%ff/", "/%ff", "/assets/%ff", "/admin/charge/sellers/?page=%ff", "/admin/house/accounts/?place=%ff",
            "/api/%ff/", "/api/charge-transactions/by-ref/%ff/", "/admin/ledger/accounts/%ff/?before=nonsense",
        ] {
            requests.push((path, get(path)));
        }
        for (path, request) in requests {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            if status < 400 {
                continue;
            }
            let kind = answer.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
            let text = answer.text().await.unwrap();
            assert!(kind.starts_with("text/html") || kind == "application/problem+json", "{path}: {status} {kind} {text}");
            for words in ["deserialize", "Invalid URL", "multer", "boundary", "`", "utf-8 sequence", "limit exceeded"] {
                assert!(kind.starts_with("application") || !text.contains(words), "{path}: {status} {text}");
            }
        }
    }
}
