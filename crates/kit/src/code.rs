//! The stable words that an API client may act on. docs/errors.md is printed from these tables.

/// One kind of problem: what clients compare, and what the documentation says of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The word in the answer's `code`, never changed once released.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The answer's `title`: the kind of problem, the same every time.
    pub title: &'static str,
    /// What the client should do about it.
    pub help: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $ident:ident = $name:literal, $status:literal, $title:literal, $help:literal;)*) => {
        $($(#[$doc])* pub static $ident: Code =
            Code { name: $name, status: $status, title: $title, help: $help };)*

        /// Every code of the platform, in the order of the documentation.
        pub static PLATFORM: &[&Code] = &[$(&$ident),*];
    };
}

codes! {
    /// The address, a header or a form is not as HTTP has it.
    MALFORMED_REQUEST = "malformed_request", 400, "The request cannot be read",
        "Send the address in UTF-8, percent-encoded, and forms as browsers do. Only pages answer this.";
    /// The body is not the JSON that the route takes.
    MALFORMED_BODY = "malformed_body", 400, "The request body cannot be read",
        "Send one JSON object in UTF-8; `detail` says where it stops being one.";
    /// One or more fields break a rule.
    INVALID_FIELDS = "invalid_fields", 400, "Some fields are not as they should be",
        "`errors` names each field, what was sent and the rule. Nothing was changed.";
    /// A query parameter breaks a rule.
    INVALID_QUERY = "invalid_query", 400, "A query parameter is not as it should be",
        "`errors` names each parameter and its rule.";
    /// The Idempotency-Key header breaks its rule.
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key", 400, "The Idempotency-Key is not one",
        "Send 1 to 200 visible ASCII characters; a UUID is a good choice.";
    /// No Host header, more than one, or one that is none.
    INVALID_HOST = "invalid_host", 400, "The request does not say which host it is for",
        "Send one Host header with the name that the address has.";
    /// No or no valid key or session.
    UNAUTHENTICATED = "unauthenticated", 401, "Who is asking is not known",
        "Send `Authorization: Bearer pk_…` with a key that is neither revoked nor expired, or sign in.";
    /// A key or session without the needed permission.
    FORBIDDEN = "forbidden", 403, "Whoever asks may not do this",
        "`detail` names the permission that is missing. Ask an administrator for a key that has it.";
    /// A session whose owner must prove again who they are.
    PROOF_NEEDED = "proof_needed", 403, "Prove again who you are",
        "A session moves money and hands on power only for 15 minutes after its owner signed in or decided something. Sign in again, or send a key.";
    /// A session of staff who have no second factor, where one is required.
    SECOND_FACTOR_NEEDED = "second_factor_needed", 403, "A second factor is needed",
        "Staff set up a second factor under /accounts/ before they move money or hand on power. Or send a key.";
    /// A state-changing request from a page of another site.
    CROSS_SITE = "cross_site", 403, "The request comes from another site",
        "Browsers may change things only from Purser's own pages. Programs send a key instead of cookies.";
    /// No such route, or no such object for this caller.
    NOT_FOUND = "not_found", 404, "There is no such thing here",
        "Check the id. An object that belongs to somebody else is not found either.";
    /// The path exists, the method does not.
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "This path does not take this method",
        "The `Allow` header lists the methods that it takes.";
    /// The body took too long to arrive.
    REQUEST_TIMEOUT = "request_timeout", 408, "The request's body took too long to arrive",
        "Nothing was changed. Send the request again, over a better connection if this happens often.";
    /// The object is not in a state that allows this, or somebody else was first.
    CONFLICT = "conflict", 409, "The thing is not in a state that allows this",
        "Read it again and decide anew.";
    /// The body is over the limit.
    BODY_TOO_LARGE = "body_too_large", 413, "The request body is too large",
        "`detail` says the limit.";
    /// Not JSON by its Content-Type.
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body's type is not one that this route takes",
        "Send `Content-Type: application/json`.";
    /// An idempotency key came again with another request.
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "The Idempotency-Key was used for another request",
        "Use a fresh key for each new request, and the same one only to repeat it word for word.";
    /// Too many requests in a time.
    RATE_LIMITED = "rate_limited", 429, "Too many requests",
        "Wait for the seconds in `Retry-After`. Only pages answer this.";
    /// A mistake of ours. It is in the log with the request's id.
    INTERNAL = "internal", 500, "Something went wrong on our side",
        "Nothing was changed. Tell the operator the `X-Request-Id` of the answer.";
    /// Too many commands wait.
    BUSY = "busy", 503, "Too much is waiting",
        "Nothing was changed. Repeat after the seconds in `Retry-After`.";
    /// The database cannot be reached.
    UNAVAILABLE = "unavailable", 503, "The database is not available",
        "Nothing was changed. Repeat after the seconds in `Retry-After`.";
    /// The disk is full.
    STORAGE_FULL = "storage_full", 503, "The disk is full",
        "Nothing was changed. The operator has to make room; then repeat.";
    /// The database is damaged.
    STORAGE_DAMAGED = "storage_damaged", 503, "The database is damaged",
        "Nothing was changed. The operator runs `purser doctor`, and restores a backup where it says so.";
    /// The connection to the database broke during the commit.
    OUTCOME_UNKNOWN = "outcome_unknown", 503, "The outcome is not known",
        "It happened whole or not at all. Repeat with the same Idempotency-Key (or client_ref) to find out; it will not happen twice.";
}

/// What any address answers, before an operation is found: no operation lists them.
pub static ANYWHERE: &[&Code] = &[&INVALID_HOST, &METHOD_NOT_ALLOWED];

/// The documentation of all codes, as Markdown: those of the platform, then each app's.
#[must_use]
pub fn document(apps: &[(&str, &[&Code])]) -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every refusal of the API is one JSON object (RFC 9457, `application/problem+json`): `type`, `title`, `status`,\n\
         `detail`, `code`, `errors` (by field, where fields are to blame), and for clients of the earlier systems\n\
         `error` (the same as `detail`) and `success: false`. `code` is one of the words below and never changes its\n\
         meaning. A refused request has changed nothing.\n\n\
         This page is printed from the code by `cargo xtask generate`.\n",
    );
    let tables = std::iter::once(("The platform", PLATFORM)).chain(apps.iter().copied());
    for (title, codes) in tables {
        text.push_str(&format!("\n## {title}\n\n| code | status | what it means | what to do |\n|---|---|---|---|\n"));
        for code in codes {
            text.push_str(&format!("| `{}` | {} | {} | {} |\n", code.name, code.status, code.title, code.help));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_word_of_its_own() {
        let mut names: Vec<_> = PLATFORM.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PLATFORM.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
