//! Rows in Google sheets, by a service account.
//!
//! A row has the event's id, its time, and the values in the order in which their kind declares them. It is written as
//! plain text: a name that begins with `=` is no formula. A row whose receipt was lost comes twice, with the same id.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use purser_outbox::{Notice, NoticeKind};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{BadSetting, DeliveryError, bad};

/// What the account may do: read and write sheets that were shared with it.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// How long an assertion, and the token for it, lives.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A token is not used in its last minutes.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of an answer that are read, at most.
const ANSWER_LIMIT: usize = 65_536;

/// A way to write rows. Cheap to clone.
#[derive(Clone)]
pub struct GoogleSheets(Arc<ServiceAccount>);

struct ServiceAccount {
    email: String,
    token_uri: String,
    key: RsaKeyPair,
    api: String,
    client: Client,
    token: Mutex<Option<(String, Timestamp)>>,
}

/// A service account's key, as the cloud console gives it.
#[derive(Deserialize)]
struct Credentials {
    client_email: String,
    private_key: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl GoogleSheets {
    /// The account whose key this is, as JSON; `None` where there is none. `api` is where the Sheets API is.
    ///
    /// # Errors
    /// A setting that does not read.
    pub fn new(credentials: &str, api: &str) -> Result<Option<Self>, BadSetting> {
        if credentials.trim().is_empty() {
            return Ok(None);
        }
        let wrong = |why: String| bad("sheets.credentials", "…", why);
        let rule = |error| format!("it must be a service account's key in JSON: {error}");
        let credentials: Credentials = serde_json::from_str(credentials).map_err(|error| wrong(rule(error)))?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(credentials.private_key.as_bytes());
        let der = der.map_err(|_| wrong("its private_key must be in PEM".to_owned()))?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        let key = key.map_err(|error| wrong(format!("its private_key is refused: {error}")))?;
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        let client = client.map_err(|error| bad("sheets.api_url", api, error))?;
        Ok(Some(GoogleSheets(Arc::new(ServiceAccount {
            email: credentials.client_email,
            token_uri: credentials.token_uri,
            key,
            api: api.to_owned(),
            client,
            token: Mutex::default(),
        }))))
    }

    /// Gets a token, and says whose.
    ///
    /// # Errors
    /// What is said against that.
    pub async fn check(&self, now: Timestamp) -> Result<String, String> {
        match self.token(now).await {
            Ok(_) => Ok(self.0.email.clone()),
            Err(DeliveryError::Temporary(error, _) | DeliveryError::Permanent(error)) => Err(error),
        }
    }

    pub(crate) async fn send(&self, now: Timestamp, notice: &Notice, kind: &NoticeKind) -> Result<(), DeliveryError> {
        let url = self.address(&notice.to).map_err(DeliveryError::Permanent)?;
        let token = self.token(now).await?;
        let mut row = vec![json!(notice.id), json!(notice.created_at.to_string())];
        row.extend(kind.values.iter().map(|value| notice.values.get(value.name).cloned().unwrap_or(Value::Null)));
        let request = self.0.client.post(url).bearer_auth(token).json(&json!({ "values": [row] }));
        let (status, answer) =
            read(request.send().await).await.map_err(|error| DeliveryError::Temporary(error, None))?;
        if status.is_success() {
            return Ok(());
        }
        let told = format!("Google Sheets answered {}: {}", status.as_u16(), message(&answer));
        match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Err(DeliveryError::Permanent(told)),
            // The token may have been withdrawn, the sheet not be shared yet: the operator mends it.
            _ => {
                *self.0.token.lock().await = None;
                Err(DeliveryError::Temporary(told, None))
            }
        }
    }

    /// `SPREADSHEET/RANGE` as the address that appends a row there.
    fn address(&self, to: &str) -> Result<Url, String> {
        let wrong = || format!("'{to}' must be SPREADSHEET/RANGE, such as 1aBc…/Payments!A:F");
        let (sheet, range) =
            to.split_once('/').filter(|(sheet, range)| !sheet.is_empty() && !range.is_empty()).ok_or_else(wrong)?;
        let mut url = Url::parse(&self.0.api).map_err(|error| format!("sheets.api_url: {error}"))?;
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend([
            "v4",
            "spreadsheets",
            sheet,
            "values",
            &format!("{range}:append"),
        ]);
        url.query_pairs_mut().append_pair("valueInputOption", "RAW").append_pair("insertDataOption", "INSERT_ROWS");
        Ok(url)
    }

    /// A token that lives for some minutes yet.
    async fn token(&self, now: Timestamp) -> Result<String, DeliveryError> {
        let mut kept = self.0.token.lock().await;
        if let Some((token, until)) = &*kept
            && now < *until
        {
            return Ok(token.clone());
        }
        let assertion = self.assertion(now).map_err(|error| DeliveryError::Temporary(error, None))?;
        let form = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let request = self.0.client.post(&self.0.token_uri).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let (status, answer) =
            read(request.send().await).await.map_err(|error| DeliveryError::Temporary(error, None))?;
        let Ok(Token { access_token }) = serde_json::from_slice(&answer) else {
            let told = format!("Google gives no token: {}: {}", status.as_u16(), message(&answer));
            return Err(DeliveryError::Temporary(told, None));
        };
        let until = now.checked_add(HOUR - MARGIN).unwrap_or(Timestamp::MAX);
        *kept = Some((access_token.clone(), until));
        Ok(access_token)
    }

    /// Who we are, signed (RFC 7523).
    fn assertion(&self, now: Timestamp) -> Result<String, String> {
        let claims = json!({
            "iss": self.0.email,
            "scope": SCOPE,
            "aud": self.0.token_uri,
            "iat": now.as_second(),
            "exp": now.as_second() + HOUR.as_secs(),
        });
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
        let mut signature = vec![0; self.0.key.public().modulus_len()];
        self.0
            .key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the service account's key does not sign".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

async fn read(answer: Result<Response, reqwest::Error>) -> Result<(StatusCode, Vec<u8>), String> {
    let told = |error: reqwest::Error| format!("Google does not answer: {}", error.without_url());
    let mut response = answer.map_err(told)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Err("Google's answer is too long".to_owned());
        }
    }
    Ok((response.status(), body))
}

/// What an answer says went wrong.
fn message(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let said = [&answer["error"]["message"], &answer["error_description"], &answer["error"]];
    let said = said.into_iter().find_map(Value::as_str).unwrap_or("nothing more");
    said.chars().take(200).collect()
}
