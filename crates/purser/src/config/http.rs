//! Who may be connected.

use purser_web::Network;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many may be connected, and for how long without a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Connections in all; 0 for what the limit of open files leaves, at most 4,096.
    pub(crate) connections: u32,
    /// Connections from one address that is no trusted proxy's; 0 for a quarter of all.
    pub(crate) connections_per_address: u32,
    /// How long a connection is kept between two requests, in seconds.
    pub(crate) keep_alive_seconds: u32,
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: String| text.parse().map_err(|error| D::Error::custom(format!("trusted_proxies: {error}")));
    texts.into_iter().map(network).collect()
}

pub(super) fn networks_shown<S: Serializer>(networks: &[Network], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}
