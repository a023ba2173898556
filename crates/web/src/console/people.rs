//! People: who may sign in, and what each may do.

use std::sync::Arc;

use jiff::Timestamp;
use purser_identity::{
    Error as IdentityError, INVITATION_TO, LinkPurpose, NewUser, Privileges, RateDecision, RevocationCause, Roles,
    User, Username, access_set, api_keys_made_by, api_keys_revoke_of, credentials_changed, link_issue, login_key,
    rates_hit, second_factor_is_on, second_factor_remove, sessions_of, user_create, user_get,
};
use purser_kit::console::{
    Action, Cell, Choice, Column, ColumnKind, Detail, DetailTable, Field, Filter, Input, Listing, Outcome, Preview,
    RequestContext, Resource, Search, Target, Tone, count_noun, keys_table,
};
use purser_kit::{Commands, FieldError, Fields, GrantedScopes, Problem, Rights, Rule, code};
use purser_outbox::{Language, NoticeKind};
use purser_store::{ReadTx, WriteTx};
use serde_json::json;
use uuid::Uuid;

use super::commands;
use crate::account::mail;
use crate::site::SiteState;
use purser_kit::CommandSpec;

/// How long somebody has to set a first password.
const INVITATION: jiff::SignedDuration = jiff::SignedDuration::from_hours(72);

const YES: &[Choice] =
    &[Choice { value: "yes", title: "yes", tone: Tone::Good }, Choice { value: "no", title: "no", tone: Tone::Quiet }];

const KINDS: &[Choice] = &[
    Choice { value: "superuser", title: "superuser", tone: Tone::Waiting },
    Choice { value: "staff", title: "staff", tone: Tone::Good },
    Choice { value: "person", title: "not staff", tone: Tone::Quiet },
];

pub(super) fn resource(site: &Arc<SiteState>) -> Resource {
    Resource {
        name: "people",
        title: "People",
        one: "person",
        about: "Everybody who can sign in, and what each may do.",
        view: "house.read",
        listing: Listing {
            from: "identity_user u",
            id: "u.id",
            columns: vec![
                Column::new("username", "Username", "u.username", ColumnKind::Text),
                Column::new("email", "Email", "u.email", ColumnKind::Text),
                Column::new(
                    "kind",
                    "Kind",
                    "CASE WHEN u.is_superuser = 1 THEN 'superuser' WHEN u.is_staff = 1 THEN 'staff' ELSE 'person' END",
                    ColumnKind::Choice(KINDS),
                ),
                Column::new("roles", "Roles", "u.roles", ColumnKind::Text),
                Column::new(
                    "active",
                    "May sign in",
                    "CASE u.is_active WHEN 1 THEN 'yes' ELSE 'no' END",
                    ColumnKind::Choice(YES),
                ),
                Column::new("last_seen_at", "Last seen", "u.last_seen_at", ColumnKind::Time),
                Column::new("created_at", "Since", "u.created_at", ColumnKind::Time),
            ],
            search: &[Search::Within("u.username"), Search::Within("u.email"), Search::Begins("u.mobile")],
            filters: &[Filter {
                name: "kind",
                title: "Kind",
                choices: &[
                    ("staff", "staff", "u.is_staff = 1"),
                    ("superusers", "superusers", "u.is_superuser = 1"),
                    ("others", "not staff", "u.is_staff = 0"),
                    ("stopped", "may not sign in", "u.is_active = 0"),
                ],
            }],
        },
        inbox: None,
        detail: Box::new(detail),
        commands: Commands::default(),
        actions: vec![
            invite(site),
            access(site),
            stop(site, &commands::PERSON_STOP, ("stop", "Stop signing in"), false),
            stop(site, &commands::PERSON_LET_IN, ("let-in", "Let sign in again"), true),
            sign_out(site),
            password_link(site),
            second_factor_off(site),
        ],
    }
}

fn detail(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Option<Detail>, Problem> {
    let user = match user_get(tx, id) {
        Ok(user) => user,
        Err(IdentityError::NoUser(_)) => return Ok(None),
        Err(error) => return Err(Problem::from(error)),
    };
    let word = |yes: bool| Cell::Text(if yes { "yes" } else { "no" }.to_owned());
    let enters = match user.is_active && !user.may_enter() {
        true => Cell::Text("once the address is confirmed".to_owned()),
        false => word(user.is_active),
    };
    let facts = vec![
        ("Email", Cell::Text(user.email.to_string())),
        ("Confirmed", Cell::time(user.email_verified_at)),
        ("Name", Cell::text(Some(format!("{} {}", user.first_name, user.last_name)).filter(|name| name != " "))),
        ("Staff", word(user.is_staff)),
        ("Superuser", word(user.is_superuser)),
        ("Roles", Cell::text(Some(user.roles.to_string()).filter(|roles| !roles.is_empty()))),
        ("May sign in", enters),
        ("Second factor", word(second_factor_is_on(tx, id)?)),
        ("Last seen", Cell::time(user.last_seen_at)),
        ("Since", Cell::Time(user.created_at)),
    ];
    let sessions = DetailTable {
        title: "Sessions",
        empty: "Not signed in anywhere.",
        columns: vec!["From", "Browser", "Signed in", "Last used", "Ends"],
        rows: sessions(tx, id)?,
    };
    let empty = "No program signs in for this person.";
    let keys = keys_table("API keys that they made", empty, api_keys_made_by(tx, id)?);
    Ok(Some(Detail { title: user.username.to_string(), facts, tables: vec![sessions, keys], ..Detail::default() }))
}

/// Sessions that were not signed out. One whose time is over shows when it ended.
fn sessions(tx: &mut ReadTx<'_>, id: Uuid) -> Result<Vec<Vec<Cell>>, Problem> {
    let sessions = sessions_of(tx, Timestamp::MIN, id)?;
    let row = |session: purser_identity::Session| {
        vec![
            Cell::Text(session.from.address),
            Cell::Text(session.from.agent),
            Cell::Time(session.created_at),
            Cell::Time(session.last_seen_at),
            Cell::Time(session.expires_at),
        ]
    };
    Ok(sessions.into_iter().map(row).collect())
}

fn person(tx: &mut ReadTx<'_>, ids: &[Uuid]) -> Result<User, Problem> {
    let id = ids.first().ok_or_else(|| Problem::not_found("person"))?;
    user_get(tx, *id).map_err(refused)
}

fn refused(error: IdentityError) -> Problem {
    match error {
        IdentityError::NoUser(_) => Problem::not_found("person"),
        IdentityError::LastSuperuser | IdentityError::NoSecondFactor => {
            Problem::new(&code::CONFLICT, crate::account::sentence(&error.to_string()))
        }
        IdentityError::UsernameTaken(_) => taken("username", "Somebody has this username."),
        IdentityError::EmailTaken(_) => taken("email", "Somebody has this address."),
        other => other.into(),
    }
}

fn taken(field: &'static str, message: &str) -> Problem {
    Problem::fields(vec![FieldError { field: field.into(), code: "taken", message: message.to_owned() }])
}

/// Nobody gives or takes what they do not have themselves.
fn may_change(
    tx: &mut ReadTx<'_>,
    rights: &Rights,
    cx: &RequestContext,
    was: &Privileges,
    new: &Privileges,
) -> Result<(), Problem> {
    let own = user_get(tx, cx.user).map_err(refused)?;
    let own = rights.granted(&own);
    if own == GrantedScopes::Everything {
        return Ok(());
    }
    if was.is_superuser || new.is_superuser {
        return Err(Problem::new(&code::FORBIDDEN, "Only a superuser makes, changes or stops a superuser."));
    }
    for access in [was, new] {
        let GrantedScopes::Scopes(scopes) = rights.of_roles(&access.roles) else { continue };
        if let Some(scope) = scopes.iter().find(|scope| !own.covers(scope)) {
            let detail = format!("You may not give or take {scope}: you do not have it yourself.");
            return Err(Problem::new(&code::FORBIDDEN, detail));
        }
    }
    Ok(())
}

/// Kind and roles, as a form asks for them.
fn access_fields(rights: &Rights, kind: &str, roles: &Roles) -> [Field; 2] {
    let kinds =
        [("person", "Not staff"), ("staff", "Staff, with the roles below"), ("superuser", "Superuser: everything")];
    let kinds = kinds.map(|(value, title)| (value.to_owned(), title.to_owned()));
    let ticks = rights.roles().into_iter().map(|(role, allows)| (role.clone(), format!("{role}: {allows}")));
    [
        Field::line("kind", "Kind", "Staff see the console. What they see and do there, the roles say.")
            .input(Input::Choice(kinds.to_vec()))
            .with(kind),
        Field::line("roles", "Roles", "Whoever operates does not approve, unless you tick both.")
            .input(Input::Checkboxes(ticks.collect()))
            .with(roles.to_string())
            .optional(),
    ]
}

fn access_read(fields: &mut Fields<'_>) -> Option<Privileges> {
    let kind = fields.parsed("kind", |text| match text {
        "person" | "staff" | "superuser" => Ok(text.to_owned()),
        _ => Err(Rule::new("unknown_choice", "be person, staff or superuser")),
    });
    let kind = fields.required("kind", kind);
    let roles = fields.parsed("roles", |text| {
        Roles::parse(text).map_err(|_| Rule::new("unknown_choice", "be roles from the list, separated by spaces"))
    });
    let kind = kind?;
    let is_superuser = kind == "superuser";
    let is_staff = is_superuser || kind == "staff";
    Some(Privileges { is_staff, is_superuser, is_active: true, roles: roles.unwrap_or_default() })
}

fn kind_of(user: &User) -> &'static str {
    match (user.is_superuser, user.is_staff) {
        (true, _) => "superuser",
        (false, true) => "staff",
        (false, false) => "person",
    }
}

/// An action that changes people, and proves first who does it.
fn changing(
    command: &'static CommandSpec,
    (name, title): (&'static str, &'static str),
    target: Target,
    harms: bool,
) -> Action {
    Action {
        name,
        title,
        command,
        target,
        harms,
        fields: Box::new(|_, _| Ok(Vec::new())),
        preview: Box::new(|_, _, _| Ok(Preview::default())),
        run: Box::new(|_, _, _, _| Err(Problem::not_found("action"))),
    }
}

/// The link by which somebody sets a password, mailed to them.
fn link_mail(
    tx: &mut WriteTx<'_>,
    site: &SiteState,
    cx: &mut RequestContext,
    user: &User,
    kind: &'static NoticeKind,
) -> Result<(), Problem> {
    if !user.is_active {
        let detail = format!("{} may not sign in: let them sign in again first.", user.username);
        return Err(Problem::new(&code::CONFLICT, detail));
    }
    let decision = rates_hit(tx, cx.now, &[(INVITATION_TO, &login_key(user.email.as_str()))])?;
    if let RateDecision::Limited { retry_after_seconds } = decision {
        let minutes = retry_after_seconds.div_ceil(60);
        let detail = format!("{} was mailed several links within an hour. Wait {minutes} minutes.", user.email);
        return Err(Problem::new(&code::RATE_LIMITED, detail).retry_after(retry_after_seconds));
    }
    let token = cx.link()?;
    let lifetime = if user.last_seen_at.is_some() { LinkPurpose::Password.lifetime() } else { INVITATION };
    link_issue(tx, cx.now, user.id, LinkPurpose::Password, &user.email, token.hash(), lifetime)?;
    let link = format!("{}/accounts/password/reset/{}/", site.options.base_url, token.expose());
    let mut values = json!({ "username": user.username.as_str(), "link": link });
    if kind.values.iter().any(|value| value.name == "address")
        && let Some(values) = values.as_object_mut()
    {
        values.insert("address".to_owned(), "the console".into());
    }
    mail::mail(tx, cx.now, cx.new_id(), kind, &user.email, Language::English, values)
}

fn invite(site: &Arc<SiteState>) -> Action {
    let (rights, site) = (site.context.rights.clone(), Arc::clone(site));
    let shown = rights.clone();
    Action {
        fields: Box::new(move |_, _| {
            let mut fields = vec![
                Field::line("username", "Username", "Letters, digits and . _ - only."),
                Field::line("email", "Email", "A link to set a password is mailed there.").input(Input::Email),
            ];
            fields.extend(access_fields(&shown, "staff", &Roles::default()));
            Ok(fields)
        }),
        preview: Box::new(|_, _, _| {
            let text = "Somebody new may sign in, once they have opened the link that is mailed to them.";
            Ok(Preview::sentence(text))
        }),
        run: Box::new(move |tx, cx, _, mut fields| {
            let username = fields.parsed("username", |text| {
                Username::parse(text.trim())
                    .map_err(|_| Rule::new("malformed", "have letters A to Z, digits and . _ - only, 1 to 150 of them"))
            });
            let username = fields.required("username", username);
            let email = fields.parsed("email", purser_kit::parse_email);
            let email = fields.required("email", email);
            let access = access_read(&mut fields);
            let ((username, email), access) = fields.finish(username.zip(email).zip(access))?;
            let nothing = Privileges { is_staff: false, is_superuser: false, is_active: true, roles: Roles::default() };
            may_change(tx, &rights, cx, &nothing, &access)?;
            let new = NewUser {
                id: cx.new_id(),
                username,
                email,
                first_name: String::new(),
                last_name: String::new(),
                is_staff: false,
                is_superuser: false,
                password: None,
                actor: cx.actor.clone(),
            };
            user_create(tx, cx.now, &new).map_err(refused)?;
            access_set(tx, cx.now, new.id, &access).map_err(refused)?;
            let user = user_get(tx, new.id).map_err(refused)?;
            link_mail(tx, &site, cx, &user, &mail::INVITED)?;
            let text =
                format!("{} may sign in. The link to set a password is on its way to {}.", user.username, user.email);
            Ok(Outcome::sentence(text, new.id))
        }),
        ..changing(&commands::PERSON_INVITE, ("invite", "Let somebody in"), Target::Nothing, false)
    }
}

fn access(site: &Arc<SiteState>) -> Action {
    let rights = site.context.rights.clone();
    let shown = rights.clone();
    Action {
        fields: Box::new(move |tx, ids| {
            let user = person(tx, ids)?;
            Ok(access_fields(&shown, kind_of(&user), &user.roles).to_vec())
        }),
        preview: Box::new(|tx, _, ids| {
            let user = person(tx, ids)?;
            Ok(Preview::sentence(format!(
                "{} is signed out everywhere, and signs in with the new rights.",
                user.username
            )))
        }),
        run: Box::new(move |tx, cx, ids, mut fields| {
            let access = access_read(&mut fields);
            let access = fields.finish(access)?;
            let user = person(tx, ids)?;
            let access = Privileges { is_active: user.is_active, ..access };
            may_change(tx, &rights, cx, &user.access(), &access)?;
            access_set(tx, cx.now, user.id, &access).map_err(refused)?;
            let new = user_get(tx, user.id).map_err(refused)?;
            let roles = if new.roles.is_empty() { "no roles".to_owned() } else { new.roles.to_string() };
            Ok(Outcome::sentence(format!("{} is {} now, with {roles}.", new.username, kind_of(&new)), user.id))
        }),
        ..changing(&commands::PERSON_ACCESS, ("access", "Change rights"), Target::One, false)
    }
}

fn stop(
    site: &Arc<SiteState>,
    command: &'static CommandSpec,
    name: (&'static str, &'static str),
    is_active: bool,
) -> Action {
    let rights = site.context.rights.clone();
    Action {
        preview: Box::new(move |tx, _, ids| {
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                let user = user_get(tx, *id).map_err(refused)?;
                let keys = api_keys_made_by(tx, *id)?.iter().filter(|key| key.revoked_at.is_none()).count();
                let what = match (is_active, keys) {
                    (true, _) => "may sign in".to_owned(),
                    (false, 0) => "is signed out everywhere and may not sign in".to_owned(),
                    (false, keys) => format!(
                        "is signed out everywhere and may not sign in; {} of theirs opens nothing any more, for good",
                        count_noun(keys, "API key")
                    ),
                };
                rows.push((user.username.to_string(), what));
            }
            let people = if ids.len() == 1 { "One person".to_owned() } else { format!("{} people", ids.len()) };
            let what = if is_active { "may sign in again" } else { "may not sign in any more" };
            Ok(Preview { sentence: format!("{people} {what}."), rows, ..Preview::default() })
        }),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            for id in ids {
                let user = user_get(tx, *id).map_err(refused)?;
                let new = Privileges { is_active, ..user.access() };
                may_change(tx, &rights, cx, &user.access(), &new)?;
                if !is_active {
                    keys_end(tx, cx, *id)?;
                }
                access_set(tx, cx.now, *id, &new).map_err(refused)?;
            }
            let what = if is_active { "may sign in again" } else { "may not sign in any more" };
            Ok(Outcome::sentence(format!("{} {what}.", ids.len()), None))
        }),
        ..changing(command, name, Target::Many, !is_active)
    }
}

/// Ends the keys that somebody made who is stopped, each on record.
fn keys_end(tx: &mut WriteTx<'_>, cx: &mut RequestContext, person: Uuid) -> Result<(), Problem> {
    for key in api_keys_revoke_of(tx, cx.now, person, None, &cx.actor)? {
        let detail = json!({ "label": key.label, "why": "its maker was stopped" });
        cx.record(tx, "key.revoke", &format!("house:keys:{}", key.id), &detail)?;
    }
    Ok(())
}

fn sign_out(site: &Arc<SiteState>) -> Action {
    let rights = site.context.rights.clone();
    Action {
        preview: Box::new(|_, _, ids| Ok(Preview::sentence(format!("All sessions of {} people end.", ids.len())))),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            for id in ids {
                let user = user_get(tx, *id).map_err(refused)?;
                may_change(tx, &rights, cx, &user.access(), &user.access())?;
                credentials_changed(tx, cx.now, &user, RevocationCause::SignedOut)?;
            }
            Ok(Outcome::sentence("Signed out everywhere.", None))
        }),
        ..changing(&commands::PERSON_SIGN_OUT, ("sign-out", "Sign out everywhere"), Target::Many, true)
    }
}

fn password_link(site: &Arc<SiteState>) -> Action {
    let (rights, site) = (site.context.rights.clone(), Arc::clone(site));
    Action {
        preview: Box::new(|tx, _, ids| {
            let user = person(tx, ids)?;
            Ok(Preview::sentence(format!(
                "A link to set a new password is mailed to {}. The old one works until then.",
                user.email
            )))
        }),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            let user = person(tx, ids)?;
            may_change(tx, &rights, cx, &user.access(), &user.access())?;
            let kind = if user.last_seen_at.is_some() { &mail::RESET } else { &mail::INVITED };
            link_mail(tx, &site, cx, &user, kind)?;
            Ok(Outcome::sentence(format!("The link is on its way to {}.", user.email), user.id))
        }),
        ..changing(&commands::PERSON_PASSWORD_LINK, ("password-link", "Mail a password link"), Target::One, false)
    }
}

fn second_factor_off(site: &Arc<SiteState>) -> Action {
    let rights = site.context.rights.clone();
    Action {
        preview: Box::new(|tx, _, ids| {
            let user = person(tx, ids)?;
            let is_on = second_factor_is_on(tx, user.id)?;
            let sentence = format!(
                "The password alone lets {} in from then on, until they set a second factor up again. Be sure that it \
                 is they who ask for it.",
                user.username
            );
            let obstacle = (!is_on).then(|| format!("{} has no second factor.", user.username));
            Ok(Preview { sentence, obstacle, ..Preview::default() })
        }),
        run: Box::new(move |tx, cx, ids, fields| {
            fields.finish(Some(()))?;
            let user = person(tx, ids)?;
            may_change(tx, &rights, cx, &user.access(), &user.access())?;
            second_factor_remove(tx, user.id).map_err(refused)?;
            credentials_changed(tx, cx.now, &user, RevocationCause::SecondFactorTaken)?;
            Ok(Outcome::sentence(format!("The second factor of {} is off.", user.username), user.id))
        }),
        ..changing(
            &commands::PERSON_SECOND_FACTOR_OFF,
            ("second-factor-off", "Turn the second factor off"),
            Target::One,
            true,
        )
    }
}
