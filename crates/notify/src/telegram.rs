//! Messages by the Telegram Bot API.

use std::time::Duration;

use jiff::SignedDuration;
use purser_outbox::Notice;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::parts::parts;
use crate::{BadSetting, DeliveryError, bad};

/// UTF-16 units in a message, at most: the Bot API refuses longer ones, and counts most emoji as two.
const LONGEST: usize = 4_096;

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The longest wait that is believed, in seconds: an hour.
const LONGEST_WAIT: i64 = 3_600;

/// Bytes of an answer that are read, at most.
const ANSWER_LIMIT: usize = 65_536;

/// A way to send messages. Cheap to clone.
#[derive(Clone)]
pub struct Telegram {
    /// With the token in it: never told to anybody.
    base: String,
    client: Client,
}

/// What the Bot API answers, as far as we need it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    ok: bool,
    description: String,
    parameters: Parameters,
    result: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<i64>,
    migrate_to_chat_id: Option<i64>,
}

impl Telegram {
    /// The bot with this token; `None` where there is no token. `api` is where the Bot API is.
    ///
    /// # Errors
    /// A setting that does not read.
    pub fn new(token: &str, api: &str) -> Result<Option<Self>, BadSetting> {
        if token.is_empty() {
            return Ok(None);
        }
        let plain = |character: char| character.is_ascii_alphanumeric() || ":_-".contains(character);
        if !token.chars().all(plain) {
            return Err(bad("telegram.bot_token", "…", "it must be a token as BotFather gives it: 123456:ABC-…"));
        }
        if !api.starts_with("https://") && !api.starts_with("http://") {
            return Err(bad("telegram.api_url", api, "it must be an http(s) address"));
        }
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        let client = client.map_err(|error| bad("telegram.api_url", api, error))?;
        Ok(Some(Telegram { base: format!("{}/bot{token}", api.trim_end_matches('/')), client }))
    }

    /// Asks the Bot API who the bot is, and says its name.
    ///
    /// # Errors
    /// What it says against that.
    pub async fn check(&self) -> Result<String, String> {
        let answer = self.client.get(format!("{}/getMe", self.base)).send().await;
        let (status, answer) = read(answer).await?;
        if !answer.ok {
            return Err(format!("{status}: {}", answer.description));
        }
        Ok(format!("@{}", answer.result["username"].as_str().unwrap_or("?")))
    }

    /// A text as the messages that it takes.
    pub(crate) fn messages(text: &str) -> Vec<&str> {
        parts(text, LONGEST)
    }

    /// Sends one message.
    pub(crate) async fn send(&self, notice: &Notice, text: &str) -> Result<(), DeliveryError> {
        // A chat has a number; a channel may have a name instead.
        let chat = notice.to.parse::<i64>().map_or_else(|_| Value::from(notice.to.as_str()), Value::from);
        // Plain text: no mark in somebody's name means anything.
        let message = json!({
            "chat_id": chat,
            "text": text,
            "link_preview_options": { "is_disabled": true },
        });
        let answer = self.client.post(format!("{}/sendMessage", self.base)).json(&message).send().await;
        let (status, answer) = read(answer).await.map_err(|error| DeliveryError::Temporary(error, None))?;
        if answer.ok { Ok(()) } else { Err(refusal(status, answer)) }
    }
}

fn refusal(status: StatusCode, answer: Answer) -> DeliveryError {
    let told = format!("Telegram answered {}: {}", status.as_u16(), answer.description);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            let wait = answer.parameters.retry_after.unwrap_or(1).clamp(1, LONGEST_WAIT);
            DeliveryError::Temporary(told, Some(SignedDuration::from_secs(wait)))
        }
        // The token is wrong, which the operator can mend.
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => DeliveryError::Temporary(told, None),
        _ if status.is_client_error() => match answer.parameters.migrate_to_chat_id {
            Some(chat) => DeliveryError::Permanent(format!("{told}; the chat is {chat} now")),
            None => DeliveryError::Permanent(told),
        },
        _ => DeliveryError::Temporary(told, None),
    }
}

/// The answer, whatever its status. Errors never say the address: it has the token in it.
async fn read(answer: Result<Response, reqwest::Error>) -> Result<(StatusCode, Answer), String> {
    let told = |error: reqwest::Error| format!("Telegram does not answer: {}", error.without_url());
    let mut response = answer.map_err(told)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Err("Telegram's answer is too long".to_owned());
        }
    }
    // A proxy on the way answers in HTML; its status says enough.
    let unread = || Answer { description: "its answer does not read".to_owned(), ..Answer::default() };
    Ok((status, serde_json::from_slice(&body).unwrap_or_else(|_| unread())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_could_change_the_address_is_refused_and_not_repeated() {
        let refused = Telegram::new("1:a/../x", "https://api.telegram.org").map(drop).unwrap_err().to_string();
        assert!(refused.starts_with("telegram.bot_token") && !refused.contains("1:a"), "{refused}");
        assert!(Telegram::new("", "nonsense").unwrap().is_none());
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_within_reason() {
        let answer = |wait| Answer {
            parameters: Parameters { retry_after: wait, ..Parameters::default() },
            ..Answer::default()
        };
        let wait = |asked| match refusal(StatusCode::TOO_MANY_REQUESTS, answer(asked)) {
            DeliveryError::Temporary(_, wait) => wait.map(|wait| wait.as_secs()),
            DeliveryError::Permanent(_) => None,
        };
        assert_eq!(
            (wait(Some(7)), wait(Some(-5)), wait(Some(1 << 40)), wait(None)),
            (Some(7), Some(1), Some(3_600), Some(1))
        );
    }
}
