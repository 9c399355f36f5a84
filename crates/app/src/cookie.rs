//! What travels between the pages of one procedure, sealed, in a cookie that reaches no further than the
//! procedure's own path (decisions K3, F1). Nothing of it is stored.

use data_encoding::BASE64URL_NOPAD;
use tegata_domain::id::FlowId;
use tegata_domain::secret::Secret;
use zeroize::Zeroizing;

use crate::base::App;
use crate::error::{Refusal, Result, internal};
use crate::seal::Purpose;

/// The cookie's content.
#[derive(Clone)]
pub(crate) struct FlowSecret {
    /// Opens the sealed key; derived from the reference ID as typed.
    pub(crate) wrap_key: Secret<[u8; 32]>,
    /// The last two characters of the reference ID, for the screens.
    pub(crate) last_two: String,
    /// The password of the `.p12`, once it was typed.
    pub(crate) password: Option<Secret<String>>,
}

/// Form of the content: key (32) ‖ length of the last characters (1) ‖ these ‖ password.
const KEY: usize = 32;

impl App {
    /// The cookie's value for `flow`.
    pub(crate) fn seal_cookie(&self, flow: &FlowId, secret: &FlowSecret) -> Result<String> {
        // Room for all of it: a vector that grows leaves a copy of the secret behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(256));
        plain.extend_from_slice(secret.wrap_key.expose());
        plain.push(u8::try_from(secret.last_two.len()).map_err(|e| internal("seal a cookie", e))?);
        plain.extend_from_slice(secret.last_two.as_bytes());
        if let Some(password) = &secret.password {
            plain.extend_from_slice(password.expose().as_bytes());
        }
        let sealed = self
            .keyring()
            .seal(Purpose::FlowCookie, &place(flow), &plain)?;
        Ok(BASE64URL_NOPAD.encode(&sealed))
    }

    /// Opens the cookie's value; anything but a cookie of this procedure ends it (E-03).
    pub(crate) fn open_cookie(&self, flow: &FlowId, cookie: Option<&str>) -> Result<FlowSecret> {
        let opened = cookie
            .filter(|value| value.len() <= 512)
            .and_then(|value| BASE64URL_NOPAD.decode(value.as_bytes()).ok())
            .and_then(|sealed| {
                self.keyring()
                    .open(Purpose::FlowCookie, &place(flow), &sealed)
                    .ok()
            })
            .ok_or(Refusal::FlowEnded)?;
        parse(&opened).ok_or_else(|| internal("open a cookie", "its content has a wrong form"))
    }
}

fn place(flow: &FlowId) -> String {
    format!("flow/{}/cookie", flow.as_str())
}

fn parse(plain: &[u8]) -> Option<FlowSecret> {
    let (key, rest) = plain.split_first_chunk::<KEY>()?;
    let (length, rest) = rest.split_first()?;
    let (last_two, password) = rest.split_at_checked(usize::from(*length))?;
    let password = std::str::from_utf8(password).ok()?;
    Some(FlowSecret {
        wrap_key: Secret::new(*key),
        last_two: std::str::from_utf8(last_two).ok()?.to_owned(),
        password: (!password.is_empty()).then(|| Secret::from(password)),
    })
}
