//! What notices say: the operator's own words in the place of ours, tried before they are kept.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use purser_kit::{CommandSpec, Problem};
use purser_notify::{NoticeCatalog, TemplateFault, TemplatePart};
use purser_outbox::{
    Channel, Language, NoticeKind, SentText, Template, TemplateEdit, TemplateKey, template_get, template_reset,
    template_set, templates_edited,
};

use super::commands::{SECRET_TEXT_CHANGE, TEXT_CHANGE};
use super::notices::problem;
use super::reauth::ReauthPrompt;
use super::view::{TimeFormat, TimeView};
use super::{ConsoleState, ErrorPage, StaffUser, escaped, frame};
use crate::pages::{self, Shell};

/// What it takes to change what a kind of notice says: more where it carries a secret, which opens an account.
pub(super) fn command(kind: &NoticeKind) -> &'static CommandSpec {
    if kind.values.iter().any(|value| value.secret) { &SECRET_TEXT_CHANGE } else { &TEXT_CHANGE }
}

/// Where they are.
pub(super) const BASE: &str = "/admin/house/texts/";

/// The channels that carry a text; a sheet's row has the values alone.
const CHANNELS: [Channel; 3] = [Channel::Email, Channel::Telegram, Channel::Webhook];

/// Characters that each part has, at most; the tables have the same limits.
const LONGEST: [(TemplatePart, usize); 3] =
    [(TemplatePart::Subject, 500), (TemplatePart::Text, 32_768), (TemplatePart::Html, 65_536)];

/// Characters of a text that the audit log keeps: six of them have room there, however many need an escape.
const ON_RECORD: usize = 1_500;

/// Where one text is.
pub(super) fn address(kind: &str, channel: Channel, language: Language) -> String {
    format!("{BASE}{kind}/{}/{}/", channel.word(), language.code())
}

#[derive(askama::Template)]
#[template(path = "console/texts.html")]
struct TextsPage {
    shell: Shell,
    languages: [Language; 2],
    kinds: Vec<KindView>,
}

struct KindView {
    title: &'static str,
    name: &'static str,
    about: &'static str,
    /// A row a channel: its name, and a text for each language.
    rows: Vec<(&'static str, Vec<TextLink>)>,
}

/// Where a text is, and when the operator changed it.
type TextLink = (String, Option<TimeView>);

pub(super) async fn list(State(console): State<Arc<ConsoleState>>, staff: StaffUser) -> Result<Response, ErrorPage> {
    if !staff.principal.has(SECRET_TEXT_CHANGE.scope) {
        staff.require_scope(TEXT_CHANGE.scope)?;
    }
    let edited = console.site.context.store.read(|tx| templates_edited(tx).map_err(problem)).await?;
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let place = |kind: &NoticeKind, channel: Channel, language: Language| {
        let at =
            edited.iter().find(|(key, _)| key.kind == kind.name && key.channel == channel && key.language == language);
        (address(kind.name, channel, language), at.map(|(_, at)| time_format.moment(*at)))
    };
    let kinds = console.site.options.texts.kinds().iter().filter(|kind| staff.principal.has(command(kind).scope));
    let kinds = kinds.map(|kind| KindView {
        title: kind.title,
        name: kind.name,
        about: kind.about,
        rows: CHANNELS
            .into_iter()
            .map(|channel| (channel.title(), Language::ALL.map(|language| place(kind, channel, language)).into()))
            .collect(),
    });
    let page = TextsPage {
        languages: Language::ALL,
        kinds: kinds.collect(),
        shell: frame::shell(&console, &staff, "Notice texts"),
    };
    Ok(pages::page(StatusCode::OK, &page))
}

/// Which text an address means.
struct TextRef {
    kind: &'static NoticeKind,
    channel: Channel,
    language: Language,
}

impl TextRef {
    fn find(console: &ConsoleState, (kind, channel, language): &(String, String, String)) -> Result<Self, ErrorPage> {
        let kind = console.site.options.texts.kind(kind);
        let channel = Channel::parse(channel).filter(|channel| CHANNELS.contains(channel));
        let place = channel.zip(Language::parse(language));
        let (kind, (channel, language)) = kind.zip(place).ok_or_else(ErrorPage::nothing)?;
        Ok(TextRef { kind, channel, language })
    }

    fn key(&self) -> TemplateKey {
        TemplateKey { kind: self.kind.name.to_owned(), channel: self.channel, language: self.language }
    }

    fn address(&self) -> String {
        address(self.kind.name, self.channel, self.language)
    }

    fn built_in(&self) -> Template {
        NoticeCatalog::built_in(self.kind, self.channel, self.language)
    }
}

#[derive(askama::Template)]
#[template(path = "console/text.html")]
struct TextPage {
    shell: Shell,
    which: TextRef,
    lang: &'static str,
    template: Template,
    /// When the operator last changed it, and who did.
    edited: Option<(TimeView, String)>,
    faults: Vec<TemplateFault>,
    preview: Option<SentText>,
    done: Option<&'static str>,
    others: Vec<(String, String, bool)>,
    reauth: ReauthPrompt,
    reauth_next: String,
}

impl TextPage {
    fn is_mail(&self) -> bool {
        self.which.channel == Channel::Email
    }

    fn title(&self) -> String {
        format!("{} · {} · {}", self.which.kind.title, self.which.channel.title(), self.which.language.title())
    }

    fn faults_of<'p>(&'p self, place: &'p str) -> Vec<&'p str> {
        let faults = self.faults.iter().filter(|fault| fault.place.name() == place);
        faults.map(|fault| fault.message.as_str()).collect()
    }

    fn described(&self, place: &str) -> String {
        if self.faults_of(place).is_empty() { format!("{place}-help") } else { format!("{place}-error {place}-help") }
    }
}

type TextPath = Path<(String, String, String)>;

pub(super) async fn form(
    State(console): State<Arc<ConsoleState>>,
    Path(at): TextPath,
    Query(query): Query<Vec<(String, String)>>,
    staff: StaffUser,
) -> Result<Response, ErrorPage> {
    let which = TextRef::find(&console, &at)?;
    staff.require_scope(command(which.kind).scope)?;
    let done = query.iter().find_map(|(name, _)| match name.as_str() {
        "saved" => Some("Saved. Notices say this from now on."),
        "reset" => Some("Back to the text that comes with the program."),
        _ => None,
    });
    let edit = edit(&console, &which).await?;
    let template = edit.as_ref().map_or_else(|| which.built_in(), |edit| edit.template.clone());
    let tried = console.site.options.texts.preview(which.kind, which.channel, which.language, &template);
    let reauth = ReauthPrompt::of(&console, &staff, command(which.kind)).await?;
    Ok(render(&console, &staff, which, TextView { template, edit, tried, done, reauth }))
}

/// What stands on the page of a text.
struct TextView {
    template: Template,
    edit: Option<TemplateEdit>,
    tried: Result<SentText, Vec<TemplateFault>>,
    done: Option<&'static str>,
    reauth: ReauthPrompt,
}

async fn edit(console: &ConsoleState, which: &TextRef) -> Result<Option<TemplateEdit>, Problem> {
    let key = which.key();
    console.site.context.store.read(move |tx| template_get(tx, &key).map_err(problem)).await
}

fn render(
    console: &ConsoleState,
    staff: &StaffUser,
    which: TextRef,
    TextView { template, edit, tried, done, reauth }: TextView,
) -> Response {
    let time_format = TimeFormat { now: staff.now, zone: &console.site.context.zone };
    let (preview, faults) = match tried {
        Ok(preview) => (Some(preview), Vec::new()),
        Err(faults) => (None, faults),
    };
    let status = match (faults.is_empty(), reauth.is_refused()) {
        (false, _) => StatusCode::BAD_REQUEST,
        (true, true) => StatusCode::FORBIDDEN,
        (true, false) => StatusCode::OK,
    };
    let page = TextPage {
        template,
        edited: edit.map(|edit| (time_format.moment(edit.edited_at), edit.edited_by)),
        faults,
        preview,
        done,
        others: others(&which),
        reauth,
        reauth_next: escaped(&which.address()),
        lang: which.language.code(),
        shell: frame::shell(console, staff, "Notice text"),
        which,
    };
    pages::page(status, &page)
}

/// The same notice by other channels and in other languages.
fn others(which: &TextRef) -> Vec<(String, String, bool)> {
    let of = |channel: Channel, language: Language| {
        let current = channel == which.channel && language == which.language;
        let title = format!("{}, {}", channel.title(), language.title());
        (title, address(which.kind.name, channel, language), current)
    };
    CHANNELS.into_iter().flat_map(|channel| Language::ALL.map(|language| of(channel, language))).collect()
}

pub(super) async fn submit(
    State(console): State<Arc<ConsoleState>>,
    Path(at): TextPath,
    staff: StaffUser,
    Form(mut pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ErrorPage> {
    let which = TextRef::find(&console, &at)?;
    staff.require_scope(command(which.kind).scope)?;
    let mut reauth = ReauthPrompt::of(&console, &staff, command(which.kind)).await?;
    // A preview changes nothing.
    let only_shown = !pairs.iter().any(|(name, value)| name == "do" && (value == "save" || value == "reset"));
    let proved = only_shown || reauth.given(&console, &staff, &mut pairs).await?;
    // Browsers send line ends as in mail.
    let entered = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.replace("\r\n", "\n")).unwrap_or_default()
    };
    if entered("do") == "reset" && proved {
        store(&console, &staff, &which, None).await?;
        return Ok(Redirect::to(&format!("{}?reset=1", which.address())).into_response());
    }
    let mail_only = |name| if which.channel == Channel::Email { entered(name) } else { String::new() };
    let template =
        Template { subject: mail_only("subject").trim().to_owned(), text: entered("text"), html: mail_only("html") };
    let tried = tried(&console, &which, &template);
    if entered("do") != "save" || tried.is_err() || !proved {
        let edit = edit(&console, &which).await?;
        let mut page = render(&console, &staff, which, TextView { template, edit, tried, done: None, reauth });
        if !proved {
            *page.status_mut() = StatusCode::FORBIDDEN;
        }
        return Ok(page);
    }
    // What was not changed goes along with the next version's.
    let own = Some(template).filter(|template| *template != which.built_in());
    store(&console, &staff, &which, own).await?;
    Ok(Redirect::to(&format!("{}?saved=1", which.address())).into_response())
}

/// The text filled in with samples, if it can be kept.
fn tried(console: &ConsoleState, which: &TextRef, template: &Template) -> Result<SentText, Vec<TemplateFault>> {
    let parts = [&template.subject, &template.text, &template.html];
    let too_long = std::iter::zip(LONGEST, parts).filter(|((_, most), part)| part.chars().count() > *most);
    let faults = too_long.map(|((place, most), part)| TemplateFault {
        place,
        message: format!("it must have at most {most} characters, and has {}", part.chars().count()),
    });
    let faults: Vec<TemplateFault> = faults.collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    console.site.options.texts.preview(which.kind, which.channel, which.language, template)
}

/// Keeps the text, or goes back to ours, and puts on record what it was and is.
async fn store(
    console: &ConsoleState,
    staff: &StaffUser,
    which: &TextRef,
    own: Option<Template>,
) -> Result<(), Problem> {
    let (key, cx) = (which.key(), staff.principal.request_context(&console.site.context));
    let built_in = which.built_in();
    let subject = format!("house:texts:{}:{}:{}", key.kind, key.channel.word(), key.language.code());
    let kept = console.site.context.store.write(move |tx| {
        let before = template_get(tx, &key).map_err(problem)?.map_or_else(|| built_in.clone(), |edit| edit.template);
        let action = match &own {
            Some(own) => {
                template_set(tx, cx.now, &key, own, &cx.actor).map_err(problem)?;
                "house.texts.change"
            }
            None => {
                template_reset(tx, &key).map_err(problem)?;
                "house.texts.reset"
            }
        };
        let after = own.as_ref().unwrap_or(&built_in);
        let detail = serde_json::json!({ "before": on_record(&before), "after": on_record(after) });
        cx.clone().record(tx, action, &subject, &detail).map_err(Problem::from)
    });
    kept.await
}

fn on_record(template: &Template) -> serde_json::Value {
    let readable = |character: &char| !character.is_control() || matches!(character, '\n' | '\t');
    let clipped = |text: &str| text.chars().filter(readable).take(ON_RECORD).collect::<String>();
    serde_json::json!({
        "subject": clipped(&template.subject),
        "text": clipped(&template.text),
        "html": clipped(&template.html),
    })
}
