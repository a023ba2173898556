//! What ends when something about a person changes. The one place that decides it.
//!
//! | cause                                | sessions | password link | pending address | begun factor | browsers | counters | keys | what a stranger made |
//! |--------------------------------------|----------|---------------|-----------------|--------------|----------|----------|------|----------------------|
//! | password changed by its owner        | all      | ends          | ends            | ends         | all      | cleared  |      |                      |
//! | recovered by mail                    | all      | ends          | ends            | ends         | all      | cleared  |      | ends                 |
//! | password set by the operator         | all      | ends          | ends            | ends         | all      | cleared  |      |                      |
//! | first address confirmed              | all      |               | ends            | ends         | all      |          |      | ends                 |
//! | address changed                      |          | ends          | ends            |              |          |          |      |                      |
//! | rights changed                       | all      |               | ends            | ends         |          |          |      |                      |
//! | stopped                              | all      | ends          | ends            | ends         | all      |          | end  |                      |
//! | let in again                         | all      | ends          | ends            | ends         | all      |          |      |                      |
//! | second factor turned on or off       | others   |               | ends            |              |          |          |      |                      |
//! | second factor taken off by staff     | all      |               | ends            |              |          |          |      |                      |
//! | signed out everywhere by staff       | all      |               | ends            | ends         |          |          |      |                      |
//!
//! A changed right leaves the password link: an invitation may lie in the mail, and it opens only to whoever reads mail
//! at the person's own address.
//!
//! **Keys** are the API keys that the person made: a key stands for its maker. They do not come back.
//!
//! **What a stranger made** is the second factor and the API keys of an account whose address nobody had confirmed: the
//! first who reads mail there is its owner, and what was set up before may be somebody else's. Staff whom the operator
//! made keep both, since a second factor of theirs that a mailbox could take off would guard nothing.

use jiff::Timestamp;
use purser_store::WriteTx;

use crate::device::devices_purge_of;
use crate::login::login_key;
use crate::{
    Actor, CODE_FAILED_BY_PERSON, Error, LOGIN_FAILED_BY_ACCOUNT, LinkPurpose, PROOF_CODE_FAILED_BY_PERSON,
    PROOF_FAILED_BY_PERSON, SecretHash, User, api_keys_revoke_of, links_void, rate_clear, second_factor_abandon,
    second_factor_remove, sessions_revoke_all, sessions_revoke_others,
};

/// What has changed about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationCause {
    /// They changed the password, knowing the old one.
    PasswordChanged,
    /// They set a new one by a mailed link.
    Recovered,
    /// The operator set one.
    PasswordSet,
    /// They confirmed the address that they had signed up with.
    Confirmed,
    /// Their address is another one.
    AddressChanged,
    /// Their kind or their roles changed.
    RightsChanged,
    /// They may not sign in any more.
    Stopped,
    /// They may sign in again.
    LetIn,
    /// They turned the second factor on or off, in this session.
    SecondFactor(SecretHash),
    /// Staff took the second factor off.
    SecondFactorTaken,
    /// Staff signed them out.
    SignedOut,
}

/// Which sessions end.
#[derive(Clone, Copy)]
enum Sessions {
    All,
    But(SecretHash),
    None,
}

/// A row of the table.
struct RevocationRule {
    sessions: Sessions,
    password_link: bool,
    begun_factor: bool,
    browsers: bool,
    counters: bool,
    keys: bool,
    stranger: bool,
}

impl RevocationCause {
    fn ends(self) -> RevocationRule {
        let nothing = RevocationRule {
            sessions: Sessions::None,
            password_link: false,
            begun_factor: false,
            browsers: false,
            counters: false,
            keys: false,
            stranger: false,
        };
        let sessions = RevocationRule { sessions: Sessions::All, ..nothing };
        let rights = RevocationRule { begun_factor: true, ..sessions };
        let stopped = RevocationRule { password_link: true, browsers: true, ..rights };
        let password = RevocationRule { counters: true, ..stopped };
        match self {
            RevocationCause::PasswordChanged | RevocationCause::PasswordSet => password,
            RevocationCause::Recovered => RevocationRule { stranger: true, ..password },
            RevocationCause::Confirmed => RevocationRule { stranger: true, password_link: false, ..stopped },
            RevocationCause::AddressChanged => {
                RevocationRule { sessions: Sessions::None, password_link: true, ..sessions }
            }
            RevocationCause::RightsChanged | RevocationCause::SignedOut => rights,
            RevocationCause::Stopped => RevocationRule { keys: true, ..stopped },
            RevocationCause::LetIn => stopped,
            RevocationCause::SecondFactor(here) => RevocationRule { sessions: Sessions::But(here), ..sessions },
            RevocationCause::SecondFactorTaken => sessions,
        }
    }
}

/// Ends what the cause ends. `user` is the person as they were before.
///
/// Whoever holds keys in memory forgets them after the commit: [`RevocationCause::Stopped`], [`RevocationCause::Recovered`] and
/// [`RevocationCause::Confirmed`] may have revoked some.
///
/// # Errors
/// The store's.
pub fn credentials_changed(
    tx: &mut WriteTx<'_>,
    now: Timestamp,
    user: &User,
    cause: RevocationCause,
) -> Result<(), Error> {
    let ends = cause.ends();
    match ends.sessions {
        Sessions::All => sessions_revoke_all(tx, now, user.id)?,
        Sessions::But(here) => sessions_revoke_others(tx, now, user.id, here).map(drop)?,
        Sessions::None => {}
    }
    links_void(tx, user.id, LinkPurpose::Email)?;
    if ends.password_link {
        links_void(tx, user.id, LinkPurpose::Password)?;
    }
    if ends.begun_factor {
        second_factor_abandon(tx, user.id)?;
    }
    if ends.browsers {
        devices_purge_of(tx, user.id)?;
    }
    if ends.counters {
        tries_clear(tx, user)?;
    }
    if ends.keys {
        api_keys_revoke_of(tx, now, user.id, None, &Actor::System("person-stopped").to_string())?;
    }
    if ends.stranger && is_strangers(user) {
        match second_factor_remove(tx, user.id) {
            Ok(()) | Err(Error::NoSecondFactor) => {}
            Err(error) => return Err(error),
        }
        api_keys_revoke_of(tx, now, user.id, None, &Actor::User(user.id).to_string())?;
    }
    Ok(())
}

/// Whether what was set up in this account may be a stranger's: nobody has shown that they read mail at its address.
fn is_strangers(user: &User) -> bool {
    user.email_verified_at.is_none() && (user.must_confirm || !user.is_staff)
}

/// Wrong passwords and codes so far keep nobody out any more.
fn tries_clear(tx: &mut WriteTx<'_>, user: &User) -> Result<(), Error> {
    for name in [user.username.as_str(), user.email.as_str()] {
        rate_clear(tx, LOGIN_FAILED_BY_ACCOUNT.bucket, &login_key(name))?;
    }
    let person = user.id.to_string();
    for limit in [CODE_FAILED_BY_PERSON, PROOF_FAILED_BY_PERSON, PROOF_CODE_FAILED_BY_PERSON] {
        rate_clear(tx, limit.bucket, &person)?;
    }
    Ok(())
}
