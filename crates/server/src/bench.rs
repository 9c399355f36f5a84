//! `tegata bench NAME`: what the product does per second of processor time, beside what the machine could do
//! at best in the same process (design: `docs/operating/bench.md`).
//!
//! Product and raw reference alternate for some rounds; the ratio is the median of the rounds' ratios of
//! processor time per operation, so that a slow or busy machine cancels out. The last line is one JSON object.

mod crl;
mod fleet;
mod issue;
mod letters;
mod measure;
mod notices;
mod ocsp;
mod p12;
mod pages;
mod pg;
mod raw;
mod relying;
mod startup;
mod sweep;
mod tls;
mod world;

use clap::{Args, ValueEnum};

use crate::cli::line;
use crate::failure::Outcome;
use measure::Figure;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The name of the bench.
    name: Name,
    /// How much: certificates for `issue` and `pg`, answers for `ocsp`, entries for `crl`, sheets for `letters`, files
    /// for `p12`, connections for `tls`, certificates for `notices`, `relying` and `sweep`; for `pages` several numbers
    /// of certificates, with commas between them.
    #[arg(long, value_delimiter = ',')]
    n: Vec<usize>,
    /// Of `p12`: keys made in advance.
    #[arg(long, default_value_t = 100)]
    pool: usize,
    /// Of `p12`: collections at the same moment.
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Rounds in which product and reference alternate.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    notices: notices::Options,
    /// Print only the JSON line.
    #[arg(long)]
    json: bool,
}

/// The benches.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// A revocation list of n entries, from the database to the signed list.
    Crl,
    /// Durable issuance with policy, lint and audit, under an RSA-3072 CA key.
    Issue,
    /// Letters of a batch, drawn as one PDF.
    Letters,
    /// A certificate life of notices, with the processes that send them killed over and over.
    Notices,
    /// OCSP answers on demand by a P-256 responder.
    Ocsp,
    /// From a letter's two IDs to the `.p12`.
    P12,
    /// Pages of the console at several numbers of certificates.
    Pages,
    /// Durable issuance on PostgreSQL.
    Pg,
    /// What the machine's processor can do at best.
    Raw,
    /// What relying systems ask about a certificate, at 10,000 certificates and at n.
    Relying,
    /// From the start of `serve` to its first answer, and its memory when idle.
    Startup,
    /// The daily run of notices: what it finds, queues and hands over.
    Sweep,
    /// The subscribers' first page, a TLS handshake with a client certificate each.
    Tls,
}

/// Carries out the command.
pub(crate) async fn run(arguments: Arguments) -> Outcome<()> {
    if let Some(file) = &arguments.notices.worker {
        return notices::work(file).await;
    }
    let rounds = arguments.rounds.max(1);
    let n = |usual: usize| arguments.n.first().copied().unwrap_or(usual);
    let figures: Vec<Figure> = match arguments.name {
        Name::Crl => vec![crl::run(n(100_000), rounds).await?],
        Name::Issue => vec![issue::run(n(400), rounds).await?],
        Name::Letters => vec![letters::run(n(300), rounds).await?],
        Name::Notices => vec![notices::run(n(2_000), &arguments.notices).await?],
        Name::Ocsp => vec![ocsp::run(n(20_000), rounds).await?],
        Name::P12 => {
            vec![p12::run(n(40), rounds, arguments.pool, arguments.at_once).await?]
        }
        Name::Pages if arguments.n.is_empty() => pages::run(vec![1_000, 10_000], rounds).await?,
        Name::Pages => pages::run(arguments.n.clone(), rounds).await?,
        Name::Pg => vec![pg::run(n(400), rounds, arguments.notices.database.as_deref()).await?],
        Name::Raw => raw::run()?,
        Name::Relying => vec![relying::run(n(100_000), rounds).await?],
        Name::Sweep => sweep::run(n(100_000)).await?,
        Name::Startup => vec![startup::run(rounds).await?],
        Name::Tls => vec![tls::run(n(500), rounds).await?],
    };
    for figure in &figures {
        if !arguments.json {
            line(figure.sentence());
        }
    }
    for figure in &figures {
        line(figure.json());
    }
    Ok(())
}
