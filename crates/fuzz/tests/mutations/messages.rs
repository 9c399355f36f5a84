//! Samples of what is typed, of files, of HTTP and of JSON.

use serde::Serialize;
use tegata_client::settings::Pack;
use tegata_domain::applicant::ApplicationNumber;
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::id::{Fingerprint, FlowId, OutboxId, SerialNumber};
use tegata_domain::mail_code::{CodeUse, MailCode};
use tegata_domain::policy::{Policy, ProfileName};
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::spread::RequestPlan;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_protocol::release::{
    Architecture, Envelope, Release, ReleaseFile, Scope as Whom, Signature, Version,
};
use tegata_protocol::{
    AddressChange, AddressRequest, AddressStep, Addresses, Certificate, Certificates, EnteredCode,
    InUse, Issued, Message, MessageCode, Notices, Reason, ReferenceIdRequest, Refusal, Relation,
    Renewal, RequestStatus, Resend, Scope, ShownReferenceId, Status, StopRequest, Stopped,
    StoppedSuccessor, SuccessorChoice, VERSION,
};

use super::{NOW, Samples, base64};

const AT: Timestamp = Timestamp::from_unix(NOW);

/// The samples, those of `formats` wrapped where something carries them.
pub(super) fn all(formats: &Samples) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut all = typed();
    all.extend(files());
    all.extend(requests(formats));
    all.extend(answers(formats));
    all
}

fn chance() -> SeededEntropy {
    SeededEntropy::new(20)
}

fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Vec<Vec<u8>> {
    texts
        .into_iter()
        .map(|text| text.into().into_bytes())
        .collect()
}

fn request_id() -> RequestId {
    RequestId::new(AT.japan_date(), 42)
}

fn serial() -> SerialNumber {
    SerialNumber::generate(&chance())
}

fn typed() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let row = OutboxId::generate(AT, &chance());
    let reference = ReferenceId::generate(&chance(), 16);
    let number = ApplicationNumber::new(2027, 1234);
    let codes = [CodeUse::Address, CodeUse::Collection].map(|of| {
        let code = MailCode::generate(&chance(), of);
        code.expose().to_owned()
    });
    let [address_code, collection_code] = codes;
    vec![
        (
            "dates",
            texts([
                AT.to_string(),
                AT.japan_date().to_string(),
                "2027-03-14T17:39:00.5+09:00".to_owned(),
                "0000-01-01T00:00:00Z".to_owned(),
                "Fri, 20 Nov 2026 10:00:00 GMT".to_owned(),
            ]),
        ),
        (
            "row_ids",
            texts([
                row.to_string(),
                serial().to_string(),
                Fingerprint([0xaf; 32]).to_string(),
                ["AF"; 32].join(":"),
                format!("e60.{}.{}", AT.unix(), serial()),
            ]),
        ),
        (
            "typed_ids",
            texts([
                request_id().to_string(),
                "２０２７０１０１ー０００００４２".to_owned(),
                reference.expose().to_owned(),
            ]),
        ),
        (
            "typed_numbers",
            texts([
                number.to_string(),
                "ｓ２７－０００１２３４".to_owned(),
                address_code,
                collection_code,
            ]),
        ),
        (
            "institution_code",
            texts(["0110119153", "０１１０１１９１５３", "0119153", "123456"]),
        ),
        (
            "mail_address",
            texts([
                "clinic@clinic.example",
                "ｃｌｉｎｉｃ＠clinic.example",
                " a.b+c@x-y.example ",
            ]),
        ),
        (
            "passages",
            texts([
                "550 5.1.1 <clinic@clinic.example>: Recipient\r\n address rejected",
                "a@b.example,c@d.example;'e@f.example'",
            ]),
        ),
        (
            "search",
            texts([
                "医療法人やまだ内科クリニック",
                "ｶﾞｰｾﾞ",
                "clinic@clinic.example",
                "0110119153",
            ]),
        ),
        (
            "short_texts",
            texts([
                "受付1号機",
                "011-000-0000",
                "０１１−０００ー００００",
                "suzuki",
                "hokkaido",
                "北海道",
            ]),
        ),
    ]
}

const REPORT: &str = "Date: Fri, 20 Nov 2026 10:00:00 +0900\r\n\
    From: MAILER-DAEMON@mail.example\r\nIn-Reply-To: <00aa@ca.example>\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\nIt could not be delivered.\r\n\
    --b\r\nContent-Type: message/delivery-status\r\n\r\n\
    Reporting-MTA: dns; mail.example\r\n\r\n\
    Final-Recipient: rfc822; clinic@clinic.example\r\n\
    Original-Recipient: rfc822;Clinic@clinic.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
    Diagnostic-Code: smtp; 550 5.1.1 <clinic@clinic.example>: Recipient\r\n    address rejected\r\n\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <00aa@ca.example>\r\n\
    Subject: =?utf-8?b?44GK55+l44KJ44Gb?=\r\n\r\nbody\r\n--b--\r\n";

const REGISTER: &str = "class,code,name,kana,postal_code,address,telephone,note\r\n\
    medical,0110119153,見本医院,ミホンイイン,060-0000,北海道札幌市見本区1-1,011-000-0000,\r\n\
    医科,\"=\"\"0110119153\"\"\",\"見本,医院\",,〒0600000,\"北海道\n札幌市\",０１１−０００ー００００,x\r\n\
    insurer,123456,見本組合,,6000000,京都府京都市1,075-000-0000,\r\n";

fn files() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let encoded = REPORT.replace(
        "message/delivery-status\r\n\r\n",
        "message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
    );
    // 見本 and 医院 in Shift_JIS.
    let mut japanese =
        b"class,code,name,kana,postal_code,address,telephone\nmedical,0110119153,".to_vec();
    japanese.extend([0x8c, 0xa9, 0x96, 0x7b, 0x88, 0xe3, 0x89, 0x40]);
    japanese.extend(b",,0600000,1-1,011-000-0000\n");
    vec![
        ("bounce", texts([REPORT, &encoded])),
        (
            "hand_over",
            texts([
                "550 5.1.1 no such user",
                "452 4.2.2 full",
                "421 later",
                "554 refused",
            ]),
        ),
        (
            "register",
            vec![
                REGISTER.into(),
                format!("\u{feff}{REGISTER}").into(),
                japanese,
            ],
        ),
    ]
}

fn requests(formats: &Samples) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let certificate = &formats.of("certificate")[1];
    let pem = &formats.of("certificate_text")[0];
    let escaped: String = pem.iter().map(|octet| format!("%{octet:02x}")).collect();
    let ids = format!(
        "{}:{}",
        request_id(),
        ReferenceId::generate(&chance(), 16).expose()
    );
    let csr = base64(&formats.of("csr")[0]);
    let lines: Vec<&str> = csr
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let ocsp = formats.of("ocsp_request");
    vec![
        (
            "client_cert",
            texts([format!(":{}:", base64(certificate)), escaped]),
        ),
        (
            "cookie",
            texts([
                "__Host-tegata-console=abc.def",
                "a=b; __Host-tegata-console=abc==\nc=d; e",
            ]),
        ),
        ("est_body", texts([csr.clone(), lines.join("\r\n")])),
        (
            "est_ids",
            texts([format!("Basic {}", base64(ids.as_bytes()))]),
        ),
        (
            "form",
            texts([
                format!(
                    "request_id={}&reference_id=abcdefgh&version=3",
                    request_id()
                ),
                "mail=clinic%40clinic.example&request_id=%ef%bc%92+1&version=0".to_owned(),
            ]),
        ),
        (
            "forwarded",
            texts([
                "for=203.0.113.7",
                "for=\"[2001:db8::7]:4711\";proto=https",
                "for=unknown\nfor=203.0.113.8;by=_x, FOR=\"203.0.113.7:80\"",
            ]),
        ),
        (
            "host",
            texts([
                "my.ca.example",
                "My.CA.example.:8443",
                "https://my.ca.example:443",
            ]),
        ),
        (
            "ocsp_path",
            texts([
                base64(&ocsp[0]),
                base64(&ocsp[1])
                    .replace('/', "%2f")
                    .replace('+', "%2B")
                    .replace('=', ""),
            ]),
        ),
        ("client_answers", client_answers()),
        ("client_requests", client_requests()),
        ("release", releases()),
    ]
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn message() -> Message {
    Message {
        code: MessageCode::EXPIRY,
        notify: true,
        title: "電子証明書の有効期限まで、あと89日です".to_owned(),
        text: "更新の手続きを行ってください。".to_owned(),
        link: "https://my.ca.example/p/ru".to_owned(),
        link_text: "電子証明書を更新する".to_owned(),
    }
}

fn notices() -> Notices {
    let policy: Policy = toml::from_str(ProfileName::Obn.source()).unwrap();
    Notices {
        version: VERSION,
        certificate: Fingerprint([0x0f; 32]),
        day: AT.japan_date(),
        status: Status::Good,
        since: Some(AT),
        not_after: AT.plus_days(89),
        days_left: 89,
        level: Some(90),
        renewal: Some(Renewal::Open),
        renewal_opens: AT,
        message: Some(message()),
        next_request_at: Some(AT.plus_days(1)),
        next_request_until: Some(AT.plus_days(2)),
        schedule: RequestPlan::of(&policy).into(),
    }
}

fn client_answers() -> Vec<Vec<u8>> {
    let issued = Issued {
        serial: serial(),
        fingerprint: Fingerprint([1; 32]),
        public_key: Fingerprint([2; 32]),
        subject: "CN=1310123458,O=ReceiptOnline,C=JP".to_owned(),
        issuer: "CN=Sample,C=JP".to_owned(),
        not_before: AT,
        not_after: AT.plus_days(900),
        status: Status::Good,
        since: None,
    };
    let certificate = Certificate {
        request_id: request_id(),
        relation: Relation::Presented,
        institution_code: "1310123458".to_owned(),
        terminal: "受付1号機".to_owned(),
        request_status: RequestStatus::InUse,
        accepted_at: AT,
        not_after: AT.plus_days(900),
        renewal: None,
        renewal_opens: AT,
        can_be_fetched: true,
        retrieve_until: Some(AT),
        receipt_until: None,
        issued: Some(issued),
    };
    let change = AddressChange {
        version: VERSION,
        procedure: FlowId::generate(&chance()),
        turn: 3,
        step: AddressStep::Code,
        mail: Some("t****@clinic.example".to_owned()),
        sent_at: Some(AT),
        code_until: Some(AT),
        next_code_at: None,
    };
    let shown = ShownReferenceId {
        version: VERSION,
        request_id: request_id(),
        reference_id: ReferenceId::generate(&chance(), 16),
        scope: Scope::Renewal,
        shown_until: AT,
    };
    vec![
        json(&notices()),
        json(&Certificates {
            version: VERSION,
            certificates: vec![certificate.clone(), certificate],
        }),
        json(&change),
        json(&Addresses {
            version: VERSION,
            mail: "t****@clinic.example".to_owned(),
            second_mail: None,
        }),
        json(&InUse {
            version: VERSION,
            certificate: Fingerprint([3; 32]),
            request_id: request_id(),
            seen_at: Some(AT),
        }),
        json(&stopped()),
        json(&shown),
        json(&refusal()),
    ]
}

fn stopped() -> Stopped {
    Stopped {
        version: VERSION,
        request_id: request_id(),
        number: "R27-0000001".to_owned(),
        accepted_at: AT,
        status: Status::OnHold,
        since: Some(AT),
        successor: Some(StoppedSuccessor {
            request_id: request_id(),
            is_stopped: true,
        }),
        mails: vec!["t****@clinic.example".to_owned()],
    }
}

fn refusal() -> Refusal {
    Refusal {
        kind: "about:blank".to_owned(),
        title: "Forbidden".to_owned(),
        status: 403,
        code: "on_hold".to_owned(),
        detail: "Call the help desk.".to_owned(),
        message: Some(message()),
        incident: Some("4711".to_owned()),
    }
}

fn client_requests() -> Vec<Vec<u8>> {
    let procedure = FlowId::generate(&chance());
    vec![
        json(&AddressRequest {
            procedure: procedure.clone(),
            mail: "clinic@clinic.example".to_owned(),
            second_mail: Some("ｃ＠clinic.example".to_owned()),
        }),
        json(&EnteredCode {
            turn: 3,
            code: "123456".to_owned(),
        }),
        json(&ReferenceIdRequest {
            procedure: procedure.clone(),
            request_id: request_id(),
        }),
        json(&Resend { turn: 4 }),
        json(&StopRequest {
            procedure,
            reason: Reason::Lost,
            mail: None,
            successor: Some(SuccessorChoice::Stop),
        }),
    ]
}

fn releases() -> Vec<Vec<u8>> {
    let file = |architecture, scope| ReleaseFile {
        architecture,
        scope,
        name: "mpki-client-1.2.3.msi".to_owned(),
        size: 4_711_000,
        sha256: Fingerprint([9; 32]),
        signer: Some("Sample".to_owned()),
    };
    let release = Release {
        format: VERSION,
        version: Version {
            major: 1,
            minor: 2,
            patch: 3,
        },
        released: CalendarDate::from_ymd(2027, 1, 2).unwrap(),
        expires_at: AT.plus_days(30),
        changes: vec!["更新の内容".to_owned()],
        files: vec![
            file(Architecture::X64, Whom::Machine),
            file(Architecture::X86, Whom::User),
        ],
    };
    let signature = |octet| Signature {
        keyid: "00".repeat(32),
        sig: vec![octet; 64],
    };
    let envelope = Envelope {
        signatures: vec![signature(1), signature(2)],
        ..Envelope::unsigned(json(&release))
    };
    vec![json(&release), json(&envelope)]
}

fn answers(formats: &Samples) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let certificate = std::str::from_utf8(&formats.of("certificate_text")[0]).unwrap();
    let envelopes = formats.of("cms");
    let keys = formats.of("private_key");
    let public = formats.of("public_key");
    let with_public = |key: &[u8], public: &[u8]| {
        let half = public[public.len().saturating_sub(97)..].to_vec();
        [key.to_vec(), vec![0; 97 - half.len()], half].concat()
    };
    let [_, release] = <[Vec<u8>; 2]>::try_from(releases()).unwrap();
    vec![
        (
            "est_answer",
            texts([base64(&envelopes[0]), base64(&envelopes[1])]),
        ),
        (
            "http_answer",
            texts([
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
                 Date: Fri, 20 Nov 2026 10:00:00 GMT\r\n\r\nhello",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nRetry-After: Fri, 20 Nov 2026 10:00:09 GMT\r\n\
                 Date: Fri, 20 Nov 2026 10:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5;x=y\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: 1\r\n\r\n",
                "HTTP/1.0 302 Found\r\nLocation: http://captive.example/\r\nRetry-After: 120\r\n\r\nuntil the end",
            ]),
        ),
        (
            "json_answer",
            [
                ("200", json(&notices())),
                ("200", json(&stopped())),
                ("403", json(&refusal())),
            ]
            .map(|(status, body)| [status.as_bytes(), b" ", body.as_slice()].concat())
            .to_vec(),
        ),
        (
            "key_blob",
            vec![
                with_public(&keys[0], &public[1]),
                with_public(&keys[1], &public[2]),
            ],
        ),
        ("module_answer", module_answers()),
        (
            "ntlm",
            vec![
                challenge(&[]),
                challenge(&[(7, vec![9; 8]), (6, vec![1, 0, 0, 0])]),
            ],
        ),
        (
            "proxy_answer",
            texts([
                "HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Negotiate, NTLM, Basic realm=\"a, \\\"b\"\r\n\
                 Proxy-Connection: close\r\n\r\n",
                "HTTP/1.1 407 Sign in\r\nProxy-Authenticate: NTLM TlRMTVNTUAAC\r\n\
                 Proxy-Authenticate: Basic realm=x\r\n\r\n",
            ]),
        ),
        (
            "proxy_list",
            texts([
                "proxy.example:8080\n.example,10.*",
                "PROXY a.example:8080; SOCKS b.example:1080; DIRECT\n*.local;<local>",
                "http=a.example:80;https=[2001:db8::1]:8443\nhttps://other.example:443",
            ]),
        ),
        (
            "settings",
            vec![
                pack(certificate),
                b"my.ca.example:8443".to_vec(),
                b"https://my.ca.example/".to_vec(),
            ],
        ),
        ("update", vec![release]),
    ]
}

fn pack(root: &str) -> Vec<u8> {
    let text = "ca_name = \"見本認証局\"\nserver = \"my.ca.example\"\n\
        [unattended]\nfrom_days = 60\nuntil_days = 30\nfirst_hour = 1\nlast_hour = 5\n";
    let mut pack: Pack = toml::from_str(text).unwrap();
    pack.root = root.to_owned();
    toml::to_string(&pack).unwrap().into_bytes()
}

/// `RSAPUBLICBLOB`, `ECCPUBLICBLOB`, and a signature of two numbers.
fn module_answers() -> Vec<Vec<u8>> {
    let numbers = |numbers: [u32; 5]| numbers.map(u32::to_le_bytes).concat();
    let rsa = [
        b"RSA1".to_vec(),
        numbers([2048, 3, 256, 0, 0]),
        vec![1, 0, 1],
        vec![0xc5; 256],
    ];
    let ec = [
        b"ECS1".to_vec(),
        32_u32.to_le_bytes().to_vec(),
        vec![0x11; 64],
    ];
    vec![rsa.concat(), ec.concat(), vec![0x7f; 64]]
}

/// A challenge with Unicode and these pairs beside two names (MS-NLMP §2.2.1.2).
fn challenge(pairs: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let names = [(2, b"E\0X\0".to_vec()), (1, b"P\0R\0".to_vec())];
    let mut target = Vec::new();
    for (id, value) in names.iter().chain(pairs).chain(&[(0, Vec::new())]) {
        let length = u16::try_from(value.len()).unwrap();
        target.extend([id.to_le_bytes(), length.to_le_bytes()].concat());
        target.extend(value);
    }
    let length = u16::try_from(target.len()).unwrap().to_le_bytes();
    let mut challenge = b"NTLMSSP\0\x02\0\0\0".to_vec();
    challenge.extend([0; 8]);
    challenge.extend(0x0080_8201_u32.to_le_bytes());
    challenge.extend([7; 8]);
    challenge.extend([0; 8]);
    challenge.extend([length, length].concat());
    challenge.extend(48_u32.to_le_bytes());
    challenge.extend(target);
    challenge
}
