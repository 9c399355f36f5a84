//! The states of certificates and grants as a row tells them, and whether a move of the domain leads from one to the
//! other.

use tegata_domain::certificate::{CertificateMove, CertificateState};
use tegata_domain::grant::{GrantMove, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

pub(super) fn certificate_state(fields: &[String]) -> CertificateState {
    let at = || time(&fields[3]);
    match fields[2].as_str() {
        "intended" => CertificateState::Intended,
        "issued" => CertificateState::Issued,
        "on_hold" => CertificateState::OnHold { at: at() },
        "revoked" => CertificateState::Revoked {
            at: at(),
            reason: fields[4].parse().ok().and_then(ReasonCode::from_number),
        },
        "superseded" => CertificateState::Superseded { at: at() },
        "void" => CertificateState::Void { at: at() },
        other => panic!("a certificate that is {other}"),
    }
}

pub(super) fn grant_state(fields: &[String]) -> GrantState {
    match fields[2].as_str() {
        "frozen" => GrantState::Frozen {
            at: time(&fields[6]),
            from: Box::new(state_named(&fields[5], fields)),
        },
        word => state_named(word, fields),
    }
}

fn state_named(word: &str, fields: &[String]) -> GrantState {
    let serial = || SerialNumber::parse(&fields[3]).unwrap();
    let at = || time(&fields[4]);
    match word {
        "approved" => GrantState::Approved,
        "collected" => GrantState::Collected {
            serial: serial(),
            at: at(),
        },
        "key_fixed" => GrantState::KeyFixed { serial: serial() },
        "letter_returned" => GrantState::LetterReturned { at: at() },
        "posted" => GrantState::Posted,
        "seen_in_use" => GrantState::SeenInUse {
            serial: serial(),
            at: at(),
        },
        "voided" => GrantState::Voided { at: at() },
        other => panic!("a grant that is {other}"),
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::from_unix(text.parse().unwrap())
}

/// Whether the table of moves leads from one to the other; to stay is no move.
pub(super) fn is_certificate_move(from: CertificateState, to: CertificateState) -> bool {
    use CertificateMove::{Hold, Issue, Lift, Revoke, Supersede, Void};
    let at = to.stopped_at().unwrap_or(Timestamp::from_unix(0));
    let reasons = ReasonCode::ALL.map(Some).into_iter().chain([None]);
    let moves = [Hold, Issue, Lift, Supersede, Void].into_iter();
    from == to
        || moves
            .chain(reasons.map(Revoke))
            .any(|step| from.apply(step, at) == Ok(to))
}

pub(super) fn is_grant_move(from: &GrantState, to: &GrantState) -> bool {
    let at = match to {
        GrantState::Collected { at, .. }
        | GrantState::Frozen { at, .. }
        | GrantState::LetterReturned { at }
        | GrantState::SeenInUse { at, .. }
        | GrantState::Voided { at } => *at,
        _ => Timestamp::from_unix(0),
    };
    let mut moves = vec![
        GrantMove::Collect,
        GrantMove::Freeze,
        GrantMove::FreeKey,
        GrantMove::Post,
        GrantMove::PostAgain,
        GrantMove::Reissue,
        GrantMove::Reopen,
        GrantMove::ReturnLetter,
        GrantMove::See,
        GrantMove::Unfreeze,
        GrantMove::Void,
    ];
    if let Some(serial) = to.serial() {
        moves.push(GrantMove::FixKey(serial));
        moves.push(GrantMove::Rekey(serial));
        moves.push(GrantMove::SeeOther(serial));
    }
    from == to
        || moves
            .into_iter()
            .any(|step| from.clone().apply(step, at).as_ref() == Ok(to))
}
