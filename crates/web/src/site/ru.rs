//! 電子証明書更新申請サイト (`/p/ru`), front page: whose certificate is this (W2, RU-0, RU-E2 to RU-E6)?

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Addresses, Identity};
use tegata_domain::policy::Policy;
use tegata_domain::time::Timestamp;

use crate::connection::authority;
use crate::extract::Caller;
use crate::messages::{
    self, RU_0, RU_EXPIRED, RU_FOREIGN, RU_HELD, RU_MISSING, RU_REVOKED, SITE_RENEW,
};
use crate::page::{Frame, Holder, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

/// What `登録の確認` of RCD-4 adds to the address.
const FROM_COLLECTION: &str = "from=rcd";

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

/// Where 登録の確認 leads: the second name, for a browser may remember what was chosen on the first (W1).
pub(crate) fn check_address(addresses: &Addresses) -> String {
    let names = &addresses.subscriber;
    let name = names.get(1).or(names.first()).map_or("", String::as_str);
    format!("{name}/p/ru?{FROM_COLLECTION}")
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
    not_after: String,
    is_open: bool,
    opens_on: String,
    days_until_open: i64,
    renew_days: i64,
    renewable: String,
    wait_title: String,
    from_collection: bool,
    next_name: Option<String>,
}

#[derive(Template)]
#[template(path = "ru/missing.html")]
struct MissingPage<'a> {
    frame: Frame,
    ca_cn: &'a str,
    letter_days: &'a str,
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
    next_name: Option<String>,
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
    let host = authority(request.uri(), request.headers());
    let next_name = next_name(&web.app().addresses().subscriber, host.as_deref());
    let from_collection = request.uri().query() == Some(FROM_COLLECTION);
    let presented = caller.client_certificate.as_deref();
    match web.app().identify(presented, caller.source, now).await {
        Ok(identity) => whose(&web, identity, from_collection, next_name, now),
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

fn whose(
    web: &Web,
    identity: Identity,
    from_collection: bool,
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
            renewal_opens,
            days_left,
            ..
        } => {
            let not_after = certificate.not_after;
            let view = HolderPage {
                frame: frame(RU_0),
                certificate: holder(certificate),
                not_after: messages::date_and_time(not_after),
                is_open: now >= renewal_opens,
                opens_on: messages::date(renewal_opens),
                days_until_open: now.japan_date().days_until(renewal_opens.japan_date()),
                renew_days: policy.periods.renewal_days,
                renewable: messages::renewable(not_after, days_left),
                wait_title: messages::renewal_opens_on(renewal_opens),
                from_collection,
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
                    next_name,
                },
            )
        }
        Identity::Expired { certificate } => {
            let frame = frame(RU_EXPIRED);
            let not_after = messages::date_and_time(certificate.not_after);
            let certificate = holder(certificate);
            let view = ExpiredPage {
                frame,
                certificate,
                not_after,
                letter_days,
                next_name,
            };
            page(status, &view)
        }
        Identity::OnHold {
            certificate,
            at,
            by_operator,
        } => {
            let shown = Some(holder(certificate));
            respond::on_hold(web, SITE_RENEW, RU_HELD, shown, (at, by_operator))
        }
        Identity::Revoked { certificate, at } => {
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
