//! Before money leaves or rights change: whoever does it proves again who they are, in the same form.

use purser_identity::second_factor_is_on;
use purser_kit::Problem;

use super::{Desk, Visitor};
use crate::account::proof::{Proof, WRONG_CODE, WRONG_PASSWORD, limited, prove};

/// What a form asks for beside its own fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// The password, and with a second factor the code.
    pub(crate) password: bool,
    /// The code.
    pub(crate) code: bool,
    /// Nothing goes on before a second factor is set up.
    pub(crate) enroll: bool,
    pub(crate) password_error: Option<String>,
    pub(crate) code_error: Option<String>,
}

impl Ask {
    /// What is asked of this visitor for something that `needs` a proof.
    pub(crate) async fn of(desk: &Desk, visitor: &Visitor, needs: bool) -> Result<Self, Problem> {
        if !needs {
            return Ok(Ask::default());
        }
        let id = visitor.session.user.id;
        let has = desk.house.context.store.read(move |tx| second_factor_is_on(tx, id)).await?;
        let enroll = desk.house.options.second_factor && !has;
        let password = !enroll && !visitor.caller.is_proved(visitor.now);
        Ok(Ask { password, code: password && has, enroll, ..Ask::default() })
    }

    /// Takes the proof out of what the form sent, and looks at it: true where nothing more is asked for. It never stays
    /// among the fields, which are kept on record.
    pub(crate) async fn given(
        &mut self,
        desk: &Desk,
        visitor: &Visitor,
        fields: &mut Vec<(String, String)>,
    ) -> Result<bool, Problem> {
        let mut take = |name: &str| {
            let index = fields.iter().position(|(field, _)| field == name)?;
            Some(fields.remove(index).1)
        };
        let (password, code) = (take("proof_password").unwrap_or_default(), take("proof_code").unwrap_or_default());
        if self.enroll || !self.password {
            return Ok(!self.enroll);
        }
        let session = &visitor.session;
        match prove(&desk.house, &session.user, session.hash, visitor.caller.address(), (&password, &code)).await? {
            Proof::Given => return Ok(true),
            Proof::WrongPassword => self.password_error = Some(WRONG_PASSWORD.to_owned()),
            Proof::WrongCode => {
                self.code_error = Some(WRONG_CODE.to_owned());
            }
            Proof::Limited(seconds) => {
                self.password_error = Some(limited(seconds));
            }
        }
        Ok(false)
    }
}
