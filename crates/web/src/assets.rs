//! What pages load, under names that change with the content, so that browsers may keep it for ever.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../assets/purser.css");
const SCRIPT: &str = include_str!("../assets/console.js");
const LOGO: &str = include_str!("../assets/logo.svg");

/// The address of the stylesheet.
pub(crate) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| path("purser.css", STYLE));

/// The address of the console's keys, which its pages can do without.
pub(crate) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| path("console.js", SCRIPT));

/// The address of the logo, which is also the icon.
pub(crate) static LOGO_PATH: LazyLock<String> = LazyLock::new(|| path("logo.svg", LOGO));

fn path(name: &str, content: &str) -> String {
    let hash = Sha256::digest(content.as_bytes());
    let short = hash.iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!("/assets/{short}/{name}")
}

pub(crate) fn router() -> Router {
    let asset = |kind: &'static str, content: &'static str| {
        get(move || async move {
            let keep = "public, max-age=31536000, immutable";
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], content)
        })
    };
    Router::new()
        .route(&STYLE_PATH, asset("text/css; charset=utf-8", STYLE))
        .route(&SCRIPT_PATH, asset("text/javascript; charset=utf-8", SCRIPT))
        .route(&LOGO_PATH, asset("image/svg+xml", LOGO))
        .route("/favicon.ico", asset("image/svg+xml", LOGO))
}
