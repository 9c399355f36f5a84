//! Hands the queued mails over to the mail server (RFC 5321), a few each second, until the program ends.
//!
//! What a mail says and when it is tried again is decided in `app`; here it becomes a message and leaves.

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use email_encoding::headers::rfc2047;
use email_encoding::headers::writer::EmailWriter;
use futures_util::{StreamExt as _, stream};
use lettre::address::Address;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tegata_app::{App, ReadyMail};
use tegata_domain::bounce::HandOverRefusal;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, timeout};

use crate::config::{Config, MailServer, Security};
use crate::failure::{Failure, Outcome};

/// Time between two looks at the queue.
const TICK: Duration = Duration::from_secs(1);
/// Mails handed over side by side, each on a connection of its own that is kept for the next.
const ABREAST: usize = 8;
/// The same, as the pool of connections counts.
const CONNECTIONS: u32 = ABREAST as u32;
/// Seconds that a connection without a mail is kept.
const IDLE: Duration = Duration::from_secs(20);
/// Longest hand-over of one mail. A server that falls silent holds nothing up for longer; a claim lasts longer still.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way out for mails.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
    /// Mails of one tick at the most.
    burst: u32,
}

impl Mailer {
    /// The mailer of this configuration; `None` where no server is configured.
    pub(crate) fn open(config: &Config) -> Outcome<Option<Self>> {
        let Some(server) = &config.mail.server else {
            return Ok(None);
        };
        let names = &config.policy.names;
        let address: Address = names.sender.parse().map_err(|error| {
            let remedy = "write a mail address into policy.names.sender";
            Failure::machine(format!("use {} as sender", names.sender), error, remedy)
        })?;
        Ok(Some(Self {
            transport: transport(server)?,
            sender: Mailbox::new(Some(names.ca_name.clone()), address),
            burst: config.mail.per_minute.div_ceil(60),
        }))
    }

    /// Hands mails over until `stop` turns true, not more in a second than the cap allows.
    pub(crate) async fn run(self, app: App, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                _ = tick.tick() => {}
            }
            self.hand_over_some(&app).await;
        }
    }

    /// Hands everything over that is due, however much it is: for a clock that moves faster than time.
    pub(crate) async fn hand_over_due(&self, app: &App) {
        while self.hand_over_some(app).await > 0 {}
    }

    /// Hands over what one second may; answers how many were taken from the queue.
    async fn hand_over_some(&self, app: &App) -> usize {
        match app.claim_mails(self.burst).await {
            Ok(mails) => {
                let taken = mails.len();
                self.hand_over_all(app, mails).await;
                taken
            }
            Err(error) => {
                tracing::error!(%error, "the queue of mails could not be read");
                0
            }
        }
    }

    /// Whether the server answers and takes the login.
    pub(crate) async fn is_reachable(&self) -> Result<(), String> {
        match timeout(PATIENCE, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the server ended the connection".to_owned()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(Trouble::Silent.told()),
        }
    }

    /// Sends a line to an address, for a look whether mails arrive.
    pub(crate) async fn send_test(&self, to: &str) -> Result<(), String> {
        let address: Address = to.parse().map_err(|error| format!("{to}: {error}"))?;
        let message = Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, address))
            .subject("Tegata: test mail")
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body("This mail shows that the mail server takes the mails of tegata.\n".to_owned())
            .map_err(|error| error.to_string())?;
        let sent = self.send(message).await;
        sent.map_err(|trouble| trouble.told())
    }

    /// Hands claimed mails over, some side by side; those that were taken at about the same time are recorded together.
    /// Once the server is silent, the rest is put off: to wait for each would outlast their claims.
    async fn hand_over_all(&self, app: &App, mails: Vec<ReadyMail>) {
        let is_silent = AtomicBool::new(false);
        let mut answers = stream::iter(mails)
            .map(|mail| self.hand_over(mail, &is_silent))
            .buffer_unordered(ABREAST)
            .ready_chunks(ABREAST);
        while let Some(answers) = answers.next().await {
            if let Err(error) = record(app, answers).await {
                tracing::error!(%error, "what became of a mail could not be recorded");
            }
        }
    }

    /// What the server answers to a mail: nothing, or why it did not take it.
    async fn hand_over(&self, mail: ReadyMail, is_silent: &AtomicBool) -> Answer {
        let answer = match self.message(&mail) {
            _ if is_silent.load(Ordering::Relaxed) => Err(Trouble::Silent),
            Ok(message) => self.send(message).await,
            Err(reason) => Err(Trouble::Other(reason)),
        };
        if matches!(answer, Err(Trouble::Silent)) {
            is_silent.store(true, Ordering::Relaxed);
        }
        (mail, answer)
    }

    fn message(&self, mail: &ReadyMail) -> Result<Message, String> {
        let address: Address = mail
            .to
            .as_str()
            .parse()
            .map_err(|error| format!("the address: {error}"))?;
        let seconds = u64::try_from(mail.at.unix()).unwrap_or(0);
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, address))
            .header(Subject(mail.text.subject.clone()))
            .message_id(Some(mail.message_id.clone()))
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.body.clone())
            .map_err(|error| error.to_string())
    }

    async fn send(&self, message: Message) -> Result<(), Trouble> {
        match timeout(PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Trouble::of(&error)),
            Err(_) => Err(Trouble::Silent),
        }
    }
}

/// Why a mail was not handed over.
enum Trouble {
    /// The connection, or what else is no answer.
    Other(String),
    /// An answer that means "no", for now or for good.
    Refused(HandOverRefusal),
    /// No answer.
    Silent,
}

impl Trouble {
    fn of(error: &lettre::transport::smtp::Error) -> Self {
        match error.status() {
            Some(code) => Self::Refused(HandOverRefusal {
                code: code.into(),
                words: error.source().map(ToString::to_string).unwrap_or_default(),
            }),
            None => Self::Other(told(error)),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Other(reason) => reason.clone(),
            Self::Refused(refusal) => format!("{} {}", refusal.code, refusal.words),
            Self::Silent => format!("the server was silent for {} seconds", PATIENCE.as_secs()),
        }
    }
}

/// A mail, and why the server did not take it.
type Answer = (ReadyMail, Result<(), Trouble>);

/// Records what became of some mails.
async fn record(app: &App, answers: Vec<Answer>) -> Result<(), tegata_app::Error> {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (mail, answer) in answers {
        match answer {
            Ok(()) => taken.push(mail),
            Err(trouble) => refused.push((mail, trouble)),
        }
    }
    let mut recorded = app.mails_sent(&taken).await;
    for (mail, trouble) in refused {
        let told = match &trouble {
            Trouble::Refused(refusal) => app.mail_refused(&mail, refusal).await,
            trouble => app.mail_failed(&mail, &trouble.told()).await,
        };
        recorded = told.and(recorded);
    }
    recorded
}

/// No vacation answers, please (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The subject, encoded throughout (RFC 2047 §5): the library lets words of ASCII alone stand as they are, and a name
/// with `=?` in it would be decoded to something that nobody wrote.
#[derive(Clone)]
struct Subject(String);

impl Header for Subject {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Subject")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        let (name, mut encoded) = (Self::name(), String::new());
        let written = {
            let mut writer = EmailWriter::new(&mut encoded, "Subject: ".len(), 0, false);
            rfc2047::encode(&self.0, &mut writer)
        };
        match written {
            Ok(()) => HeaderValue::dangerous_new_pre_encoded(name, self.0.clone(), encoded),
            Err(_) => HeaderValue::new(name, self.0.clone()),
        }
    }
}

fn transport(server: &MailServer) -> Outcome<AsyncSmtpTransport<Tokio1Executor>> {
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .timeout(Some(PATIENCE))
        .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE))
        .tls(match server.security {
            Security::None => Tls::None,
            Security::Starttls => Tls::Required(tls(server)?),
            Security::Tls => Tls::Wrapper(tls(server)?),
        });
    if let Some((user, file)) = &server.login {
        let password = MailServer::password(file)?;
        let credentials = Credentials::new(user.clone(), password.expose().clone());
        builder = builder.credentials(credentials);
    }
    Ok(builder.build())
}

fn tls(server: &MailServer) -> Outcome<TlsParameters> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let remedy = "write the path of a CA certificate in PEM into mail.ca_file";
        let shown = file.display();
        let pem = std::fs::read(file)
            .map_err(|error| Failure::machine(format!("read {shown}"), error, remedy))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| Failure::machine(format!("read {shown}"), error, remedy))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(|error| {
        let remedy = "see that the machine has CA certificates (package ca-certificates)";
        Failure::machine("prepare TLS for mail", error, remedy)
    })
}

/// What went wrong, with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
