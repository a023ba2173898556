//! Proving who one is: by the password, and by the second factor where there is one.

use jiff::Timestamp;
use purser_identity::{
    Actor, Error as IdentityError, PROOF_CODE_FAILED_BY_PERSON, PROOF_FAILED_BY_PERSON, RateDecision, SecondFactor,
    SecretHash, TotpSeed, User, rate_forgive, rates_hit, recovery_code_spend, recovery_hash, second_factor_get,
    session_reauthenticated, totp_accept, totp_purpose, user_with_password,
};
use purser_kit::Problem;
use purser_kit::console::RequestContext;
use purser_store::WriteTx;
use uuid::Uuid;

use crate::sign_in::verify;
use crate::site::SiteState;

/// How a proof went.
pub(crate) enum ReauthResult {
    /// It is who they say. The session knows it now.
    Given,
    /// The password is wrong.
    WrongPassword,
    /// The code is wrong, or was used before.
    WrongCode,
    /// Too many wrong ones: wait so many seconds.
    Limited(u32),
}

/// What somebody shows as a second factor.
#[derive(Clone, Copy)]
pub(crate) enum SecondFactorCode {
    /// The code of this time step.
    Code(u64),
    /// What may be a recovery code.
    Recovery(SecretHash),
}

impl SecondFactorCode {
    /// What `typed` is: a code of now, or else perhaps a recovery code.
    pub(crate) fn read(
        site: &SiteState,
        person: Uuid,
        factor: &SecondFactor,
        typed: &str,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let seed = site.context.sealer.open(&totp_purpose(person), &factor.sealed).map_err(Problem::internal)?;
        let seed = TotpSeed::of(&seed).map_err(Problem::internal)?;
        Ok(seed
            .step_of(typed, now)
            .map_or_else(|| SecondFactorCode::Recovery(recovery_hash(typed)), SecondFactorCode::Code))
    }

    /// Spends it: false where it is wrong, or was spent before.
    pub(crate) fn spend(self, tx: &mut WriteTx<'_>, now: Timestamp, person: Uuid) -> Result<bool, IdentityError> {
        match self {
            SecondFactorCode::Code(step) => totp_accept(tx, person, step),
            SecondFactorCode::Recovery(hash) => recovery_code_spend(tx, now, person, hash),
        }
    }
}

/// Has the owner of a session prove who they are; `here` is the session, `user` its owner.
pub(crate) async fn prove(
    site: &SiteState,
    user: &User,
    here: SecretHash,
    address: Option<String>,
    (password, code): (&str, &str),
) -> Result<ReauthResult, Problem> {
    if password.is_empty() {
        // A field that was passed over is no attempt.
        return Ok(ReauthResult::WrongPassword);
    }
    let ((now, event), id, by_person) = (site.context.stamp(), user.id, user.id.to_string());
    let cx = RequestContext::new(now, Actor::User(id).to_string(), id, event).with_address(address);
    let key = by_person.clone();
    let begun = site.context.store.write(move |tx| {
        // Counted before it is looked at, so that many at once cannot slip past; forgiven where it went well. Counted
        // apart from signing in, which strangers try.
        match rates_hit(tx, now, &[(PROOF_FAILED_BY_PERSON, &key)])? {
            RateDecision::Limited { retry_after_seconds } => Ok(Err(retry_after_seconds)),
            RateDecision::Allowed => {
                let (_, hash) = user_with_password(tx, id)?;
                Ok::<_, IdentityError>(Ok((hash, second_factor_get(tx, id)?)))
            }
        }
    });
    let (hash, factor) = match begun.await? {
        Ok(found) => found,
        Err(seconds) => return Ok(ReauthResult::Limited(seconds)),
    };
    if !verify(site, password.to_owned(), hash).await? {
        let noted = site.context.store.write(move |tx| refused(tx, &cx, "the password is wrong"));
        noted.await?;
        return Ok(ReauthResult::WrongPassword);
    }
    let factor = factor.filter(|factor| factor.confirmed_at.is_some());
    let token = factor.map(|factor| SecondFactorCode::read(site, id, &factor, code, now)).transpose()?;
    let proved = site.context.store.write(move |tx| {
        rate_forgive(tx, PROOF_FAILED_BY_PERSON.bucket, &by_person)?;
        if let Some(token) = token {
            let decision = rates_hit(tx, now, &[(PROOF_CODE_FAILED_BY_PERSON, &by_person)])?;
            if let RateDecision::Limited { retry_after_seconds } = decision {
                return Ok(ReauthResult::Limited(retry_after_seconds));
            }
            if !token.spend(tx, now, id)? {
                refused(tx, &cx, "the code is wrong")?;
                return Ok(ReauthResult::WrongCode);
            }
            rate_forgive(tx, PROOF_CODE_FAILED_BY_PERSON.bucket, &by_person)?;
        }
        session_reauthenticated(tx, now, here)?;
        Ok::<_, IdentityError>(ReauthResult::Given)
    });
    proved.await.map_err(Problem::from)
}

/// Puts on record that somebody did not prove who they are.
fn refused(tx: &mut WriteTx<'_>, cx: &RequestContext, why: &str) -> Result<(), IdentityError> {
    let subject = format!("house:people:{}", cx.user);
    cx.clone()
        .record(tx, "session.proof_refused", &subject, &serde_json::json!({ "why": why }))
        .map_err(IdentityError::from)
}

/// What stands beside a code that is wrong.
pub(crate) const WRONG_CODE: &str = "The code is wrong, or was used before. Wait for the next one.";

/// What stands beside a password that is wrong.
pub(crate) const WRONG_PASSWORD: &str = "The password is wrong.";

/// What whoever tries too often is told.
pub(crate) fn limited(seconds: u32) -> String {
    format!("Too many attempts. Wait {seconds} seconds, then try again.")
}
