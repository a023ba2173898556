//! What the house mails to people about their accounts.

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use purser_identity::{Email, User, api_keys_made_by};
use purser_kit::Problem;
use purser_outbox::{Channel, Language, NewNotice, NoticeKind, NoticeText, NoticeTexts, NoticeValue, notice_enqueue};
use purser_store::{ReadTx, WriteTx};
use serde_json::{Value, json};
use uuid::Uuid;

/// Everything that the house tells people.
pub const NOTICES: &[&NoticeKind] = &[
    &CONFIRM,
    &ALREADY_KNOWN,
    &RESET,
    &NOBODY,
    &INVITED,
    &PASSWORD_CHANGED,
    &EMAIL_CHANGED,
    &SECOND_FACTOR_CHANGED,
    &STRANGERS_TRY,
];

/// API keys that a mail names, at most.
const KEYS_NAMED: usize = 20;

const NAME: NoticeValue = NoticeValue::open("username", "The person's username.", "asha");
const WHEN: NoticeValue = NoticeValue::open("when", "The moment, with its zone.", "21 Nov 2026, 14:05 IST");
const KEYS: NoticeValue =
    NoticeValue::open("keys", "The labels of API keys that the person made and that are open; may be empty.", "till");
const FROM: NoticeValue = NoticeValue::open("address", "The network address that it came from.", "203.0.113.7");

/// Whoever opens the link reads mail at the address.
pub(crate) static CONFIRM: NoticeKind = NoticeKind {
    name: "house.confirm-email",
    title: "Confirm an address",
    about: "After signing up or entering a new address: the link that shows that it is theirs.",
    values: &[
        NAME,
        NoticeValue::secret("link", "The link; good for 3 days.", "https://purser.example/accounts/verify/pl_0/"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Confirm your address",
            text: "Hello {{ username }},\n\nthis link shows that the address is yours:\n{{ link }}\n\n\
                   It is good for 3 days. Your username is {{ username }}. Once the link is opened, you can sign in by it or \
                   by this address.\n\n\
                   If you did not sign up, do nothing: nobody can use your address without the link.",
            html: "",
        },
        hi: NoticeText {
            subject: "अपने ईमेल पते की पुष्टि करें",
            text: "नमस्ते {{ username }},\n\nयह लिंक दिखाता है कि यह पता आपका है:\n{{ link }}\n\n\
                   लिंक 3 दिन तक चलेगा। आपका उपयोगकर्ता नाम {{ username }} है; लिंक खोलने के बाद आप उससे या इस पते से साइन इन कर सकते हैं।\n\n\
                   अगर आपने साइन अप नहीं किया, तो कुछ न करें।",
            html: "",
        },
    },
};

/// Somebody signed up with an address that an account has.
pub(crate) static ALREADY_KNOWN: NoticeKind = NoticeKind {
    name: "house.already-known",
    title: "Signed up again",
    about: "To somebody whose address was entered in the sign-up form although it has an account.",
    values: &[
        NAME,
        NoticeValue::open("link", "Where a new password is set.", "https://purser.example/accounts/password/reset/"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "You have an account already",
            text: "Hello {{ username }},\n\nsomebody, perhaps you, signed up with this address. It has an account already, \
                   and nothing was changed. You can sign in as {{ username }}.\n\n\
                   If you forgot your password, set a new one here:\n{{ link }}",
            html: "",
        },
        hi: NoticeText {
            subject: "आपका खाता पहले से है",
            text: "नमस्ते {{ username }},\n\nकिसी ने, शायद आपने, इस पते से साइन अप किया। इस पते का खाता पहले से है और कुछ नहीं बदला। \
                   आप {{ username }} नाम से साइन इन कर सकते हैं।\n\nअगर पासवर्ड याद नहीं, तो यहाँ नया बनाएँ:\n{{ link }}",
            html: "",
        },
    },
};

/// The link that somebody asked for who forgot the password.
pub(crate) static RESET: NoticeKind = NoticeKind {
    name: "house.password-reset",
    title: "Password reset",
    about: "The link that somebody asked for who forgot their password.",
    values: &[
        NAME,
        FROM,
        NoticeValue::secret(
            "link",
            "The link; it works once, for an hour.",
            "https://purser.example/accounts/password/reset/pl_0/",
        ),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Set a new password",
            text: "Hello {{ username }},\n\nset a new password here:\n{{ link }}\n\nThe link works once, for one hour. \
                   It was asked for from {{ address }}. If that was not you, do nothing: your password stays as it is.",
            html: "",
        },
        hi: NoticeText {
            subject: "नया पासवर्ड बनाएँ",
            text: "नमस्ते {{ username }},\n\nनया पासवर्ड यहाँ बनाएँ:\n{{ link }}\n\nलिंक एक बार, एक घंटे तक चलेगा। \
                   यह {{ address }} से माँगा गया। अगर वह आप नहीं थे, तो कुछ न करें: पासवर्ड वही रहेगा।",
            html: "",
        },
    },
};

/// Somebody asked for a new password of an address that is nobody's. Without it the work behind an answer, and the time
/// that it takes, would tell which addresses have an account.
pub(crate) static NOBODY: NoticeKind = NoticeKind {
    name: "house.no-account",
    title: "No account to reset",
    about: "To an address that has no account, when somebody asks for a link to set a new password.",
    values: &[FROM],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "There is no account with this address",
            text: "Hello,\n\nsomebody, perhaps you, asked from {{ address }} for a link to set a new password. No account \
                   that can sign in has this address. If you have one, it has another address of yours: try that one. If \
                   you signed up and did not open the link that was mailed to you, sign up again.\n\n\
                   If that was not you, do nothing.",
            html: "",
        },
        hi: NoticeText {
            subject: "इस पते का कोई खाता नहीं है",
            text: "नमस्ते,\n\nकिसी ने, शायद आपने, {{ address }} से नया पासवर्ड बनाने का लिंक माँगा। इस पते से साइन इन होने वाला कोई खाता नहीं है। \
                   अगर आपका खाता है, तो वह आपके किसी दूसरे पते पर है: उसे आज़माएँ।\n\nअगर वह आप नहीं थे, तो कुछ न करें।",
            html: "",
        },
    },
};

/// Staff have let somebody in.
pub(crate) static INVITED: NoticeKind = NoticeKind {
    name: "house.invited",
    title: "Invitation",
    about: "To somebody whom staff let in: the link by which they set their first password.",
    values: &[
        NAME,
        NoticeValue::secret(
            "link",
            "The link; it works once, for 3 days.",
            "https://purser.example/accounts/password/reset/pl_0/",
        ),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "You have an account",
            text: "Hello {{ username }},\n\nan account was made for you. Set its password here:\n{{ link }}\n\n\
                   The link works once, for 3 days. Then sign in as {{ username }}, or by this address.",
            html: "",
        },
        hi: NoticeText {
            subject: "आपका खाता तैयार है",
            text: "नमस्ते {{ username }},\n\nआपके लिए एक खाता बनाया गया है। पासवर्ड यहाँ बनाएँ:\n{{ link }}\n\n\
                   लिंक एक बार, 3 दिन तक चलेगा। फिर {{ username }} नाम से या इस पते से साइन इन करें।",
            html: "",
        },
    },
};

/// The password is another one now.
pub(crate) static PASSWORD_CHANGED: NoticeKind = NoticeKind {
    name: "house.password-changed",
    title: "Password changed",
    about: "After somebody's password was changed, so that a change that they did not make is noticed.",
    values: &[NAME, WHEN, FROM, KEYS],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Your password was changed",
            text: "Hello {{ username }},\n\nyour password was changed on {{ when }} from {{ address }}, and every other \
                   session was signed out. If that was not you, set a new password at once and tell us.\
                   {% if keys %}\n\nAPI keys that were made in your name still are open: {{ keys }}. Revoke what is not \
                   yours.{% endif %}",
            html: "",
        },
        hi: NoticeText {
            subject: "आपका पासवर्ड बदला गया",
            text: "नमस्ते {{ username }},\n\nआपका पासवर्ड {{ when }} को {{ address }} से बदला गया, और बाकी सब जगह से साइन आउट हुआ। \
                   अगर वह आप नहीं थे, तो तुरंत नया पासवर्ड बनाएँ और हमें बताएँ।\
                   {% if keys %}\n\nआपके नाम से बनी ये API कुंजियाँ अब भी चालू हैं: {{ keys }}। जो आपकी न हों, उन्हें रद्द करें।{% endif %}",
            html: "",
        },
    },
};

/// The address is another one now. Goes to the old one.
pub(crate) static EMAIL_CHANGED: NoticeKind = NoticeKind {
    name: "house.email-changed",
    title: "Address changed",
    about: "To somebody's old address, after they confirmed a new one.",
    values: &[NAME, WHEN, NoticeValue::open("email", "The new address.", "asha@new.example")],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Your address was changed",
            text: "Hello {{ username }},\n\non {{ when }} the address of your account became {{ email }}. \
                   If that was not you, tell us at once.",
            html: "",
        },
        hi: NoticeText {
            subject: "आपका ईमेल पता बदला गया",
            text: "नमस्ते {{ username }},\n\n{{ when }} को आपके खाते का पता {{ email }} हो गया। \
                   अगर वह आप नहीं थे, तो तुरंत हमें बताएँ।",
            html: "",
        },
    },
};

/// The second factor was turned on or off.
pub(crate) static SECOND_FACTOR_CHANGED: NoticeKind = NoticeKind {
    name: "house.second-factor",
    title: "Second factor changed",
    about: "After somebody's second factor was turned on or off.",
    values: &[NAME, WHEN, FROM, NoticeValue::open("state", "on or off", "on")],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Your second factor is {{ state }}",
            text: "Hello {{ username }},\n\nthe second factor of your account was turned {{ state }} on {{ when }} from \
                   {{ address }}. If that was not you, set a new password at once and tell us.",
            html: "",
        },
        hi: NoticeText {
            subject: "दूसरा सुरक्षा चरण: {{ state }}",
            text: "नमस्ते {{ username }},\n\nआपके खाते का दूसरा सुरक्षा चरण {{ when }} को {{ address }} से बदला गया ({{ state }})। \
                   अगर वह आप नहीं थे, तो तुरंत नया पासवर्ड बनाएँ और हमें बताएँ।",
            html: "",
        },
    },
};

/// Strangers have tried the password of an account as often as they may.
pub(crate) static STRANGERS_TRY: NoticeKind = NoticeKind {
    name: "house.strangers-try",
    title: "Wrong passwords",
    about: "To somebody whose password was entered wrongly too often, from where they have not signed in before; once a day.",
    values: &[
        NAME,
        WHEN,
        FROM,
        NoticeValue::open("link", "Where a new password is set.", "https://purser.example/accounts/password/reset/"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Somebody tries your password",
            text: "Hello {{ username }},\n\na wrong password was entered for your account several times, the last time on \
                   {{ when }} from {{ address }}. Nobody got in by it.\n\nWhere you have signed in before, you can sign in \
                   as always. Anywhere else you may have to wait for five minutes, or set a new password here:\n{{ link }}",
            html: "",
        },
        hi: NoticeText {
            subject: "कोई आपका पासवर्ड आज़मा रहा है",
            text: "नमस्ते {{ username }},\n\nआपके खाते के लिए कई बार गलत पासवर्ड डाला गया, आख़िरी बार {{ when }} को {{ address }} से। \
                   उससे कोई अंदर नहीं आया।\n\nजहाँ आप पहले साइन इन कर चुके हैं, वहाँ आप हमेशा की तरह साइन इन कर सकते हैं। बाकी जगह पाँच मिनट \
                   रुकना पड़ सकता है, या यहाँ नया पासवर्ड बनाएँ:\n{{ link }}",
            html: "",
        },
    },
};

/// What the mail about a changed password is filled with; `keys` names the API keys that the person made and that are
/// open, so that one which a thief made does not go unseen.
pub(super) fn password_changed(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    user: &User,
    when: &str,
    address: &str,
) -> Result<Value, Problem> {
    let keys = api_keys_made_by(tx, user.id)?;
    let open = keys.into_iter().filter(|key| key.is_live(now));
    let keys: Vec<String> = open.take(KEYS_NAMED).map(|key| key.label).collect();
    let username = user.username.as_str();
    Ok(json!({ "username": username, "when": when, "address": address, "keys": keys.join(", ") }))
}

/// Puts a mail into the outbox, in the transaction of its cause.
pub(crate) fn mail(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    id: Uuid,
    kind: &'static NoticeKind,
    to: &Email,
    language: Language,
    values: Value,
) -> Result<(), Problem> {
    let notice = NewNotice { kind, channel: Channel::Email, to: to.as_str(), language, values };
    notice_enqueue(tx, now, id, &notice).map(drop).map_err(|error| match error {
        purser_outbox::Error::Store(error) => error.into(),
        other => Problem::internal(other),
    })
}

/// Hindi for whoever's browser asks for it first, else English.
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wanted.trim_start().to_ascii_lowercase().starts_with("hi") { Language::Hindi } else { Language::English }
}
