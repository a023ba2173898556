//! What users and applications are told.

use purser_outbox::{NoticeKind, NoticeText, NoticeTexts, NoticeValue};

use crate::status::WithdrawalStatus;

pub(crate) static NOTICES: &[&NoticeKind] = &[
    &REQUESTED,
    &PROCESSING,
    &COMPLETED,
    &FAILED,
    &CANCELLED,
    &REJECTED,
    &REVERSED,
    &WITHDRAWAL_EVENT,
    &TRANSACTION_EVENT,
];

const VALUES: &[NoticeValue] = &[
    NoticeValue::open("user", "What the application calls the user.", "asha.rao"),
    NoticeValue::open("coins", "How many coins.", "2500"),
    NoticeValue::open("rupees", "What they come to.", "₹250.00"),
    NoticeValue::open("upi_id", "Whom they are paid to.", "asha@okhdfcbank"),
    NoticeValue::open("withdrawal", "The withdrawal's id.", "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"),
    NoticeValue::open("utr", "The bank's word for the payment; empty until it is paid.", "428811902377"),
    NoticeValue::open("reason", "Why the coins were given back; empty where they were not.", "The UPI id is closed"),
];

/// A mail on one state: its statics differ in their words alone.
macro_rules! mails {
    ($($ident:ident = $name:literal, $title:literal, $about:literal, $en:literal: $en_text:literal, $hi:literal: $hi_text:literal;)*) => {
        $(static $ident: NoticeKind = NoticeKind {
            name: $name,
            title: $title,
            about: $about,
            values: VALUES,
            texts: NoticeTexts {
                en: NoticeText { subject: $en, text: $en_text, html: "" },
                hi: NoticeText { subject: $hi, text: $hi_text, html: "" },
            },
        };)*
    };
}

mails! {
    REQUESTED = "coins.withdrawal-requested", "A withdrawal was asked for", "To the user, at once.",
        "Your withdrawal of {{ rupees }}":
        "Hello {{ user }},\n\nyou asked for {{ coins }} coins to be paid: {{ rupees }} to {{ upi_id }}. We pay as soon as \
         we can, and write again when we do.\n\nThis was not you? Cancel it now, and tell us.\n\n\
         Withdrawal {{ withdrawal }}",
        "आपकी {{ rupees }} की निकासी":
        "नमस्ते {{ user }},\n\nआपने {{ coins }} सिक्कों के भुगतान का अनुरोध किया है: {{ upi_id }} को {{ rupees }}। हम जल्द से जल्द \
         भुगतान करेंगे और आपको लिखेंगे।\n\nयह आपने नहीं किया? इसे अभी रद्द करें और हमें बताएँ।\n\nनिकासी {{ withdrawal }}";
    PROCESSING = "coins.withdrawal-processing", "A withdrawal is being paid", "To the user, when staff begin to pay.",
        "We are paying {{ rupees }} to {{ upi_id }}":
        "Hello {{ user }},\n\nwe are paying {{ rupees }} to {{ upi_id }}. The withdrawal cannot be cancelled any more.\n\n\
         Withdrawal {{ withdrawal }}",
        "हम {{ upi_id }} को {{ rupees }} भेज रहे हैं":
        "नमस्ते {{ user }},\n\nहम {{ upi_id }} को {{ rupees }} भेज रहे हैं। यह निकासी अब रद्द नहीं की जा सकती।\n\n\
         निकासी {{ withdrawal }}";
    COMPLETED = "coins.withdrawal-completed", "A withdrawal is paid", "To the user, when the payment is on record.",
        "{{ rupees }} are on their way to {{ upi_id }}":
        "Hello {{ user }},\n\nwe have paid {{ rupees }} for {{ coins }} coins to {{ upi_id }}. The bank knows the payment \
         as {{ utr }}.\n\nWithdrawal {{ withdrawal }}",
        "{{ upi_id }} को {{ rupees }} भेजे गए":
        "नमस्ते {{ user }},\n\nहमने {{ coins }} सिक्कों के लिए {{ upi_id }} को {{ rupees }} का भुगतान किया है। बैंक में भुगतान की \
         संख्या: {{ utr }}।\n\nनिकासी {{ withdrawal }}";
    FAILED = "coins.withdrawal-failed", "A withdrawal could not be paid", "To the user, with the reason.",
        "{{ rupees }} could not be paid":
        "Hello {{ user }},\n\nwe could not pay {{ rupees }} to {{ upi_id }}: {{ reason }}\n\nYour {{ coins }} coins are \
         yours again.\n\nWithdrawal {{ withdrawal }}",
        "{{ rupees }} का भुगतान नहीं हो सका":
        "नमस्ते {{ user }},\n\nहम {{ upi_id }} को {{ rupees }} का भुगतान नहीं कर सके: {{ reason }}\n\nआपके {{ coins }} सिक्के \
         वापस आपके हैं।\n\nनिकासी {{ withdrawal }}";
    CANCELLED = "coins.withdrawal-cancelled", "A withdrawal was cancelled", "To the user, whoever cancelled it.",
        "Your withdrawal of {{ rupees }} is cancelled":
        "Hello {{ user }},\n\nyour withdrawal of {{ rupees }} is cancelled: {{ reason }}\n\nYour {{ coins }} coins are \
         yours again.\n\nWithdrawal {{ withdrawal }}",
        "आपकी {{ rupees }} की निकासी रद्द हुई":
        "नमस्ते {{ user }},\n\nआपकी {{ rupees }} की निकासी रद्द कर दी गई है: {{ reason }}\n\nआपके {{ coins }} सिक्के वापस आपके हैं।\n\n\
         निकासी {{ withdrawal }}";
    REJECTED = "coins.withdrawal-rejected", "A withdrawal was refused", "To the user, with the reason.",
        "Your withdrawal of {{ rupees }} is refused":
        "Hello {{ user }},\n\nwe cannot pay {{ rupees }} to {{ upi_id }}: {{ reason }}\n\nYour {{ coins }} coins are yours \
         again.\n\nWithdrawal {{ withdrawal }}",
        "आपकी {{ rupees }} की निकासी स्वीकार नहीं हुई":
        "नमस्ते {{ user }},\n\nहम {{ upi_id }} को {{ rupees }} का भुगतान नहीं कर सकते: {{ reason }}\n\nआपके {{ coins }} सिक्के \
         वापस आपके हैं।\n\nनिकासी {{ withdrawal }}";
    REVERSED = "coins.withdrawal-reversed", "A payment came back", "To the user, when the bank has sent it back.",
        "{{ rupees }} came back from {{ upi_id }}":
        "Hello {{ user }},\n\nthe bank has sent our payment of {{ rupees }} to {{ upi_id }} back: {{ reason }}\n\nYour \
         {{ coins }} coins are yours again.\n\nWithdrawal {{ withdrawal }}",
        "{{ upi_id }} से {{ rupees }} वापस आए":
        "नमस्ते {{ user }},\n\nबैंक ने {{ upi_id }} को भेजे {{ rupees }} वापस कर दिए: {{ reason }}\n\nआपके {{ coins }} सिक्के वापस \
         आपके हैं।\n\nनिकासी {{ withdrawal }}";
}

/// The same in both languages: programs read it.
const EVENT_TEXT: NoticeText = NoticeText {
    subject: "Withdrawal {{ withdrawal_id }}: {{ status }}",
    text: "Withdrawal {{ withdrawal_id }} of {{ user_id }} is {{ status }} (change {{ sequence }}).",
    html: "",
};

/// A change, as the calling application hears of it.
pub(crate) static WITHDRAWAL_EVENT: NoticeKind = NoticeKind {
    name: "coins.withdrawal",
    title: "A withdrawal has changed",
    about: "To the calling application, at every change of a withdrawal, in order.",
    values: &[
        NoticeValue::open("withdrawal_id", "The withdrawal's id.", "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"),
        NoticeValue::open("sequence", "Which change of this withdrawal it is, from 1.", "3"),
        NoticeValue::open("status", "How it stands now.", "completed"),
        NoticeValue::open("user_id", "Whose it is.", "asha.rao"),
        NoticeValue::open("amount", "How many coins.", "2500"),
        NoticeValue::open("rupees_amount", "What they come to.", "250.00"),
        NoticeValue::open("upi_id", "Whom they are paid to.", "asha@okhdfcbank"),
        NoticeValue::open("utr", "The bank's word for the payment; empty until it is paid.", "428811902377"),
        NoticeValue::open(
            "reason",
            "Why the coins were given back; empty where they were not.",
            "The UPI id is closed",
        ),
        NoticeValue::open("at", "When.", "2026-11-21T10:30:00Z"),
    ],
    texts: NoticeTexts { en: EVENT_TEXT, hi: EVENT_TEXT },
};

/// The same in both languages: programs read it.
const TRANSACTION_TEXT: NoticeText = NoticeText {
    subject: "{{ amount }} coins for {{ user_id }}: {{ type }}",
    text: "{{ user_id }}: {{ type }} of {{ amount }} coins, {{ balance_after }} afterwards: {{ reason }}",
    html: "",
};

/// Coins that were given or put right, as the calling application hears of them.
pub(crate) static TRANSACTION_EVENT: NoticeKind = NoticeKind {
    name: "coins.transaction",
    title: "Coins were awarded or adjusted",
    about: "To the calling application, at every award and adjustment of a user's coins, in order.",
    values: &[
        NoticeValue::open("transaction_id", "The transaction's id.", "0190b5a4-7c1e-7d3a-9f00-5a1b2c3d4e5f"),
        NoticeValue::open("type", "award or adjustment.", "award"),
        NoticeValue::open("user_id", "Whose coins.", "asha.rao"),
        NoticeValue::open("amount", "How many coins; negative where they went.", "500"),
        NoticeValue::open("balance_after", "How many coins there were afterwards.", "2500"),
        NoticeValue::open("reason", "Why.", "Quiz of 21 November"),
        NoticeValue::open("reference", "The application's own word for it; empty where there is none.", "quiz-1"),
        NoticeValue::open("at", "When.", "2026-11-21T10:30:00Z"),
    ],
    texts: NoticeTexts { en: TRANSACTION_TEXT, hi: TRANSACTION_TEXT },
};

/// The mail on a withdrawal that has come to stand so.
pub(crate) fn mail(status: WithdrawalStatus) -> &'static NoticeKind {
    match status {
        WithdrawalStatus::Pending => &REQUESTED,
        WithdrawalStatus::Processing => &PROCESSING,
        WithdrawalStatus::Completed => &COMPLETED,
        WithdrawalStatus::Failed => &FAILED,
        WithdrawalStatus::Cancelled => &CANCELLED,
        WithdrawalStatus::Rejected => &REJECTED,
        WithdrawalStatus::Reversed => &REVERSED,
    }
}
