//! Where somebody came from: an object, a form and a report lead back to the same list, narrowed and sorted as it was.

use axum::extract::Query;
use axum::http::Uri;

use super::escaped;

/// A list as it was narrowed and sorted, or the inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ListOrigin {
    /// The list's query, without what makes a page of it.
    pub(super) list: Vec<(String, String)>,
    pub(super) inbox: bool,
}

/// What makes a page of a list, and is gone when somebody comes back.
const PASSING: [&str; 2] = ["after", "all"];

impl ListOrigin {
    /// That of a list with this query.
    pub(super) fn of_list(query: &[(String, String)]) -> Self {
        let lasting = query.iter().filter(|(name, value)| !value.is_empty() && !PASSING.contains(&name.as_str()));
        ListOrigin { list: lasting.cloned().collect(), inbox: false }
    }

    /// Takes in a parameter of an address or a form; false where it says nothing of an origin.
    pub(super) fn takes(&mut self, name: &str, value: &str) -> bool {
        match name {
            "list" => {
                let uri = format!("/?{value}").parse::<Uri>().ok();
                let query = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
                self.list = query.map(|query| ListOrigin::of_list(&query).list).unwrap_or_default();
            }
            "way" => self.inbox = value == "inbox",
            _ => return false,
        }
        true
    }

    /// What an address says of it.
    pub(super) fn read(query: &[(String, String)]) -> Self {
        let mut origin = ListOrigin::default();
        for (name, value) in query {
            origin.takes(name, value);
        }
        origin
    }

    /// The list's query as one value.
    pub(super) fn query(&self) -> String {
        let parts: Vec<String> =
            self.list.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        parts.join("&")
    }

    /// The parameters that say the same, each after an `&`.
    pub(super) fn parameters(&self) -> String {
        let list = if self.list.is_empty() { String::new() } else { format!("&list={}", escaped(&self.query())) };
        if self.inbox { list + "&way=inbox" } else { list }
    }

    /// The same as a whole query; nothing where there is nothing to say.
    pub(super) fn suffix(&self) -> String {
        self.parameters().replacen('&', "?", 1)
    }

    /// Where it leads back to, for a list at `base`, and what that is called.
    pub(super) fn back(&self, base: &str, title: &'static str) -> (String, &'static str) {
        if self.inbox {
            return ("/admin/inbox/".to_owned(), "Approvals");
        }
        if self.list.is_empty() { (base.to_owned(), title) } else { (format!("{base}?{}", self.query()), title) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_survives_an_address_and_leads_nowhere_else() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let query = [pair("q", "a&b=c"), pair("status", "pending"), pair("after", "x"), pair("sort", "")];
        let origin = ListOrigin::of_list(&query);
        let (name, value) = origin.suffix().trim_start_matches('?').split_once('=').map(|(n, v)| pair(n, v)).unwrap();
        let value = value.replace("%26", "&").replace("%3D", "=").replace("%25", "%");
        let read = ListOrigin::read(&[(name, value)]);
        assert_eq!(read.back("/admin/x/y/", "Ys").0, "/admin/x/y/?q=a%26b%3Dc&status=pending");
        assert_eq!(ListOrigin::default().suffix(), "");
        let hostile =
            ListOrigin::read(&[pair("list", "//evil.example/\r\n?x=<a>"), pair("way", "https://evil.example")]);
        assert!(hostile.back("/admin/x/y/", "Ys").0.starts_with("/admin/x/y/"));
    }
}
