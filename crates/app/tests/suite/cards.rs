//! Certificates as their holders present them, and the way from one to its renewal.

use tegata_app::{Error, Identity, Successor, Visit};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::ReferenceId;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;

use crate::world::{PASSWORD, Posted, World, password, source};

/// A certificate as a TLS client would present it.
#[derive(Clone)]
pub(crate) struct Card {
    pub(crate) der: Vec<u8>,
    pub(crate) fingerprint: Fingerprint,
}

impl Card {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        Self {
            der: certificate.der().to_vec(),
            fingerprint: Fingerprint(certificate.fingerprint_sha256()),
        }
    }

    pub(crate) fn visit<'a>(&self, cookie: &'a str) -> Visit<'a> {
        Visit {
            cookie: Some(cookie),
            presented: Some(self.fingerprint),
            source: source(1),
        }
    }
}

/// What RU-2 shows.
pub(crate) struct Renewed {
    pub(crate) flow: FlowId,
    pub(crate) renewal: Successor,
    pub(crate) reference: ReferenceId,
}

impl World {
    /// A certificate that was collected and used, on the first day on which it can be renewed.
    pub(crate) async fn renewable(&self) -> (Posted, Card) {
        let posted = self.posted().await;
        self.collect(&posted).await;
        let card = Card::of(&self.certificate(&posted).await);
        self.present(&card).await;
        let opens = self.opens(&card).await;
        self.go_to(opens);
        (posted, card)
    }

    pub(crate) fn go_to(&self, at: Timestamp) {
        self.clock.set(at);
        self.system.set(at);
    }

    pub(crate) async fn opens(&self, card: &Card) -> Timestamp {
        match self.present(card).await {
            Identity::Holder { renewal_opens, .. } => renewal_opens,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn present(&self, card: &Card) -> Identity {
        let identity = self
            .app
            .identify(Some(&card.der), source(1), self.now())
            .await;
        identity.unwrap()
    }

    pub(crate) async fn standing(&self, card: &Card) -> RenewalStanding {
        match self.present(card).await {
            Identity::Holder { standing, .. } => standing,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn begin_renewal(&self, card: &Card) -> Result<FlowId, Error> {
        let presented = card.fingerprint;
        self.app
            .open_renewal(presented, source(1), self.now())
            .await
    }

    pub(crate) async fn submit_renewal(&self, flow: &FlowId, card: &Card) -> Result<(), Error> {
        self.app
            .accept_renewal(flow, 1, card.fingerprint, source(1), self.now())
            .await
    }

    pub(crate) async fn renew(&self, card: &Card) -> Renewed {
        let flow = self.begin_renewal(card).await.unwrap();
        self.submit_renewal(&flow, card).await.unwrap();
        let page = self.app.renewal_page(&flow, card.fingerprint, self.now());
        let accepted = page.await.unwrap().accepted.unwrap();
        Renewed {
            flow,
            renewal: accepted.renewal,
            reference: accepted.reference_id.unwrap(),
        }
    }

    /// RU-5 to RU-4: the file of a renewal, by the old certificate.
    pub(crate) async fn retrieve(&self, card: &Card, renewed: &Renewed) -> pkcs12::Opened {
        let opened = self
            .app
            .open_retrieval(
                &renewed.renewal.request_id,
                card.fingerprint,
                source(1),
                self.now(),
            )
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let cookie = self
            .app
            .set_password(
                &opened.flow,
                card.visit(&opened.cookie),
                password(PASSWORD, 1),
                self.now(),
            )
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let file = self
            .app
            .download(&opened.flow, card.visit(&cookie), 2, self.now())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        pkcs12::open(&file.der, PASSWORD).unwrap()
    }

    /// The renewal as letters are: for what works with its two IDs.
    pub(crate) async fn as_posted(&self, renewed: &Renewed) -> Posted {
        let story = self.app.grant_story(&renewed.renewal.request_id).await;
        Posted {
            grant: story.unwrap().grant,
            reference: renewed.reference.clone(),
        }
    }

    pub(crate) async fn new_card(&self, renewed: &Renewed) -> Card {
        let posted = self.as_posted(renewed).await;
        Card::of(&self.certificate(&posted).await)
    }
}
