//! Before money moves or power is handed on: whoever does it proves again who they are, in the same form.

use purser_kit::{CommandSpec, MissingAuth, Problem, missing_auth, reauth_extend};

use super::{ConsoleState, StaffUser};
use crate::account::reauth::{ReauthResult, WRONG_CODE, WRONG_PASSWORD, limited, prove};

/// What a form asks for beside its own fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReauthPrompt {
    /// The password, and with a second factor the code.
    pub(crate) password: bool,
    /// The code.
    pub(crate) code: bool,
    /// Nothing goes on before a second factor is set up.
    pub(crate) enroll: bool,
    pub(crate) password_error: Option<String>,
    pub(crate) code_error: Option<String>,
    /// Whether what is done requires a reauthentication, a recent one or a new one.
    required: bool,
}

impl ReauthPrompt {
    /// What is asked of this visitor before they run `command`: the same rule as the API's.
    pub(crate) async fn of(console: &ConsoleState, staff: &StaffUser, command: &CommandSpec) -> Result<Self, Problem> {
        let ask = ReauthPrompt { required: command.requires_reauth(), ..ReauthPrompt::default() };
        Ok(match missing_auth(&console.site.context, &staff.principal, command, staff.now).await? {
            None => ask,
            Some(MissingAuth::SecondFactor) => ReauthPrompt { enroll: true, ..ask },
            Some(MissingAuth::Reauth { code }) => ReauthPrompt { password: true, code, ..ask },
        })
    }

    /// Whether something was shown and was wrong.
    pub(crate) fn is_refused(&self) -> bool {
        self.password_error.is_some() || self.code_error.is_some()
    }

    /// Takes the proof out of what the form sent, and looks at it: true where nothing more is asked for. It never stays
    /// among the fields, which are kept on record.
    pub(crate) async fn given(
        &mut self,
        console: &ConsoleState,
        staff: &StaffUser,
        fields: &mut Vec<(String, String)>,
    ) -> Result<bool, Problem> {
        let mut take = |name: &str| {
            let index = fields.iter().position(|(field, _)| field == name)?;
            Some(fields.remove(index).1)
        };
        let (password, code) = (take("proof_password").unwrap_or_default(), take("proof_code").unwrap_or_default());
        if self.enroll {
            return Ok(false);
        }
        if !self.password {
            if self.required {
                reauth_extend(&console.site.context, &staff.principal, staff.now).await?;
            }
            return Ok(true);
        }
        let session = &staff.session;
        match prove(&console.site, &session.user, session.hash, staff.principal.address(), (&password, &code)).await? {
            ReauthResult::Given => return Ok(true),
            ReauthResult::WrongPassword => self.password_error = Some(WRONG_PASSWORD.to_owned()),
            ReauthResult::WrongCode => {
                self.code_error = Some(WRONG_CODE.to_owned());
            }
            ReauthResult::Limited(seconds) => {
                self.password_error = Some(limited(seconds));
            }
        }
        Ok(false)
    }
}
