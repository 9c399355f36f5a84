//! What a confirmed proposal changes: steps that were prepared from what was read, written in one transaction
//! with their audit events and mails. A step whose guard does not hold any more is a `Conflict`.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{
    ApplicationId, GrantId, OperatorId, ProposalId, ReferenceRowId, SerialNumber,
};
use tegata_domain::operator::Role;
use tegata_domain::outbox::OutboxMail;
use tegata_domain::reference::StoredReference;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::address::expect_addresses;
use crate::base::App;
use crate::error::{Error, KeyDestroyed, Result};
use crate::new_addresses::NewAddresses;
use crate::staffing::expect_administrators;

/// Everything that one proposal changes.
#[derive(Default)]
pub(crate) struct Work {
    /// What it is about, such as `grant:0123…`: one open proposal for each act and object.
    pub(crate) objects: Vec<String>,
    pub(crate) steps: Vec<Step>,
    /// What the audit trail calls it, with further facts, for each object.
    pub(crate) told: Vec<(String, &'static str, String)>,
    pub(crate) mails: Vec<OutboxMail>,
    /// Shown once to whoever confirms.
    pub(crate) totp_secret: Option<Secret<String>>,
}

/// One change.
pub(crate) enum Step {
    /// Another secret of one-time codes.
    Authenticator(OperatorId, Vec<u8>),
    /// Other registered addresses for every grant of an application.
    ChangeAddresses(ApplicationId, NewAddresses),
    DestroyKey(SerialNumber),
    Disable(OperatorId),
    EndFlows(GrantId),
    /// The certificate must still be in this state.
    ExpectCertificate(SerialNumber, CertificateState),
    /// The grant must still have these addresses.
    ExpectAddresses(Box<Grant>),
    /// Two administrators are left.
    ExpectAdministrators,
    /// Nobody asks to stop the grant's certificate.
    ExpectNoOpenRequest(GrantId),
    ExtendWindow(GrantId, Timestamp, Timestamp),
    GiveRole(OperatorId, Role),
    /// From one state to another; from and to the same: the grant must still be in it.
    MoveGrant(GrantId, GrantState, GrantState),
    Release(GrantId, ProposalId),
    /// A new reference ID with its clear text for the letter, sealed.
    ReplaceReference(GrantId, ReferenceRowId, StoredReference, Vec<u8>),
    SetAside(SerialNumber),
    TakeRole(OperatorId, Role),
}

impl Work {
    /// Adds an object with what the audit trail says about it.
    pub(crate) fn about(&mut self, object: String, action: &'static str, detail: String) {
        self.told.push((object.clone(), action, detail));
        self.objects.push(object);
    }

    /// The audit events of the act.
    pub(crate) fn events(
        &self,
        app: &App,
        by: &OperatorId,
        proposal: &ProposalId,
        now: Timestamp,
    ) -> Vec<AuditEvent> {
        let event = |(object, action, detail): &(String, &'static str, String)| {
            let detail = format!("proposal {proposal} {detail}");
            let actor = Actor::Operator(by.clone());
            app.event(
                actor,
                action,
                object.clone(),
                detail.trim_end().to_owned(),
                now,
            )
        };
        self.told.iter().map(event).collect()
    }
}

impl Step {
    pub(crate) async fn write(self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        let done = match self {
            Self::Authenticator(operator, sealed) => {
                tx.delete_sessions_of(&operator).await?;
                tx.replace_totp(&operator, &sealed).await?
            }
            Self::ChangeAddresses(application, new) => {
                let second = new.second_mail.as_ref();
                tx.change_addresses(&application, &new.mail, second).await?;
                true
            }
            Self::DestroyKey(serial) => {
                tx.destroy_key(&serial, KeyDestroyed::Request, now).await?;
                true
            }
            Self::Disable(operator) => {
                tx.delete_sessions_of(&operator).await?;
                tx.disable_operator(&operator, now).await?
            }
            Self::EndFlows(grant) => {
                tx.delete_flows_of(&grant).await?;
                true
            }
            Self::ExpectCertificate(serial, state) => {
                tx.move_certificate(&serial, &state, &state).await?
            }
            Self::ExpectAddresses(read) => {
                expect_addresses(tx, &read).await?;
                true
            }
            Self::ExpectAdministrators => expect_administrators(tx).await?,
            Self::ExpectNoOpenRequest(grant) => tx.open_revocation_of(&grant).await?.is_none(),
            Self::ExtendWindow(grant, from, to) => tx.extend_window(&grant, from, to).await?,
            Self::GiveRole(operator, role) => tx.grant_role(&operator, role).await?,
            Self::MoveGrant(grant, from, to) => tx.move_grant(&grant, &from, &to).await?,
            Self::Release(grant, proposal) => tx.release_letter(&grant, &proposal).await?,
            Self::ReplaceReference(grant, row, stored, sealed) => {
                tx.replace_reference(&grant, &row, &stored).await?;
                tx.keep_letter_secret(&grant, &sealed, now).await?;
                true
            }
            Self::SetAside(serial) => tx.set_aside(&serial, now).await?,
            Self::TakeRole(operator, role) => tx.withdraw_role(&operator, role).await?,
        };
        if done { Ok(()) } else { Err(Error::Conflict) }
    }
}
