//! What an app offers to people who act for one of its objects: whoever sells for a seller, a customer with a wallet.
//!
//! An app declares a [`Portal`]; crates/web makes pages of it under /portal/, for whoever is signed in. Every page and
//! every action is about one object; for a person who does not act for it, none of it is there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use purser_identity::ResourceBinding;
use purser_store::{ReadTx, WriteTx};
use uuid::Uuid;

use crate::command::{AnyCommand, CommandSpec, RequestContext, invoke};
use crate::console::{Field, Preview, ReportContent};
use crate::context::AppContext;
use crate::fields::Fields;
use crate::idempotency::IdempotentRequest;
use crate::json::json_text_of;
use crate::problem::Problem;

/// All that an app offers.
pub struct Portal {
    /// What it is for: "Sell charges".
    pub title: &'static str,
    /// The objects that a person acts for.
    pub mine: PortalObjectsFn,
    /// Its pages; the first is where one begins.
    pub pages: Vec<PortalPage>,
    /// What can be done.
    pub actions: Vec<PortalAction>,
}

/// The objects that a person acts for, by id and by name.
pub type PortalObjectsFn = Box<dyn Fn(&mut ReadTx<'_>, Uuid) -> Result<Vec<(Uuid, String)>, Problem> + Send + Sync>;

/// A page about an object.
pub struct PortalPage {
    /// Its name in addresses; empty for the first.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether it stands in the way around: a page that needs to be told what of does not.
    pub listed: bool,
    /// Reads it; `None` where what was asked for is not there.
    pub render: PortalPageFn,
}

/// Reads a page, as the address asks for it.
pub type PortalPageFn = Box<
    dyn Fn(&mut ReadTx<'_>, &PortalContext, &[(String, String)]) -> Result<Option<PortalContent>, Problem>
        + Send
        + Sync,
>;

/// Who looks at which object, and when.
#[derive(Debug, Clone)]
pub struct PortalContext {
    /// The person.
    pub user: Uuid,
    /// The person, as journals name them.
    pub actor: String,
    /// Where they look from, where that is known: for the audit log.
    pub address: Option<String>,
    /// The object that they act for.
    pub object: Uuid,
    /// The moment.
    pub now: Timestamp,
    /// The page's address, up to its object: `/portal/charge/ID/`.
    pub base: String,
}

impl PortalContext {
    /// The same as whoever does something now, with the ids that begin at this fresh one.
    #[must_use]
    pub fn request_context(&self, seed: Uuid) -> RequestContext {
        RequestContext::new(self.now, self.actor.clone(), self.user, seed).with_address(self.address.clone())
    }
}

/// A page, before it is one.
#[derive(Debug, Clone, Default)]
pub struct PortalContent {
    /// What stands on it.
    pub content: ReportContent,
    /// What is wrong with what was asked for.
    pub error: Option<String>,
    /// What the page can be narrowed to.
    pub narrow: Vec<Field>,
    /// What can be done from here: actions, each perhaps with what it is done to.
    pub actions: Vec<(&'static str, Option<Uuid>)>,
    /// The query of the next page of a list.
    pub next: Option<String>,
    /// Whether its first table can be taken along as CSV.
    pub csv: bool,
}

/// Something that can be done for an object: a form, a page that says what will happen, and the doing.
pub struct PortalAction {
    /// Its name in addresses, `sell`.
    pub name: &'static str,
    /// What its button says.
    pub title: &'static str,
    /// Whether it takes something away: its button warns.
    pub harms: bool,
    /// What it does, and so whether it requires a reauthentication. Its scope is for keys and staff: here the object
    /// that the person acts for is what counts.
    pub command: &'static CommandSpec,
    /// The fields that it asks for.
    pub fields: PortalFieldsFn,
    /// Reads what was entered, and says what will happen.
    pub preview: PortalPreviewFn,
    /// Does it.
    pub run: PortalRunFn,
}

/// A command that the portal offers to people who act for an object.
pub struct PortalCommand {
    /// Its name in addresses, `ask`.
    pub name: &'static str,
    /// What its button says.
    pub title: &'static str,
    /// What it does.
    pub command: Arc<dyn AnyCommand>,
    /// What a person acts for here: `charge:seller`.
    pub binding: &'static str,
    /// What it acts on.
    pub on: PortalTarget,
    /// The page that it leads to, below the object's address: `requests/`.
    pub then: &'static str,
}

/// What a command of the portal acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalTarget {
    /// The object that the person acts for.
    Own,
    /// What was chosen. The command finds it only where it belongs to the object: [`RequestContext::binding`].
    Chosen,
    /// Nothing yet: it makes something.
    New,
}

impl PortalCommand {
    /// What it acts on, of what a visit is about and what was chosen.
    fn ids(on: PortalTarget, object: Uuid, chosen: Option<Uuid>) -> Vec<Uuid> {
        match on {
            PortalTarget::Own => vec![object],
            PortalTarget::Chosen => vec![chosen.unwrap_or(Uuid::nil())],
            PortalTarget::New => Vec::new(),
        }
    }

    /// The same as an action.
    #[must_use]
    pub fn action(self, context: &AppContext) -> PortalAction {
        let PortalCommand { name, title, command, binding, on, then } = self;
        let spec = command.spec();
        let own =
            move |portal_cx: &PortalContext| Some(ResourceBinding { kind: binding.to_owned(), id: portal_cx.object });
        let (filling, deciding, context) = (Arc::clone(&command), Arc::clone(&command), context.clone());
        PortalAction {
            name,
            title,
            harms: spec.harms,
            command: spec,
            fields: Box::new(move |tx, portal_cx, chosen| filling.fields(tx, &Self::ids(on, portal_cx.object, chosen))),
            preview: Box::new(move |tx, portal_cx, chosen, fields| {
                let cx = portal_cx.request_context(Uuid::nil()).bound_to(own(portal_cx));
                deciding.preview(tx, &cx, &Self::ids(on, portal_cx.object, chosen), Some(fields))
            }),
            run: Box::new(move |invocation| {
                let (command, context) = (Arc::clone(&command), context.clone());
                Box::pin(async move {
                    let Invocation { portal: portal_cx, target, entered, idempotency: repeat, id, .. } = invocation;
                    let cx = portal_cx.request_context(id).bound_to(own(&portal_cx));
                    let ids = Self::ids(on, portal_cx.object, target);
                    let work = move |tx: &mut WriteTx<'_>, cx: &mut RequestContext| {
                        let done = command.run(tx, cx, &ids, Fields::from_form(entered.clone()))?;
                        json_text_of(&done)
                    };
                    invoke(&context, spec, cx, Some(repeat), work).await?;
                    Ok(PortalOutcome::Redirect(format!("{}{then}", portal_cx.base)))
                })
            }),
        }
    }
}

/// The fields of an action, perhaps about one thing.
pub type PortalFieldsFn =
    Box<dyn Fn(&mut ReadTx<'_>, &PortalContext, Option<Uuid>) -> Result<Vec<Field>, Problem> + Send + Sync>;
/// What an action will do, with what was entered.
pub type PortalPreviewFn =
    Box<dyn Fn(&mut ReadTx<'_>, &PortalContext, Option<Uuid>, Fields<'_>) -> Result<Preview, Problem> + Send + Sync>;
/// Does an action. It is not inside a transaction, so that what must be asked of others can be.
pub type PortalRunFn = Box<dyn Fn(Invocation) -> PortalFuture + Send + Sync>;
/// An action while it is done.
pub type PortalFuture = Pin<Box<dyn Future<Output = Result<PortalOutcome, Problem>> + Send>>;

/// An action that is to be done.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Who does it, and for which object.
    pub portal: PortalContext,
    /// What it is done to, where it was chosen.
    pub target: Option<Uuid>,
    /// What was entered.
    pub entered: Vec<(String, String)>,
    /// The form may be sent twice: what is done is kept under this with its answer, in its own transaction.
    pub idempotency: IdempotentRequest,
    /// A fresh id; those after it are fresh too.
    pub id: Uuid,
    /// Fresh, for a secret to be made of.
    pub entropy: [u8; 32],
}

impl Invocation {
    /// What was entered, to be read.
    #[must_use]
    pub fn fields(&self) -> Fields<'static> {
        Fields::from_form(self.entered.clone())
    }
}

/// What an action has come to.
#[derive(Debug, Clone)]
pub enum PortalOutcome {
    /// It is done; what came of it is told on this page, which can be loaded again.
    Redirect(String),
    /// It is done, and made a secret that is shown this once.
    Secret {
        /// What it is.
        sentence: String,
        /// The secret.
        secret: String,
        /// Where to go on to.
        go: String,
    },
}
