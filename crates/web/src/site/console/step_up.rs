//! The one-time code that acts of two persons ask for (decision F8): valid for five minutes, in the same form.

use tegata_app::{Error, Refusal, Session, Source};

use super::desk::Posted;
use crate::messages;
use crate::web::Web;

/// Lets a stepped-up session through, or takes the code typed; the sentence where it is wrong.
pub(super) async fn passed(
    web: &Web,
    session: &Session,
    source: Source,
    code: &str,
) -> Result<Option<String>, Error> {
    if session.is_stepped_up {
        return Ok(None);
    }
    if code.is_empty() {
        return Ok(Some(messages::CODE_MISSING.to_owned()));
    }
    match web.app().step_up(session, code, source).await {
        Ok(()) => Ok(None),
        Err(Error::Refused(Refusal::NotAllowed)) => Ok(Some(messages::CODE_WRONG.to_owned())),
        Err(Error::Refused(Refusal::Throttled { seconds })) => {
            Ok(Some(messages::login_throttled(seconds)))
        }
        Err(error) => Err(error),
    }
}

/// The sentence for a refusal that a form shows above itself; anything else is a page of its own.
pub(super) fn sentence(error: Error) -> Result<String, Error> {
    match error {
        Error::Refused(Refusal::Act(refusal)) => Ok(messages::acts::act_refusal(&refusal)),
        Error::Refused(Refusal::State(told)) => Ok(messages::not_in_this_state(&told)),
        error => Err(error),
    }
}

/// A form whose only content is a one-time code.
pub(crate) type CodePosted = Posted<CodeForm>;

/// The code alone.
pub(crate) struct CodeForm {
    pub(super) code: String,
}

impl crate::extract::Form for CodeForm {
    const FIELDS: &'static [&'static str] = &["code"];

    fn read(fields: &mut crate::form::Fields) -> Result<Self, crate::form::Malformed> {
        let code = crate::form::half_width(&fields.take("code"));
        Ok(Self { code })
    }
}
