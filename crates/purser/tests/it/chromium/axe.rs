//! What a machine can find wrong with a page: axe's rules, the policy's breaches, and a page wider than a phone.

use serde_json::{Value, json};

use super::tab::{DESK, PHONE, Tab};

/// By Deque, under the MPL 2.0; `cargo xtask tidy` holds it to its hash.
const AXE: &str = include_str!("../../assets/vendor/axe.min.js");

/// The rules of the Web Content Accessibility Guidelines 2.2, A and AA, and those of good manners.
const RULES: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const told = node => node.html.slice(0, 200) + '  ' + [...node.any, ...node.all, ...node.none].map(c => c.message).join('; ');
    axe.run(document, { runOnly: arguments[0] ? { type: 'rule', values: arguments[0] } : { type: 'tag', values: tags }, resultTypes: ['violations'] })
        .then(found => found.violations.flatMap(rule => rule.nodes.map(node => rule.id + ': ' + told(node))))
        .then(arguments[arguments.length - 1], error => arguments[arguments.length - 1]([String(error)]));";

/// What reaches past the right edge, if the page can be moved sideways.
const TOO_WIDE: &str = "
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    const past = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > wide + 1);
    return past.slice(0, 3).map(e => 'wider than a phone: ' + e.outerHTML.slice(0, 200));";

impl Tab {
    /// Everything that is wrong with the page that is open, as sentences.
    pub(super) async fn faults(&self) -> Vec<String> {
        self.run(AXE, json!([])).await;
        let mut faults = lines(&self.run_to_the_call(RULES, json!([null])).await);
        self.colors("dark").await;
        let dark = lines(&self.run_to_the_call(RULES, json!([["color-contrast", "link-in-text-block"]])).await);
        faults.extend(dark.into_iter().map(|fault| format!("dark: {fault}")));
        self.colors("light").await;
        self.screen(PHONE).await;
        faults.extend(lines(&self.run(TOO_WIDE, json!([])).await));
        self.screen(DESK).await;
        faults.extend(self.complaints().await);
        faults
    }

    /// The same, and there is nothing.
    pub(super) async fn is_without_fault(&self) {
        let faults = self.faults().await;
        assert!(faults.is_empty(), "{}: {faults:#?}", self.path().await);
    }
}

fn lines(list: &Value) -> Vec<String> {
    let lines = list.as_array().expect("a list").iter();
    lines.map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}
