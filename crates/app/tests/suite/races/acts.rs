//! What one person does in a race, and what he was told.

use tegata_app::{App, Error, Issuance, Opened, RevocationForm, Source, Visit};
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::flow::FlowStep;
use tegata_domain::id::{Fingerprint, FlowId, ProposalId};
use tegata_domain::operator::Operator;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState, StatedReason};
use tegata_domain::time::Timestamp;

use crate::cards::Card;
use crate::enrolment::{Terminal, one};
use crate::world::{PASSWORD, Posted, ids, password, revocation_form, visit};

/// What races against what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    BeginRenewal,
    Collect,
    /// With a procedure that stands at its file.
    CollectAgain,
    /// Two operators revoke; without a request of the holder one of them stops it first.
    Complete,
    ConfirmRenewal,
    /// `simpleenroll`.
    Enroll,
    /// The holder stops it by the two IDs.
    Hold,
    /// Two operators lift a hold.
    Lift,
    /// `simplereenroll`.
    Reenroll,
    /// Two operators open the grant for another key.
    Reopen,
    /// The certificate itself ends its own life.
    RevokeOwn,
    /// The certificate is presented.
    See,
}

pub(super) const ACTS: [Act; 12] = [
    Act::BeginRenewal,
    Act::Collect,
    Act::CollectAgain,
    Act::Complete,
    Act::ConfirmRenewal,
    Act::Enroll,
    Act::Hold,
    Act::Lift,
    Act::Reenroll,
    Act::Reopen,
    Act::RevokeOwn,
    Act::See,
];

/// A grant with its IDs, and a certificate of it as its holder presents it.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) posted: Posted,
    pub(super) card: Option<Card>,
}

/// Something that was acknowledged, and so must be stored.
pub(super) enum Claim {
    /// A certificate that a terminal got.
    Envelope(Card),
    /// A `.p12`.
    File(Vec<u8>),
    /// An operator's hold, by its number.
    HeldByOperator(String),
    /// What an operator said about the end of a request, as it stood then.
    Decided(RevocationRequest),
    /// A confirmed act of two persons.
    Done(ProposalId),
    Proposed(ProposalId),
    /// A renewal, by its procedure.
    Renewed(FlowId, Fingerprint),
    /// An accepted request to revoke, by its procedure.
    Stopped(Opened),
    StoppedItself(FlowId, Fingerprint),
}

/// What a person was told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) claims: Vec<Claim>,
    pub(super) refused: Vec<String>,
    /// Answers that no rule gives: the program failed.
    pub(super) broken: Vec<String>,
}

impl Told {
    fn answer<T>(&mut self, answer: Result<T, Error>) -> Option<T> {
        match answer {
            Ok(answer) => return Some(answer),
            Err(error @ (Error::Refused(_) | Error::Conflict)) => {
                self.refused.push(error.to_string());
            }
            Err(error) => self.broken.push(error.to_string()),
        }
        None
    }
}

/// Where a procedure stands that was begun before the race.
enum Ready {
    File(Opened),
    Nothing,
    Own(FlowId),
    Renewal(FlowId),
    Request(Opened),
}

/// One person with one thing to do.
pub(super) struct Player {
    pub(super) act: Act,
    pub(super) app: App,
    pub(super) now: Timestamp,
    /// From where he asks; nobody else in the race does.
    pub(super) by: Source,
    /// Two operators who do nothing else in the race.
    pub(super) persons: [Operator; 2],
    pub(super) target: Target,
    chance: SeededEntropy,
    terminal: Option<Terminal>,
    ready: Ready,
}

impl Player {
    pub(super) fn new(
        act: Act,
        (app, now): (App, Timestamp),
        by: Source,
        persons: [Operator; 2],
        target: Target,
        seed: u64,
    ) -> Self {
        let makes_key = matches!(act, Act::Enroll | Act::Reenroll);
        Self {
            act,
            app,
            now,
            by,
            persons,
            target,
            chance: SeededEntropy::new(seed),
            terminal: makes_key.then(Terminal::new),
            ready: Ready::Nothing,
        }
    }

    /// Half of the time the pages before the last one were clicked through before the race.
    pub(super) async fn prepare(&mut self) {
        let [coin] = octets::<1>(&self.chance);
        let is_late = coin % 2 == 0;
        let mut told = Told::default();
        let ready = match self.act {
            Act::CollectAgain => self.set_password(&mut told).await.map(Ready::File),
            Act::ConfirmRenewal if is_late => {
                self.begin_renewal(&mut told).await.map(Ready::Renewal)
            }
            Act::Hold if is_late => self.enter_request(&mut told).await.map(Ready::Request),
            Act::RevokeOwn if is_late => self.enter_own(&mut told).await.map(Ready::Own),
            _ => None,
        };
        self.ready = ready.unwrap_or(Ready::Nothing);
        assert_eq!(told.broken, Vec::<String>::new());
    }

    pub(super) async fn play(&self) -> Told {
        let mut told = Told::default();
        self.pause().await;
        // `None` where something was refused: that is in `told` too.
        let _ended = match self.act {
            Act::BeginRenewal => self.begin_renewal(&mut told).await.map(drop),
            Act::Collect | Act::CollectAgain => self.collect(&mut told).await,
            Act::Complete => self.complete(&mut told).await,
            Act::ConfirmRenewal => self.renew(&mut told).await,
            Act::Enroll => self.enroll(&mut told).await,
            Act::Hold => self.hold(&mut told).await,
            Act::Lift => self.lift(&mut told).await,
            Act::Reenroll => self.reenroll(&mut told).await,
            Act::Reopen => self.reopen(&mut told).await,
            Act::RevokeOwn => self.revoke_own(&mut told).await,
            Act::See => self.see(&mut told).await,
        };
        told
    }

    /// Lets the others go first, some of the time.
    async fn pause(&self) {
        let [turns] = octets::<1>(&self.chance);
        for _ in 0..turns % 8 {
            tokio::task::yield_now().await;
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.target.card.as_ref().map(|card| card.fingerprint)
    }

    fn presenting(&self, presented: Fingerprint) -> Visit<'static> {
        Visit {
            cookie: None,
            presented: Some(presented),
            source: self.by,
        }
    }

    async fn set_password(&self, told: &mut Told) -> Option<Opened> {
        let typed = ids(&self.target.posted);
        let opened = self.app.open_collection(typed, self.by, self.now).await;
        let opened = told.answer(opened)?;
        self.pause().await;
        let by = visit(Some(&opened.cookie), self.by);
        let typed = password(PASSWORD, 1);
        let set = self.app.set_password(&opened.flow, by, typed, self.now);
        let cookie = told.answer(set.await)?;
        let flow = opened.flow;
        Some(Opened { flow, cookie })
    }

    async fn collect(&self, told: &mut Told) -> Option<()> {
        let opened = match &self.ready {
            Ready::File(opened) => opened.clone(),
            _ => self.set_password(told).await?,
        };
        self.pause().await;
        let by = visit(Some(&opened.cookie), self.by);
        let file = self.app.download(&opened.flow, by, 2, self.now).await;
        let file = told.answer(file)?;
        told.claims.push(Claim::File(file.der.to_vec()));
        Some(())
    }

    async fn begin_renewal(&self, told: &mut Told) -> Option<FlowId> {
        let presented = self.fingerprint()?;
        let begun = self.app.open_renewal(presented, self.by, self.now).await;
        told.answer(begun)
    }

    async fn renew(&self, told: &mut Told) -> Option<()> {
        let presented = self.fingerprint()?;
        let flow = match &self.ready {
            Ready::Renewal(flow) => flow.clone(),
            _ => self.begin_renewal(told).await?,
        };
        self.pause().await;
        let accepted = self
            .app
            .accept_renewal(&flow, 1, presented, self.by, self.now)
            .await;
        told.answer(accepted)?;
        told.claims.push(Claim::Renewed(flow, presented));
        Some(())
    }

    async fn enroll(&self, told: &mut Told) -> Option<()> {
        let (typed, terminal) = (ids(&self.target.posted), self.terminal.as_ref()?);
        let issued = self
            .app
            .enroll(typed, &terminal.request, None, self.by, self.now)
            .await;
        let issued = told.answer(issued)?;
        self.got(told, issued)
    }

    async fn reenroll(&self, told: &mut Told) -> Option<()> {
        let (presented, terminal) = (self.fingerprint()?, self.terminal.as_ref()?);
        let issued = self
            .app
            .reenroll(presented, &terminal.request, self.by, self.now)
            .await;
        let issued = told.answer(issued)?;
        self.got(told, issued)
    }

    fn got(&self, told: &mut Told, issued: Issuance) -> Option<()> {
        let card = match issued {
            Issuance::Issued(_) => Card::of(&one(issued)),
            Issuance::Pending => {
                told.broken.push("the signer rests".to_owned());
                return None;
            }
        };
        told.claims.push(Claim::Envelope(card));
        Some(())
    }

    async fn see(&self, told: &mut Told) -> Option<()> {
        let card = self.target.card.as_ref()?;
        let seen = self.app.identify(Some(&card.der), self.by, self.now).await;
        told.answer(seen).map(drop)
    }

    /// RX-2 as somebody fills it in who is asked about a newer certificate or not.
    fn form(&self, has_newer: bool) -> RevocationForm {
        let [coin] = octets::<1>(&self.chance);
        let newer = match (has_newer, coin % 2) {
            (false, _) => "",
            (true, 0) => "no",
            (true, _) => "yes",
        };
        RevocationForm {
            newer: newer.to_owned(),
            ..revocation_form(1, "lost")
        }
    }

    async fn enter_request(&self, told: &mut Told) -> Option<Opened> {
        let typed = ids(&self.target.posted);
        let opened = self.app.open_revocation(typed, self.by, self.now).await;
        let opened = told.answer(opened)?;
        let by = visit(Some(&opened.cookie), self.by);
        self.enter(told, &opened.flow, by).await?;
        Some(opened)
    }

    async fn enter_own(&self, told: &mut Told) -> Option<FlowId> {
        let presented = self.fingerprint()?;
        let flow = self
            .app
            .open_own_revocation(presented, self.by, self.now)
            .await;
        let flow = told.answer(flow)?;
        self.enter(told, &flow, self.presenting(presented)).await?;
        Some(flow)
    }

    async fn enter(&self, told: &mut Told, flow: &FlowId, by: Visit<'_>) -> Option<()> {
        self.pause().await;
        let page = told.answer(self.app.revocation_page(flow, by).await)?;
        if page.step == FlowStep::Form {
            let form = self.form(page.newer.is_some());
            told.answer(self.app.enter_revocation(flow, by, form).await)?;
        }
        Some(())
    }

    async fn hold(&self, told: &mut Told) -> Option<()> {
        let opened = match &self.ready {
            Ready::Request(opened) => opened.clone(),
            _ => self.enter_request(told).await?,
        };
        self.pause().await;
        let by = visit(Some(&opened.cookie), self.by);
        let (flow, now) = (&opened.flow, self.now);
        told.answer(self.app.submit_revocation(flow, by, 2, true, now).await)?;
        told.claims.push(Claim::Stopped(opened));
        Some(())
    }

    async fn revoke_own(&self, told: &mut Told) -> Option<()> {
        let presented = self.fingerprint()?;
        let flow = match &self.ready {
            Ready::Own(flow) => flow.clone(),
            _ => self.enter_own(told).await?,
        };
        self.pause().await;
        let (by, now) = (self.presenting(presented), self.now);
        told.answer(self.app.submit_revocation(&flow, by, 2, true, now).await)?;
        told.claims.push(Claim::StoppedItself(flow, presented));
        Some(())
    }

    /// The request that waits for its end.
    async fn open_request(&self, told: &mut Told) -> Option<String> {
        let request = &self.target.posted.grant.request_id;
        let story = told.answer(self.app.grant_story(request).await)?;
        let is_open = |request: &RevocationRequest| request.state.outcome().is_none();
        Some(story.revocation.filter(is_open)?.number)
    }

    async fn complete(&self, told: &mut Told) -> Option<()> {
        let number = match self.open_request(told).await {
            Some(number) => number,
            None => {
                let request = &self.target.posted.grant.request_id;
                let (by, why) = (&self.persons[0], StatedReason::Lost);
                let held = self
                    .app
                    .hold_by_operator(request, why, "stolen", by, self.now)
                    .await;
                let number = told.answer(held)?.number;
                told.claims.push(Claim::HeldByOperator(number.clone()));
                number
            }
        };
        self.decide(told, &number, Outcome::Complete).await
    }

    async fn lift(&self, told: &mut Told) -> Option<()> {
        let number = self.open_request(told).await?;
        self.decide(told, &number, Outcome::Lift).await
    }

    async fn decide(&self, told: &mut Told, number: &str, outcome: Outcome) -> Option<()> {
        for by in &self.persons {
            self.pause().await;
            let decided = self
                .app
                .decide_revocation(number, outcome, "called back", by, self.now)
                .await;
            let decided = told.answer(decided)?;
            let is_over = matches!(decided.state, RevocationState::Ended { .. });
            told.claims.push(Claim::Decided(decided));
            if is_over {
                break;
            }
        }
        Some(())
    }

    async fn reopen(&self, told: &mut Told) -> Option<()> {
        let request = self.target.posted.grant.request_id.clone();
        let (act, now) = (ProposedAct::Reopen { request }, self.now);
        let [first, second] = &self.persons;
        let proposed = self.app.propose(act, "key lost", first, now).await;
        let id = told.answer(proposed)?.id;
        told.claims.push(Claim::Proposed(id.clone()));
        self.pause().await;
        told.answer(self.app.confirm_proposal(&id, second, now).await)?;
        told.claims.push(Claim::Done(id));
        Some(())
    }
}
