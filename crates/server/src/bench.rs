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
mod raw;
mod relying;
mod startup;
mod sweep;
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
    /// How much: certificates for `issue`, answers for `ocsp`, entries for `crl`, sheets for `letters`,
    /// certificates for `notices`, `relying` and `sweep`.
    #[arg(long)]
    n: Option<usize>,
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
    /// What the machine's processor can do at best.
    Raw,
    /// What relying systems ask about a certificate, at 10,000 certificates and at n.
    Relying,
    /// From the start of `serve` to its first answer, and its memory when idle.
    Startup,
    /// The daily run of notices: what it finds, queues and hands over.
    Sweep,
}

/// Carries out the command.
pub(crate) async fn run(arguments: Arguments) -> Outcome<()> {
    if let Some(file) = &arguments.notices.worker {
        return notices::work(file).await;
    }
    let rounds = arguments.rounds.max(1);
    let figures: Vec<Figure> = match arguments.name {
        Name::Crl => vec![crl::run(arguments.n.unwrap_or(100_000), rounds).await?],
        Name::Issue => vec![issue::run(arguments.n.unwrap_or(400), rounds).await?],
        Name::Letters => vec![letters::run(arguments.n.unwrap_or(300), rounds).await?],
        Name::Notices => {
            vec![notices::run(arguments.n.unwrap_or(2_000), &arguments.notices).await?]
        }
        Name::Ocsp => vec![ocsp::run(arguments.n.unwrap_or(20_000), rounds).await?],
        Name::Raw => raw::run()?,
        Name::Relying => vec![relying::run(arguments.n.unwrap_or(100_000), rounds).await?],
        Name::Sweep => sweep::run(arguments.n.unwrap_or(100_000)).await?,
        Name::Startup => vec![startup::run(rounds).await?],
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
