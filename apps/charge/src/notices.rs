//! What sellers are told by mail.

use purser_outbox::{NoticeKind, NoticeText, NoticeTexts, NoticeValue};

/// All of it.
pub(crate) const NOTICES: &[&NoticeKind] = &[&LOW_CREDIT, &DAILY_STATEMENT];

const SELLER: NoticeValue = NoticeValue::open("seller", "The seller's name.", "Corner Shop");

/// A seller's available credit has fallen below its alert. Once, until it has been at the alert again.
pub(crate) static LOW_CREDIT: NoticeKind = NoticeKind {
    name: "charge.low-credit",
    title: "Low credit",
    about: "To a seller whose available credit has fallen below its alert: once, until it was at the alert again.",
    values: &[
        SELLER,
        NoticeValue::open("available", "What can still be sold.", "₹120.00"),
        NoticeValue::open("alert", "The credit below which the seller is told.", "₹500.00"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Your credit is down to {{ available }}",
            text: "{{ seller }} has {{ available }} left to sell from, less than the {{ alert }} below which you asked \
                   to be told.\n\nAsk for more credit in time: a sale that the credit does not cover is refused.",
            html: "",
        },
        hi: NoticeText {
            subject: "आपका क्रेडिट अब {{ available }} रह गया है",
            text: "{{ seller }} के पास बेचने के लिए {{ available }} बचा है, जो {{ alert }} की उस सीमा से कम है जिससे नीचे आपने सूचना माँगी थी।\n\n\
                   समय रहते और क्रेडिट माँगें: जिस बिक्री के लिए क्रेडिट कम पड़े, वह नहीं होगी।",
            html: "",
        },
    },
};

/// What a day came to for a seller, on the morning after it.
pub(crate) static DAILY_STATEMENT: NoticeKind = NoticeKind {
    name: "charge.daily-statement",
    title: "Daily statement",
    about: "To each seller with an address, on the morning after a day on which its credit moved.",
    values: &[
        SELLER,
        NoticeValue::open("date", "The day.", "21 Nov 2026"),
        NoticeValue::open("opening", "The credit when the day began.", "₹1,000.00"),
        NoticeValue::open("credit_in", "Credit given.", "₹500.00"),
        NoticeValue::open("credit_out", "Credit that staff took; empty where none.", "₹20.00"),
        NoticeValue::open("sold", "What sales took.", "₹750.00"),
        NoticeValue::open("reversed", "What reversals gave back.", "₹50.00"),
        NoticeValue::open("closing", "The credit when the day ended.", "₹780.00"),
        NoticeValue::open("sales", "How many sales.", "12"),
    ],
    texts: NoticeTexts {
        en: NoticeText {
            subject: "Statement for {{ date }}: {{ sales }} sales, {{ sold }}",
            text: "{{ seller }}, {{ date }}\n\nCredit when the day began: {{ opening }}\nCredit given: {{ credit_in }}\n\
                   {% if credit_out %}Credit taken: {{ credit_out }}\n{% endif %}\
                   Sold: {{ sold }} in {{ sales }} sales\nReversed: {{ reversed }}\nCredit when the day ended: {{ closing }}",
            html: "",
        },
        hi: NoticeText {
            subject: "{{ date }} का विवरण: {{ sales }} बिक्री, {{ sold }}",
            text: "{{ seller }}, {{ date }}\n\nदिन की शुरुआत में क्रेडिट: {{ opening }}\nमिला क्रेडिट: {{ credit_in }}\n\
                   {% if credit_out %}वापस लिया क्रेडिट: {{ credit_out }}\n{% endif %}\
                   बिक्री: {{ sold }} ({{ sales }} बिक्री)\nवापस हुआ: {{ reversed }}\nदिन के अंत में क्रेडिट: {{ closing }}",
            html: "",
        },
    },
};
