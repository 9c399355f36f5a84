//! What one clerk does in the tabs of `tabs.rs`: six procedures, the forms that are sent in each, and whose data
//! their pages show.

use std::collections::HashMap;

use tegata_app::{AddressForm, CodeForm, EnteredContact, Error, RevocationForm, Visit};
use tegata_domain::flow::{ApplicationStep, FlowStep};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::secret::Secret;
use tegata_pki::pkcs12;

use crate::applications::{typed_contact, typed_institution};
use crate::cards::Card;
use crate::world::{PASSWORD, Posted, World, ids, password, revocation_form, source, visit};

/// The procedures, by what a clerk wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// RU-6.
    Address,
    /// RCR.
    Apply,
    /// RCD.
    Collect,
    /// RU.
    Renew,
    /// RX by the two IDs.
    Revoke,
    /// RX by the certificate itself.
    RevokeOwn,
}

pub(crate) const KINDS: [Kind; 6] = [
    Kind::Address,
    Kind::Apply,
    Kind::Collect,
    Kind::Renew,
    Kind::Revoke,
    Kind::RevokeOwn,
];

/// A grant, and its certificate as a browser presents it.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) posted: Posted,
    pub(crate) card: Card,
}

impl Subject {
    /// A certificate that is in use.
    pub(crate) async fn with_card(world: &World) -> Self {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        world.present(&card).await;
        Self { posted, card }
    }

    /// A grant that nobody collected yet.
    pub(crate) async fn fresh(world: &World) -> Self {
        let posted = world.posted().await;
        let card = Card {
            der: Vec::new(),
            fingerprint: Fingerprint([0; 32]),
        };
        Self { posted, card }
    }
}

/// A form as a page showed it: sent once, twice, late or never.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Back { version: i64 },
    Code { version: i64 },
    Contact { version: i64 },
    Download { version: i64 },
    EnterAddress { version: i64 },
    EnterRevocation { version: i64 },
    Institution { version: i64 },
    Password { version: i64 },
    Renew { version: i64 },
    Resend { version: i64 },
    Submit { version: i64 },
}

/// One procedure of a browser, with each of its flows and the cookie that the browser holds for it.
pub(crate) struct Procedure {
    pub(crate) kind: Kind,
    /// Unlike that of any other: part of all that is typed here.
    pub(crate) number: usize,
    pub(crate) subject: Subject,
    pub(crate) flows: Vec<(FlowId, String)>,
    /// Whether the file was handed out.
    pub(crate) has_file: bool,
}

/// The 確認番号 that came last, by the address it went to.
pub(crate) type Mailbox = HashMap<String, String>;

impl Procedure {
    pub(crate) fn new(kind: Kind, number: usize, subject: Subject) -> Self {
        Self {
            kind,
            number,
            subject,
            flows: Vec::new(),
            has_file: false,
        }
    }

    /// The address that is typed in this procedure and nowhere else.
    pub(crate) fn mail(&self) -> String {
        format!("desk{}@clinic.example", self.number)
    }

    /// The terminal that is applied for in this procedure and nowhere else.
    pub(crate) fn terminal(&self) -> String {
        format!("窓口{}", self.number)
    }

    fn contact(&self) -> EnteredContact {
        EnteredContact {
            mail: self.mail(),
            mail_confirmation: self.mail(),
            ..typed_contact(&[&self.terminal()])
        }
    }

    fn presented(&self) -> Fingerprint {
        self.subject.card.fingerprint
    }

    /// What the browser sends with each request about this flow.
    fn visit<'a>(&self, cookie: &'a str) -> Visit<'a> {
        match self.kind {
            Kind::RevokeOwn => Visit {
                cookie: None,
                presented: Some(self.presented()),
                source: source(1),
            },
            _ => visit(Some(cookie), source(1)),
        }
    }

    /// The first page, in a tab of its own.
    pub(crate) async fn begin(&mut self, world: &World) -> Result<(), Error> {
        let (app, now, by) = (&world.app, world.now(), source(1));
        let presented = self.presented();
        let (flow, cookie) = match self.kind {
            Kind::Address => {
                let flow = app.open_address_change(presented, by, now).await?;
                (flow, String::new())
            }
            Kind::Apply => {
                let opened = app.begin_application(by).await?;
                (opened.flow, opened.cookie)
            }
            Kind::Collect => {
                let typed = ids(&self.subject.posted);
                let opened = app.open_collection(typed, by, now).await?;
                (opened.flow, opened.cookie)
            }
            Kind::Renew => {
                let flow = app.open_renewal(presented, by, now).await?;
                (flow, String::new())
            }
            Kind::Revoke => {
                let typed = ids(&self.subject.posted);
                let opened = app.open_revocation(typed, by, now).await?;
                (opened.flow, opened.cookie)
            }
            Kind::RevokeOwn => {
                let flow = app.open_own_revocation(presented, by, now).await?;
                (flow, String::new())
            }
        };
        self.flows.push((flow, cookie));
        Ok(())
    }

    /// Loads the page of a flow: the form on it, `None` on the last page. Fails where it shows what is another's.
    pub(crate) async fn load(&self, world: &World, flow: usize) -> Result<Option<Form>, Error> {
        let (id, cookie) = &self.flows[flow];
        let (app, now) = (&world.app, world.now());
        let own = self.subject.posted.grant.request_id.as_str();
        match self.kind {
            Kind::Address => {
                let page = app.address_page(id, self.presented()).await?;
                assert_eq!(page.certificate.request_id, own, "another's certificate");
                let version = page.version;
                if let Some(at) = page.next_at.filter(|_| page.sent.is_none()) {
                    world.advance(at.seconds_since(world.now()).max(0));
                }
                Ok(match page.step {
                    FlowStep::Form => Some(Form::EnterAddress { version }),
                    FlowStep::Code if page.sent.is_none() => Some(Form::Resend { version }),
                    FlowStep::Code => Some(Form::Code { version }),
                    _ => None,
                })
            }
            Kind::Apply => {
                let page = app.application_page(id, Some(cookie)).await?;
                let version = page.version;
                if !page.contact.mail.is_empty() {
                    assert_eq!(page.contact, self.contact(), "another's application");
                }
                for numbers in &page.numbers {
                    assert_eq!(numbers.terminal, self.terminal(), "another's numbers");
                }
                Ok(match page.step {
                    ApplicationStep::Institution => Some(Form::Institution { version }),
                    ApplicationStep::Contact => Some(Form::Contact { version }),
                    ApplicationStep::Confirm => Some(Form::Submit { version }),
                    _ => None,
                })
            }
            Kind::Collect => {
                let page = app.collection_page(id, self.visit(cookie), now).await?;
                assert_eq!(page.certificate.request_id, own, "another's certificate");
                let version = page.version;
                Ok(match page.step {
                    FlowStep::Password => Some(Form::Password { version }),
                    FlowStep::Ready if !self.has_file => Some(Form::Download { version }),
                    _ => None,
                })
            }
            Kind::Renew => {
                let page = app.renewal_page(id, self.presented(), now).await?;
                assert_eq!(page.certificate.request_id, own, "another's certificate");
                let version = page.version;
                Ok(page.accepted.is_none().then_some(Form::Renew { version }))
            }
            Kind::Revoke | Kind::RevokeOwn => {
                let page = app.revocation_page(id, self.visit(cookie)).await?;
                assert_eq!(page.certificate.request_id, own, "another's certificate");
                if let Some(entered) = &page.entered {
                    assert_eq!(entered.mail, self.mail(), "another's request");
                }
                let version = page.version;
                Ok(match page.step {
                    _ if page.accepted.is_some() => None,
                    FlowStep::Form => Some(Form::EnterRevocation { version }),
                    FlowStep::Confirm => Some(Form::Submit { version }),
                    _ => None,
                })
            }
        }
    }

    /// 「戻る」 or 「変更」 on the page with this form, where it has such a button.
    pub(crate) fn back(&self, shown: Form) -> Option<Form> {
        match shown {
            Form::Submit { version } | Form::Code { version } | Form::Download { version } => {
                Some(Form::Back { version })
            }
            _ => None,
        }
    }

    /// Sends a form with the cookie `cookie` and, where the procedure is one of a certificate, with `card`; the cookie that
    /// the answer sets.
    pub(crate) async fn send(
        &self,
        world: &World,
        flow: &FlowId,
        form: Form,
        cookie: &str,
        card: &Card,
        mailbox: &Mailbox,
    ) -> Result<Sent, Error> {
        let (app, now, by) = (&world.app, world.now(), source(1));
        let presented = card.fingerprint;
        let visit = Visit {
            presented: self.visit(cookie).presented.map(|_| presented),
            ..self.visit(cookie)
        };
        match (self.kind, form) {
            (Kind::Apply, Form::Institution { version }) => {
                let typed = typed_institution();
                app.enter_application_institution(flow, Some(cookie), version, typed)
                    .await?;
            }
            (Kind::Apply, Form::Contact { version }) => {
                let typed = self.contact();
                app.enter_application_contact(flow, Some(cookie), version, typed)
                    .await?;
            }
            (Kind::Apply, Form::Back { version }) => {
                let step = ApplicationStep::Contact;
                app.change_application(flow, Some(cookie), version, step)
                    .await?;
            }
            (Kind::Apply, Form::Submit { version }) => {
                app.submit_application(flow, Some(cookie), version, false, by, now)
                    .await?;
            }
            (Kind::Collect, Form::Password { version }) => {
                let typed = password(PASSWORD, version);
                let cookie = app.set_password(flow, visit, typed, now).await?;
                return Ok(Sent::Cookie(cookie));
            }
            (Kind::Collect, Form::Back { version }) => {
                app.change_password(flow, visit, version).await?;
            }
            (Kind::Collect, Form::Download { version }) => {
                let file = app.download(flow, visit, version, now).await?;
                let own = self.subject.posted.grant.request_id.as_str();
                assert_eq!(file.name, format!("{own}.p12"), "another's file");
                let file = pkcs12::open(&file.der, PASSWORD).unwrap();
                let own = world.certificate(&self.subject.posted).await;
                assert_eq!(file.chain[0], own.der(), "another's key");
                return Ok(Sent::File);
            }
            (Kind::Renew, Form::Renew { version }) => {
                app.accept_renewal(flow, version, presented, by, now)
                    .await?;
            }
            (Kind::Address, Form::EnterAddress { version }) => {
                let typed = AddressForm {
                    version,
                    mail: self.mail(),
                    confirmation: self.mail(),
                    second_mail: String::new(),
                };
                app.enter_address(flow, presented, typed, by, now).await?;
            }
            (Kind::Address, Form::Resend { version }) => {
                app.resend_address_code(flow, presented, version, by, now)
                    .await?;
            }
            (Kind::Address, Form::Back { version }) => {
                app.correct_address(flow, presented, version).await?;
            }
            (Kind::Address, Form::Code { version }) => {
                let code = mailbox.get(&self.mail()).map_or("000000", String::as_str);
                let code = Secret::from(code);
                let typed = CodeForm { version, code };
                app.confirm_address(flow, presented, typed, by, now).await?;
            }
            (Kind::Revoke | Kind::RevokeOwn, Form::EnterRevocation { version }) => {
                let typed = RevocationForm {
                    mail: self.mail(),
                    confirmation: self.mail(),
                    ..revocation_form(version, "lost")
                };
                app.enter_revocation(flow, visit, typed).await?;
            }
            (Kind::Revoke | Kind::RevokeOwn, Form::Back { version }) => {
                app.correct_revocation(flow, visit, version).await?;
            }
            (Kind::Revoke | Kind::RevokeOwn, Form::Submit { version }) => {
                app.submit_revocation(flow, visit, version, true, now)
                    .await?;
            }
            (kind, form) => panic!("{kind:?} has no {form:?}"),
        }
        Ok(Sent::Moved)
    }
}

/// What an accepted form brings back.
pub(crate) enum Sent {
    Cookie(String),
    File,
    Moved,
}
