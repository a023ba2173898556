//! All that the house has to tell.

use purser_outbox::{Channel, Language, Notice, NoticeKind, NoticeText, NoticeTexts, NoticeValue, SentText, Template};
use serde_json::{Map, Value};

use crate::render::{self, TemplateFault};

/// What stands for a secret that was struck out.
pub(crate) const STRUCK: &str = "********";

/// What an operator sends to see whether a channel works.
pub static TEST: NoticeKind = NoticeKind {
    name: "house.test",
    title: "Test",
    about: "Sent from the console by whoever wants to see whether notices arrive.",
    values: &[NoticeValue::open("message", "What was entered.", "It works.")],
    texts: NoticeTexts {
        en: NoticeText { subject: "Test from Purser", text: "This is a test.\n\n{{ message }}", html: "" },
        hi: NoticeText {
            subject: "Purser से परीक्षण संदेश", text: "यह एक परीक्षण संदेश है।\n\n{{ message }}", html: ""
        },
    },
};

/// The kinds of notices there are, and what every text may say beside its own values.
pub struct NoticeCatalog {
    kinds: Vec<&'static NoticeKind>,
    site: String,
    support: String,
}

impl NoticeCatalog {
    /// Gathers what rooms and apps have to tell. `site` is the address that people use, `support` the mail address of
    /// whoever helps; either may be empty.
    #[must_use]
    pub fn new(kinds: impl IntoIterator<Item = &'static NoticeKind>, site: &str, support: &str) -> Self {
        let mut kinds: Vec<&'static NoticeKind> = [&TEST].into_iter().chain(kinds).collect();
        kinds.sort_by_key(|kind| kind.name);
        kinds.dedup_by_key(|kind| kind.name);
        let texts = NoticeCatalog { kinds, site: site.trim_end_matches('/').to_owned(), support: support.to_owned() };
        // In a build for tests a text of ours that does not work stops every test of the program, and so none is
        // shipped.
        debug_assert_eq!(texts.broken(), Vec::<String>::new());
        texts
    }

    /// The built-in texts that do not work, and why.
    fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for kind in &self.kinds {
            for (channel, language) in
                Channel::ALL.into_iter().flat_map(|by| Language::ALL.map(|language| (by, language)))
            {
                let faults =
                    self.preview(kind, channel, language, &NoticeCatalog::built_in(kind, channel, language)).err();
                let faults = faults.into_iter().flatten();
                broken.extend(faults.map(|fault| format!("{} {}: {fault}", kind.name, language.code())));
            }
        }
        broken
    }

    /// All kinds, by name.
    #[must_use]
    pub fn kinds(&self) -> &[&'static NoticeKind] {
        &self.kinds
    }

    /// The kind of this name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&'static NoticeKind> {
        self.kinds.iter().find(|kind| kind.name == name).copied()
    }

    /// What a kind says by `channel` unless the operator has changed it.
    #[must_use]
    pub fn built_in(kind: &NoticeKind, channel: Channel, language: Language) -> Template {
        let NoticeText { subject, text, html } = kind.text(language);
        let mail_only = |part: &str| if channel == Channel::Email { part.to_owned() } else { String::new() };
        Template { subject: mail_only(subject), text: text.to_owned(), html: mail_only(html) }
    }

    /// Fills a template in with a notice's values.
    ///
    /// # Errors
    /// Every fault of the template.
    pub fn fill(&self, notice: &Notice, template: &Template) -> Result<SentText, Vec<TemplateFault>> {
        self.filled((notice.channel, notice.language), template, notice.values.clone(), &self.secrets(&notice.kind))
    }

    /// Fills a template in with the samples of its kind.
    ///
    /// # Errors
    /// Every fault of the template.
    pub fn preview(
        &self,
        kind: &NoticeKind,
        channel: Channel,
        language: Language,
        template: &Template,
    ) -> Result<SentText, Vec<TemplateFault>> {
        let samples = kind.values.iter().map(|value| (value.name.to_owned(), Value::from(value.sample)));
        let secrets: Vec<&str> = kind.values.iter().filter(|value| value.secret).map(|value| value.name).collect();
        self.filled((channel, language), template, samples.collect(), &secrets)
    }

    fn filled(
        &self,
        (channel, language): (Channel, Language),
        template: &Template,
        mut values: Map<String, Value>,
        secrets: &[&str],
    ) -> Result<SentText, Vec<TemplateFault>> {
        for (name, value) in [("site", &self.site), ("support", &self.support)] {
            values.entry(name).or_insert_with(|| Value::from(value.as_str()));
        }
        match channel {
            Channel::Email => render::mail(template, &values, secrets, language.code()),
            Channel::Telegram | Channel::Webhook | Channel::Sheet => render::message(template, &values, secrets),
        }
    }

    /// The notice with every secret struck out.
    #[must_use]
    pub fn struck(&self, notice: &Notice) -> Notice {
        let mut struck = notice.clone();
        for secret in self.secrets(&notice.kind) {
            if let Some(value) = struck.values.get_mut(secret) {
                *value = Value::from(STRUCK);
            }
        }
        struck
    }

    /// The names of a kind's secret values.
    #[must_use]
    pub fn secrets(&self, kind: &str) -> Vec<&'static str> {
        let values = self.kind(kind).map_or(&[][..], |kind| kind.values);
        values.iter().filter(|value| value.secret).map(|value| value.name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_notice_works_by_every_channel_and_in_every_language() {
        let texts = NoticeCatalog::new([], "https://purser.example/", "help@purser.example");
        for channel in Channel::ALL {
            for language in Language::ALL {
                let template = NoticeCatalog::built_in(&TEST, channel, language);
                let filled = texts.preview(&TEST, channel, language, &template).unwrap();
                assert!(filled.text.contains("It works."), "{filled:?}");
                assert_eq!(filled.html.contains("lang="), channel == Channel::Email);
            }
        }
    }

    #[test]
    fn every_text_may_say_where_the_house_is_and_who_helps() {
        let texts = NoticeCatalog::new([], "https://purser.example/", "help@purser.example");
        let template =
            Template { subject: String::new(), text: "{{ site }} {{ support }}".to_owned(), html: String::new() };
        let filled = texts.preview(&TEST, Channel::Telegram, Language::English, &template).unwrap();
        assert_eq!(filled.text, "https://purser.example help@purser.example");
    }
}
