//! 電子証明書更新申請サイト (`/p/ru`), front page: whose certificate is this (W2, RU-0, RU-E2 to RU-E6)?

pub(crate) mod address;
pub(crate) mod apply;
pub(crate) mod list;
pub(crate) mod reference;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Addresses, CertificateBox, Identity, Successor};
use tegata_domain::id::Fingerprint;
use tegata_domain::issuance::RequestStatus;
use tegata_domain::policy::Policy;
use tegata_domain::renewal::{KeyPlace, RenewalStanding};
use tegata_domain::time::Timestamp;

use crate::extract::Caller;
use crate::flow::{FlowPath, Procedure};
use crate::messages::{
    self, RU_0, RU_EXPIRED, RU_FOREIGN, RU_HELD, RU_MISSING, RU_OTHER, RU_REVOKED, SITE_RENEW,
};
use crate::page::{Frame, Holder, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

/// What `登録の確認` of RCD-4 adds to the address.
const FROM_COLLECTION: &str = "from=rcd";
/// What that of RU-4 adds.
const FROM_RENEWAL: &str = "from=ru";

/// GET /p/ru on the public listener
pub(crate) async fn to_subscriber_listener(State(web): State<Web>) -> Response {
    match web.app().addresses().subscriber.first() {
        Some(address) => see_other(&format!("{address}/p/ru")),
        None => respond::internal(&web, "no name of the subscriber listener is configured"),
    }
}

/// GET / on the subscriber listener
pub(crate) async fn to_first_page() -> Response {
    see_other("/p/ru")
}

/// GET /p/ru/retrieve
pub(crate) async fn to_list() -> Response {
    see_other("/p/ru/list")
}

/// Where 登録の確認 leads: the second name, for a browser may remember what was chosen on the first (W1).
/// A renewal was done on one of the first two; its check goes on to the third, where there is one.
pub(crate) fn check_address(addresses: &Addresses, procedure: Procedure) -> String {
    let names = &addresses.subscriber;
    let (wanted, from) = match procedure {
        Procedure::Apply | Procedure::Collect | Procedure::Inquire | Procedure::Revoke => {
            (1, FROM_COLLECTION)
        }
        Procedure::Address | Procedure::Renew | Procedure::Retrieve => (2, FROM_RENEWAL),
    };
    let name = names
        .get(wanted)
        .or(names.last())
        .map_or("", String::as_str);
    format!("{name}/p/ru?{from}")
}

fn next_of_expired(next: &Successor, now: Timestamp) -> Option<Next> {
    match next.status {
        RequestStatus::SeenInUse => Some(Next::InUse(messages::date_and_time(next.not_after))),
        RequestStatus::Void { .. } => None,
        _ if next.key == KeyPlace::Authority && now <= next.window_end => {
            Some(Next::Waiting(messages::date_and_time(next.window_end)))
        }
        RequestStatus::Collected if next.key == KeyPlace::Terminal => Some(Next::WithTerminal),
        RequestStatus::Collected => Some(Next::WithHolder(format!("{}.p12", next.request_id))),
        _ => None,
    }
}

/// Where 「電子証明書を選び直す」 leads: the name after `host`; `None` where there is one name only.
fn next_name(names: &[String], host: Option<&str>) -> Option<String> {
    if names.len() < 2 {
        return None;
    }
    let here = names.iter().position(|name| {
        let authority = name.strip_prefix("https://");
        host.zip(authority)
            .is_some_and(|(host, authority)| host.eq_ignore_ascii_case(authority))
    });
    let next = here.map_or(0, |at| at + 1) % names.len();
    names.get(next).map(|name| format!("{name}/p/ru"))
}

#[derive(Template)]
#[template(path = "ru/holder.html")]
struct HolderPage {
    frame: Frame,
    certificate: Holder,
    thumbprint: String,
    not_after: String,
    mail: String,
    second_mail: Option<String>,
    /// Whether text 2 names the addresses already.
    names_addresses: bool,
    state: State0,
    /// The closing line after 登録の確認.
    checked: Option<Checked>,
    next_name: Option<String>,
    check: String,
}

/// The state line of RU-0.
enum State0 {
    /// Renewed, not collected.
    Accepted,
    /// The same, by a terminal with a key of its own.
    AcceptedOfTerminal,
    /// Collected, not seen; with the newer one's end.
    Collected(String),
    /// The same, by a terminal with a key of its own.
    CollectedByTerminal(String),
    /// RU-E1.
    Early {
        title: String,
        opens_on: String,
        days: i64,
        renew_days: i64,
    },
    /// It can be renewed; with the sentence.
    Open(String),
    /// The newer one is in use; with its end.
    Replaced(String),
}

/// Which work 登録の確認 ends.
#[derive(Clone, Copy)]
enum Checked {
    New,
    Renewed,
}

#[derive(Template)]
#[template(path = "ru/other.html")]
struct OtherPage {
    frame: Frame,
    first: Option<(String, String)>,
    now: (String, String),
    next_name: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/missing.html")]
struct MissingPage<'a> {
    frame: Frame,
    ca_cn: &'a str,
    letter_days: &'a str,
    retrieval_days: i64,
    next_name: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/foreign.html")]
struct ForeignPage<'a> {
    frame: Frame,
    ca_cn: &'a str,
    subject: String,
    issuer: String,
    next_name: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/expired.html")]
struct ExpiredPage<'a> {
    frame: Frame,
    certificate: Holder,
    not_after: String,
    letter_days: &'a str,
    successor: Option<Next>,
    next_name: Option<String>,
}

/// What became of the renewal of an expired certificate.
enum Next {
    /// It can be retrieved until then (4a).
    Waiting(String),
    /// It is in use until then (4c).
    InUse(String),
    /// It was handed out, and only its holder has the file of this name (text 5).
    WithHolder(String),
    /// It was handed to the terminal that made its key.
    WithTerminal,
}

#[derive(Template)]
#[template(path = "ru/revoked.html")]
struct RevokedPage {
    frame: Frame,
    certificate: Holder,
    revoked_at: String,
    next_name: Option<String>,
}

/// GET /p/ru on the subscriber listener
pub(crate) async fn show(State(web): State<Web>, caller: Caller, request: Request) -> Response {
    let now = web.now();
    let checked = match request.uri().query() {
        Some(FROM_COLLECTION) => Some(Checked::New),
        Some(FROM_RENEWAL) => Some(Checked::Renewed),
        _ => None,
    };
    let presented = caller.client_certificate.as_deref();
    match web.app().identify(presented, caller.source, now).await {
        Ok(identity) => whose(&web, identity, checked, next_of(&web, &caller), now),
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

/// The certificate behind a request inside a procedure; one that does not pass gets its own page (W2).
pub(crate) async fn holder(web: &Web, caller: &Caller) -> Result<Fingerprint, Response> {
    let (fingerprint, _) = shown_holder(web, caller).await?;
    Ok(fingerprint)
}

/// The same with what the box on top of a page shows.
pub(crate) async fn shown_holder(
    web: &Web,
    caller: &Caller,
) -> Result<(Fingerprint, CertificateBox), Response> {
    let now = web.now();
    let presented = caller.client_certificate.as_deref();
    match web.app().identify(presented, caller.source, now).await {
        Ok(Identity::Holder {
            fingerprint,
            certificate,
            ..
        }) => Ok((fingerprint, certificate)),
        Ok(other) => Err(whose(web, other, None, next_of(web, caller), now)),
        Err(error) => Err(refuse(web, Place::Renew, error)),
    }
}

/// The same for a procedure to revoke, whose last page is shown to the certificate that it stopped.
pub(crate) async fn stopped_holder(web: &Web, caller: &Caller) -> Result<Fingerprint, Response> {
    let now = web.now();
    let presented = caller.client_certificate.as_deref();
    match web.app().identify(presented, caller.source, now).await {
        Ok(
            Identity::Holder { fingerprint, .. }
            | Identity::OnHold { fingerprint, .. }
            | Identity::Revoked { fingerprint, .. },
        ) => Ok(fingerprint),
        Ok(other) => Err(whose(web, other, None, next_of(web, caller), now)),
        Err(error) => Err(refuse(web, Place::Renew, error)),
    }
}

/// RU-E7: our certificate, but not the one that the procedure was begun with (text 3b).
pub(crate) async fn other_certificate(
    web: &Web,
    flow: &FlowPath,
    presented: Fingerprint,
) -> Response {
    let other = match web.app().other_holder(&flow.id, presented).await {
        Ok(other) => other,
        Err(error) => return refuse(web, Place::Flow(flow), error),
    };
    let shown = |certificate: CertificateBox| {
        let end = messages::date_and_time(certificate.not_after);
        (certificate.terminal, end)
    };
    let names = &web.app().addresses().subscriber;
    let view = OtherPage {
        frame: web.frame(SITE_RENEW, RU_OTHER),
        first: other.first.map(shown),
        now: shown(other.now),
        next_name: next_name(names, None).filter(|_| names.len() > 1),
    };
    page(StatusCode::FORBIDDEN, &view)
}

fn next_of(web: &Web, caller: &Caller) -> Option<String> {
    next_name(&web.app().addresses().subscriber, caller.host.as_deref())
}

fn whose(
    web: &Web,
    identity: Identity,
    checked: Option<Checked>,
    next_name: Option<String>,
    now: Timestamp,
) -> Response {
    let policy = web.app().policy();
    let holder = |certificate| Holder::new(certificate, policy, now);
    let frame = |screen| web.frame(SITE_RENEW, screen);
    let ca_cn = subscriber_ca(policy);
    let letter_days = &policy.names.letter_days;
    let status = StatusCode::FORBIDDEN;
    match identity {
        Identity::Holder {
            certificate,
            fingerprint,
            standing,
            successor,
            days_left,
            addresses,
            ..
        } => {
            let mut addresses = addresses.into_iter().map(|address| address.to_string());
            let not_after = certificate.not_after;
            // Whoever shows the old certificate by mistake is not told that the work is done.
            let checked = checked.filter(|_| matches!(standing, RenewalStanding::Early { .. }));
            let of_terminal = successor
                .as_ref()
                .is_some_and(|next| next.key == KeyPlace::Terminal);
            let newer = successor.map(|next| messages::date_and_time(next.not_after));
            let view = HolderPage {
                frame: frame(RU_0),
                certificate: holder(certificate),
                thumbprint: fingerprint.to_string(),
                not_after: messages::date_and_time(not_after),
                mail: addresses.next().unwrap_or_default(),
                second_mail: addresses.next(),
                names_addresses: matches!(standing, RenewalStanding::Early { .. }),
                state: match standing {
                    RenewalStanding::Accepted if of_terminal => State0::AcceptedOfTerminal,
                    RenewalStanding::Accepted => State0::Accepted,
                    RenewalStanding::Collected if of_terminal => {
                        State0::CollectedByTerminal(newer.unwrap_or_default())
                    }
                    RenewalStanding::Collected => State0::Collected(newer.unwrap_or_default()),
                    RenewalStanding::Early { opens } => State0::Early {
                        title: messages::renewal_opens_on(opens),
                        opens_on: messages::date(opens),
                        days: now.japan_date().days_until(opens.japan_date()),
                        renew_days: policy.periods.renewal_days,
                    },
                    RenewalStanding::Open => {
                        State0::Open(messages::renewable(not_after, days_left))
                    }
                    RenewalStanding::Replaced => State0::Replaced(newer.unwrap_or_default()),
                },
                checked,
                check: check_address(web.app().addresses(), Procedure::Renew),
                next_name,
            };
            page(StatusCode::OK, &view)
        }
        Identity::Foreign { subject, issuer } => {
            let frame = frame(RU_FOREIGN);
            page(
                status,
                &ForeignPage {
                    frame,
                    ca_cn,
                    subject,
                    issuer,
                    next_name,
                },
            )
        }
        Identity::Missing => {
            let frame = frame(RU_MISSING);
            page(
                status,
                &MissingPage {
                    frame,
                    ca_cn,
                    letter_days,
                    retrieval_days: policy.periods.retrieval_days,
                    next_name,
                },
            )
        }
        Identity::Expired {
            certificate,
            successor,
        } => {
            let frame = frame(RU_EXPIRED);
            let not_after = messages::date_and_time(certificate.not_after);
            let certificate = holder(certificate);
            let view = ExpiredPage {
                frame,
                certificate,
                not_after,
                letter_days,
                successor: successor.and_then(|next| next_of_expired(&next, now)),
                next_name,
            };
            page(status, &view)
        }
        Identity::OnHold {
            certificate,
            at,
            by_operator,
            ..
        } => {
            let shown = Some(holder(certificate));
            respond::on_hold(web, SITE_RENEW, RU_HELD, shown, (at, by_operator))
        }
        Identity::Revoked {
            certificate, at, ..
        } => {
            let frame = frame(RU_REVOKED);
            let (certificate, revoked_at) = (holder(certificate), messages::date_and_time(at));
            page(
                status,
                &RevokedPage {
                    frame,
                    certificate,
                    revoked_at,
                    next_name,
                },
            )
        }
    }
}

/// The name that stands as issuer in subscribers' certificates.
pub(crate) fn subscriber_ca(policy: &Policy) -> &str {
    if policy.ca.tiers > 1 {
        &policy.ca.issuing_common_name
    } else {
        &policy.ca.common_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| format!("https://{name}")).collect()
    }

    #[test]
    fn choosing_again_leads_to_the_next_name_and_round() {
        let three = names(&["localhost:8441", "r1.localhost:8441", "r2.localhost:8441"]);
        for (host, next) in [
            (Some("localhost:8441"), "https://r1.localhost:8441/p/ru"),
            (Some("R1.localhost:8441"), "https://r2.localhost:8441/p/ru"),
            (Some("r2.localhost:8441"), "https://localhost:8441/p/ru"),
            (Some("elsewhere"), "https://localhost:8441/p/ru"),
            (None, "https://localhost:8441/p/ru"),
        ] {
            assert_eq!(next_name(&three, host).as_deref(), Some(next), "{host:?}");
        }
    }

    #[test]
    fn with_one_name_only_there_is_no_other_place_to_choose() {
        assert_eq!(
            next_name(&names(&["localhost:8441"]), Some("localhost:8441")),
            None
        );
    }
}
