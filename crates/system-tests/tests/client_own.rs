//! 「自分の電子証明書」 over real TLS: curl presents a certificate and walks through everything that it may ask about
//! itself, as a client of another maker would (P-06, F4, I2, I7, K3, T24, T25).

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::RequestId;
use tegata_protocol::{
    ADDRESS_PATH, AddressChange, AddressStep, Addresses, CERTIFICATES_PATH, Certificates,
    HOLD_PATH, IN_USE_PATH, InUse, MessageCode, NOTICES_PATH, Notices, REFERENCE_ID_PATH,
    REVOCATION_PATH, Refusal, Relation, Renewal, ShownReferenceId, Status, Stopped,
    address_code_path, certificate_path, receipt_path,
};
use tegata_system_tests::browser::Browser;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Answer;
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::procedure;
use tegata_system_tests::served::Letter;

const NEW_MAIL: &str = "new@clinic.example";

/// The number of one wish.
fn wish(digit: char) -> String {
    digit.to_string().repeat(32)
}

struct Terminal<'a> {
    demo: &'a Demo,
    pem: &'a Path,
}

impl Terminal<'_> {
    fn get(&self, path: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.demo.text("subscriber")?);
        self.demo.curl()?.presenting(self.pem).get(&url)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let url = format!("{}{path}", self.demo.text("subscriber")?);
        let curl = self.demo.curl()?.presenting(self.pem);
        curl.post(&url, "application/json", body.to_string().as_bytes())
    }

    /// Twice the same: carried out once, and answered with the first result.
    fn post_twice(&self, path: &str, body: &Value) -> Result<Answer> {
        let first = self.post(path, body)?;
        let again = self.post(path, body)?;
        ensure!(
            first.status == again.status && first.body == again.body,
            "{}",
            again.text()
        );
        Ok(first)
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T> {
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    serde_json::from_slice(&answer.body).with_context(|| answer.text())
}

fn refused(answer: &Answer, status: u16, code: MessageCode) -> Result<Refusal> {
    ensure!(
        answer.status == status,
        "{}: {}",
        answer.status,
        answer.text()
    );
    ensure!(answer.header("content-type") == Some("application/problem+json"));
    let refusal: Refusal = serde_json::from_slice(&answer.body)?;
    let message = refusal.message.clone().context("words for the person")?;
    ensure!(message.code == code, "{message:?}");
    eprintln!("{code}: {} {}", message.title, message.text);
    Ok(refusal)
}

/// Renews in the browser, whose key the authority makes.
fn renew(demo: &Demo, holder: &Holder) -> Result<()> {
    let jar = demo.folder().join("renew.cookies");
    let browser = Browser::by(demo.curl()?.presenting(&holder.pem).jar(&jar));
    let page = browser.open(&format!("{}/p/ru", demo.text("subscriber")?))?;
    let page = browser.press(&page, "証明書更新申請", &[])?;
    let page = browser.press(&page, "送信(Submit)", &[])?;
    ensure!(page.status == 200, "{}", page.text());
    Ok(())
}

#[test]
fn a_client_of_another_maker_does_everything_with_curl() -> Result<()> {
    let demo = Demo::start(&[])?;
    let old = demo.holder(&demo.sample("renewable")?)?;
    let stranger = demo.holder(&demo.sample("collected")?)?;
    let (public, plain) = (demo.text("public")?, demo.text("plain")?);
    let ocsp = |holder: &Holder| {
        let ca = demo.subscriber_ca()?;
        openssl::ocsp(&format!("{plain}/ocsp"), &ca, &holder.certificate, false)
    };
    let terminal = Terminal {
        demo: &demo,
        pem: &old.pem,
    };

    // My certificates; a renewal, whose answer is then looked for.
    let alone: Certificates = read(&terminal.get(CERTIFICATES_PATH)?)?;
    ensure!(alone.certificates.len() == 1, "{alone:?}");
    ensure!(
        alone
            .certificates
            .iter()
            .all(|one| one.renewal == Some(Renewal::Open))
    );
    renew(&demo, &old)?;
    let both: Certificates = read(&terminal.get(CERTIFICATES_PATH)?)?;
    let newer = both.certificates.last().context("a successor")?;
    eprintln!("{newer:?}");
    ensure!(newer.relation == Relation::Successor && newer.can_be_fetched);
    let next = newer.request_id.clone();
    let issued = newer.issued.clone().context("issued")?;
    let der = terminal.get(&certificate_path(&next))?;
    ensure!(der.header("content-type") == Some("application/pkix-cert"));
    let arguments = [
        "x509",
        "-inform",
        "DER",
        "-noout",
        "-fingerprint",
        "-sha256",
    ];
    let told = openssl::openssl_in(&arguments, &der.body)?.text();
    let print = told.trim().rsplit('=').next().and_then(Fingerprint::parse);
    ensure!(print == Some(issued.fingerprint), "{told}");
    let receipt = terminal.get(&receipt_path(&next))?;
    ensure!(receipt.header("content-type") == Some("application/pdf"));
    ensure!(receipt.body.starts_with(b"%PDF"));

    // A new リファレンスID retrieves it (I7).
    let asked = json!({"procedure": wish('a'), "request_id": next.as_str()});
    let shown: ShownReferenceId = read(&terminal.post_twice(REFERENCE_ID_PATH, &asked)?)?;
    let letter = Letter {
        request_id: shown.request_id.to_string(),
        reference_id: shown.reference_id.expose().to_owned(),
    };
    let new = procedure::collect(&demo.browser("retrieve")?, public, &letter, demo.folder())?;
    ensure!(
        new.serial == issued.serial.to_string(),
        "{} {}",
        new.serial,
        issued.serial
    );

    // It is installed and works.
    let renewed = Terminal {
        demo: &demo,
        pem: &new.pem,
    };
    let seen: InUse = read(&renewed.post_twice(IN_USE_PATH, &json!({}))?)?;
    ensure!(
        seen.request_id == next && seen.seen_at.is_some(),
        "{seen:?}"
    );
    let notices: Notices = read(&terminal.get(NOTICES_PATH)?)?;
    ensure!(notices.renewal == Some(Renewal::InUse), "{notices:?}");

    // Where the mails go.
    let asked = json!({"procedure": wish('b'), "mail": NEW_MAIL});
    let sent: AddressChange = read(&renewed.post_twice(ADDRESS_PATH, &asked)?)?;
    ensure!(
        sent.step == AddressStep::Code && sent.sent_at.is_some(),
        "{sent:?}"
    );
    let code = mailed_code(&demo)?;
    let flow = FlowId::parse(&wish('b'))?;
    let entered = json!({"turn": sent.turn, "code": code});
    let changed = renewed.post_twice(&address_code_path(&flow), &entered)?;
    ensure!(read::<AddressChange>(&changed)?.step == AddressStep::Done);
    let registered: Addresses = read(&terminal.get(ADDRESS_PATH)?)?;
    ensure!(registered.mail == "n****@clinic.example", "{registered:?}");

    // T24: what another terminal hears of all that.
    let other = Terminal {
        demo: &demo,
        pem: &stranger.pem,
    };
    for answer in [
        other.get(&certificate_path(&next))?,
        other.get(&receipt_path(&next))?,
        other.get(&format!("{ADDRESS_PATH}/{}", wish('b')))?,
        other.post(&address_code_path(&flow), &entered)?,
        other.post(
            REFERENCE_ID_PATH,
            &json!({"procedure": wish('c'), "request_id": next.as_str()}),
        )?,
        other.post(
            HOLD_PATH,
            &json!({"procedure": wish('b'), "reason": "lost"}),
        )?,
    ] {
        refused(&answer, 404, MessageCode::NOT_FOUND)?;
    }
    let nowhere = RequestId::parse("209901010000001").context("an ID")?;
    let nothing = other.get(&certificate_path(&nowhere))?;
    ensure!(nothing.body == other.get(&certificate_path(&next))?.body);

    // The old one stops itself; about the newer one there is a question without a preset answer (F4).
    let silent = terminal.post(
        HOLD_PATH,
        &json!({"procedure": wish('d'), "reason": "unused"}),
    )?;
    refused(&silent, 422, MessageCode::SUCCESSOR_UNANSWERED)?;
    ensure!(ocsp(&old)?.status == "good");
    let asked = json!({"procedure": wish('d'), "reason": "unused", "successor": "keep"});
    let held: Stopped = read(&terminal.post_twice(HOLD_PATH, &asked)?)?;
    eprintln!("{held:?}");
    ensure!(held.status == Status::OnHold);
    ensure!(
        held.successor
            .is_some_and(|newer| newer.request_id == next && !newer.is_stopped)
    );
    let judged = ocsp(&old)?;
    ensure!(judged.status == "revoked" && judged.reason.as_deref() == Some("certificateHold"));
    ensure!(ocsp(&new)?.status == "good");
    let held_fetch = terminal.get(&certificate_path(&next))?;
    refused(&held_fetch, 403, MessageCode::ON_HOLD)?;

    // The new one ends itself: final, and answered the same afterwards (T25).
    let asked = json!({"procedure": wish('e'), "reason": "lost", "mail": "desk@clinic.example"});
    let ended: Stopped = read(&renewed.post_twice(REVOCATION_PATH, &asked)?)?;
    eprintln!("{ended:?}");
    ensure!(
        ended.status == Status::Revoked && ended.mails.len() == 2,
        "{ended:?}"
    );
    let judged = ocsp(&new)?;
    ensure!(judged.status == "revoked" && judged.reason.as_deref() == Some("keyCompromise"));
    for answer in [
        renewed.get(ADDRESS_PATH)?,
        renewed.get(&certificate_path(&next))?,
        renewed.post(IN_USE_PATH, &json!({}))?,
    ] {
        refused(&answer, 403, MessageCode::REVOKED)?;
    }
    // The stranger's was never touched.
    ensure!(ocsp(&stranger)?.status == "good");
    Ok(())
}

/// The 確認番号 in the mail to the new address.
fn mailed_code(demo: &Demo) -> Result<String> {
    let text = demo.mail(NEW_MAIL, "【通知用メールアドレス 確認番号のお知らせ】")?;
    let line = text.lines().find(|line| line.contains("確認番号  "));
    let line = line.with_context(|| text.clone())?;
    Ok(line.chars().filter(char::is_ascii_digit).collect())
}
