//! Audit events: who did what to which object, when. Written in the transaction of the change.

use crate::id::{AuditId, OperatorId};
use crate::time::Timestamp;

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An operator, authenticated.
    Operator(OperatorId),
    /// A relying system of this name, to which the certificate was presented.
    RelyingSystem(String),
    /// Somebody who knew a pair of IDs or held a certificate, from this network address.
    Subscriber(String),
    /// The program itself: a timer or a command of the host's administrator.
    System,
}

impl Actor {
    /// The text that stands in the database: `operator:…`, `relying:…`, `subscriber:…` or `system`.
    pub fn as_text(&self) -> String {
        match self {
            Self::Operator(id) => format!("operator:{id}"),
            Self::RelyingSystem(name) => format!("relying:{name}"),
            Self::Subscriber(source) => format!("subscriber:{source}"),
            Self::System => "system".to_owned(),
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id; ids of later seconds are greater.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// What was done: a verb in lower case, such as `certificate.hold`.
    pub action: &'static str,
    /// What it was done to: a kind and an id, such as `grant:0123…`.
    pub object: String,
    /// Further facts in English, never a secret.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn an_actor_is_written_with_its_kind() {
        let at = Timestamp::from_unix(0);
        let id = OperatorId::generate(at, &SeededEntropy::new(1));
        let operator = format!("operator:{id}");
        assert_eq!(Actor::Operator(id).as_text(), operator);
        let subscriber = Actor::Subscriber("192.0.2.1".to_owned());
        assert_eq!(subscriber.as_text(), "subscriber:192.0.2.1");
        assert_eq!(Actor::System.as_text(), "system");
    }
}
