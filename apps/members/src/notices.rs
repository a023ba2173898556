//! What living members are told.

use purser_outbox::{Channel, Language, NewNotice, NoticeKind, NoticeText, NoticeTexts, NoticeValue};
use serde_json::json;

use crate::domain::{Expiry, Member};
use crate::store::Recipient;

/// All that the app tells.
pub(crate) static NOTICES: &[&NoticeKind] = &[&EXPIRY, &REVERT];

const VALUES: &[NoticeValue] = &[
    NoticeValue::open("name", "The name of the member who is told.", "Asha Rao"),
    NoticeValue::open("member", "The name of the member it is about.", "Bina Das"),
    NoticeValue::open("levy", "What each living member pays for it.", "₹1.00"),
];

static EXPIRY: NoticeKind = NoticeKind {
    name: "members.expiry",
    title: "A member has expired",
    about: "To every living member, after a member was marked as expired.",
    values: VALUES,
    texts: NoticeTexts {
        en: NoticeText {
            subject: "{{ member }} is no longer with us",
            text: "Dear {{ name }},\n\n{{ member }}, a member of our mutual-aid pool, is no longer with us.\n\n\
                   As agreed, {{ levy }} goes from the wallet of every living member into the pool. Your statement shows \
                   the payment.\n\nThank you for standing by one another.",
            html: "",
        },
        hi: NoticeText {
            subject: "{{ member }} अब हमारे बीच नहीं हैं",
            text: "प्रिय {{ name }},\n\nहमारे पारस्परिक सहायता कोष के सदस्य {{ member }} अब हमारे बीच नहीं हैं।\n\n\
                   जैसा तय है, हर जीवित सदस्य के वॉलेट से {{ levy }} कोष में जाते हैं। यह भुगतान आपके विवरण में दिखेगा।\n\n\
                   एक-दूसरे का साथ देने के लिए धन्यवाद।",
            html: "",
        },
    },
};

static REVERT: NoticeKind = NoticeKind {
    name: "members.revert",
    title: "An expiry was taken back",
    about: "To every living member, after the expiry of a member was reverted.",
    values: VALUES,
    texts: NoticeTexts {
        en: NoticeText {
            subject: "A correction about {{ member }}",
            text: "Dear {{ name }},\n\nwe told you that {{ member }} was no longer with us. That was a mistake, and we are \
                   glad to take it back.\n\nWhoever paid {{ levy }} for it has it back in the wallet.\n\nPlease excuse the \
                   alarm.",
            html: "",
        },
        hi: NoticeText {
            subject: "{{ member }} के बारे में सुधार",
            text: "प्रिय {{ name }},\n\nहमने बताया था कि {{ member }} अब हमारे बीच नहीं हैं। वह एक भूल थी, और उसे वापस लेते हुए \
                   हमें खुशी है।\n\nजिन्होंने इसके लिए {{ levy }} दिए थे, वे उनके वॉलेट में लौटा दिए गए हैं।\n\n\
                   असुविधा के लिए क्षमा करें।",
            html: "",
        },
    },
};

/// What members are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberEvent {
    /// A member has expired.
    Expired,
    /// That was taken back.
    Reverted,
}

/// The notice of it to one living member.
pub(crate) fn notice<'a>(
    event: MemberEvent,
    expiry: &Expiry,
    about: &Member,
    listener: &'a Recipient,
) -> NewNotice<'a> {
    NewNotice {
        kind: match event {
            MemberEvent::Expired => &EXPIRY,
            MemberEvent::Reverted => &REVERT,
        },
        channel: Channel::Email,
        to: &listener.email,
        language: Language::English,
        values: json!({ "name": listener.name, "member": about.name, "levy": expiry.levy.for_people() }),
    }
}
