//! How the channels are, for the health page: asked at most once a minute.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// How long an answer is believed. A monitor asks every second, and mail servers mind.
const FRESH: Duration = Duration::from_secs(60);

/// How long to wait for an answer; the health page waits little longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Remembers how a channel was.
#[derive(Default)]
pub struct ChannelProbe(Mutex<Option<(Instant, Result<String, String>)>>);

impl ChannelProbe {
    /// What `check` says, or has said within the last minute.
    ///
    /// # Errors
    /// What it says is wrong.
    pub async fn ask(&self, check: impl Future<Output = Result<String, String>>) -> Result<String, String> {
        let mut last = self.0.lock().await;
        if let Some((at, said)) = &*last
            && at.elapsed() < FRESH
        {
            return said.clone();
        }
        let said = tokio::time::timeout(PATIENCE, check).await;
        let said = said.unwrap_or_else(|_| Err(format!("no answer in {} seconds", PATIENCE.as_secs())));
        *last = Some((Instant::now(), said.clone()));
        said
    }
}
