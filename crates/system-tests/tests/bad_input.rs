//! Hostile and merely unusual addresses and names (T45, T57): what is typed is refused where it is typed, or goes out
//! in exactly one well-formed mail to one address, as the parser of another maker reads it.

use std::fs;

use anyhow::{Result, ensure};
use tegata_system_tests::browser::{Browser, filled};
use tegata_system_tests::database::Kind;
use tegata_system_tests::json::text;
use tegata_system_tests::mail_server::MailServer;
use tegata_system_tests::page::Page;
use tegata_system_tests::procedure;
use tegata_system_tests::served::Served;

const CODE: &str = "0110119153";
const MAIL: &str = "jimu@clinic.example";
/// To whom the notices of `Served::grant` go.
const NOTIFIED: &str = "uketsuke@clinic.example";
const NAME: &str = "見本";
/// Every name goes into the subject too.
const TEXT: &str = "{{ institution }}|{{ terminal }}|{% if contact is defined %}{{ contact }}{% endif %}|\n\n\
    institution={{ institution }}\nterminal={{ terminal }}\n\
    {% if contact is defined %}contact={{ contact }}\n{% endif %}{{ signature }}\n";

/// One address gets more notices of receipt here than it does in life.
const MANY_MAILS: &str = "\n[policy.application]\nmails_per_day = 1000\n";

/// An address as typed, and as it is taken at a form and at the command line. Nothing where it is refused.
const ADDRESSES: [(&str, Option<&str>); 52] = [
    ("a@b", Some("a@b")),
    (
        "first.last+tag@mail.clinic.example",
        Some("first.last+tag@mail.clinic.example"),
    ),
    (
        "!#$%&'*+-/=?^_`{|}~@clinic.example",
        Some("!#$%&'*+-/=?^_`{|}~@clinic.example"),
    ),
    ("-oQ/tmp@clinic.example", Some("-oQ/tmp@clinic.example")),
    (
        "a%d.example@clinic.example",
        Some("a%d.example@clinic.example"),
    ),
    ("a@xn--eckwd4c7c.example", Some("a@xn--eckwd4c7c.example")),
    (
        "ｊｉｍｕ＠ｃｌｉｎｉｃ．ｅｘａｍｐｌｅ",
        Some("jimu@clinic.example"),
    ),
    (
        "\u{3000}jimu@clinic.example\r\n",
        Some("jimu@clinic.example"),
    ),
    ("ji mu @ clinic.example", Some("jimu@clinic.example")),
    // Line ends and what some readers take for one.
    ("a@clinic.example\r\nBcc: c@d.example", None),
    ("a@clinic.example\nBcc:c@d.example", None),
    ("a@clinic.\r\nexample", None),
    ("a\r@clinic.example", None),
    ("a\n@clinic.example", None),
    ("a\u{b}b@clinic.example", None),
    ("a\u{85}b@clinic.example", None),
    ("a\u{2028}b@clinic.example", None),
    ("a@clinic.example%0d%0aBcc:c@d.example", None),
    ("a@clinic.example>\r\nRCPT TO:<c@d.example", None),
    // What looks like ASCII.
    ("\u{430}@clinic.example", None),
    ("a@\u{441}linic.example", None),
    ("a@clinic\u{3002}example", None),
    ("\u{212a}@clinic.example", None),
    ("a\u{200b}@clinic.example", None),
    ("a\u{ad}@clinic.example", None),
    ("\u{feff}a@clinic.example", None),
    ("a\u{202e}@clinic.example", None),
    ("事務@clinic.example", None),
    ("a@見本.example", None),
    // 外字 and what Windows alone has.
    ("\u{e000}@clinic.example", None),
    ("①@clinic.example", None),
    ("a@㈱.example", None),
    // Comments, groups, routes and the rest of RFC 5322.
    ("a(b)@clinic.example", None),
    ("(b)a@clinic.example", None),
    ("a@clinic.example(b)", None),
    ("a@(b)clinic.example", None),
    ("\"a\"@clinic.example", None),
    ("\"a@b\"@clinic.example", None),
    ("a\\@b@clinic.example", None),
    ("A <a@clinic.example>", None),
    ("<a@clinic.example>", None),
    ("a@clinic.example, c@d.example", None),
    ("a@clinic.example;c@d.example", None),
    ("g:a@clinic.example;", None),
    ("@c.example:a@clinic.example", None),
    ("a@[192.0.2.1]", None),
    ("a@clinic.example.", None),
    ("a..b@clinic.example", None),
    // A parser would decode it (RFC 2047).
    ("=?utf-8?q?c=40d.example?=@clinic.example", None),
    ("=?utf-8?b?Y0BkLmV4YW1wbGU=?=@clinic.example", None),
    ("", None),
    ("a@b@c.example", None),
];

/// A name as typed, and who takes it: `t`, the terminal's on the web; `p`, the person's; `i`, the institution's in a
/// file. It is shown without the blanks around it.
const NAMES: [(&str, &str); 40] = [
    ("見本\r\nBcc: c@d.example\r\n\r\nx", ""),
    ("見本\rBcc: c@d.example", ""),
    ("見本\nBcc: c@d.example", ""),
    ("見本\u{b}x", ""),
    ("見本\u{85}x", ""),
    ("見本\u{2028}x", ""),
    ("見本\u{1b}[2J", ""),
    ("見\u{202e}本", ""),
    ("\u{3000}見本 1\r\n", "tpi"),
    ("%0d%0aBcc: c@d.example", "tpi"),
    ("Bcc: c@d.example", "tpi"),
    ("見本(医院) (x)", "tpi"),
    ("見本 <c@d.example>", "tpi"),
    ("\"見本\", c@d.example;", "tpi"),
    ("a, b@c.example, d", "tpi"),
    ("=?utf-8?q?Bcc=3A_c=40d=2Eexample?=", "tpi"),
    ("A =?utf-8?b?QmNjOiBjQGQuZXhhbXBsZQ==?= B", "tpi"),
    ("見本 =?utf-8?q?=0D=0ABcc:?= x", "tpi"),
    ("A =?iso-2022-jp?b?GyRC?= 見本", "tpi"),
    ("{{ 7 * 7 }}{% include \"signature\" %}", "tpi"),
    ("<b>見本</b>&amp;", "tpi"),
    ("\\r\\n.\\", "tpi"),
    (".", "tpi"),
    ("=3D=0A", "tpi"),
    ("From c@d.example", "tpi"),
    // What looks like another name.
    ("Сlinic Ａ", "tpi"),
    ("ΑΒ見本エ工二ニ", "tpi"),
    ("見本\u{200b}", ""),
    ("見\u{ad}本", ""),
    ("\u{feff}見本", ""),
    // 外字 and what Windows alone has.
    ("髙橋﨑𠮷田", "tpi"),
    ("㈱見本①Ⅱ㌔～−", "tpi"),
    ("\u{e000}見本", ""),
    ("\u{f8f0}", ""),
    ("\u{100000}", ""),
    ("葛\u{e0100}城", ""),
    ("😀", ""),
    // Long ones: 256, 192, 501 and 500 octets.
    (
        "𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷𠮷",
        "ti",
    ),
    (
        "医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a医院a",
        "ti",
    ),
    ("", ""),
];

#[test]
fn each_typed_address_is_refused_or_gets_exactly_one_well_formed_mail() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    served.configure(MANY_MAILS)?;
    let mut server = MailServer::start(&served, &[])?;
    served.begin()?;
    served.add_institution(CODE, NAME)?;
    let letter = served.grant(CODE, NAME)?;
    server.next_mail()?.must_be_one_mail_to(NOTIFIED)?;
    let browser = served.browser("apply");
    let stop = procedure::type_ids(&browser, &format!("{}/p/rx", served.public), &letter)?;
    // 254 octets, 255, a local part of 65, and 500.
    let [longest, longer, local, far] = [(64, 189), (64, 190), (65, 40), (64, 435)]
        .map(|(local, domain)| address_of(local, domain));
    let lengths = [
        (longest.as_str(), Some(longest.as_str())),
        (longer.as_str(), None),
        (local.as_str(), None),
        (far.as_str(), None),
    ];
    for (number, (typed, taken)) in ADDRESSES.into_iter().chain(lengths).enumerate() {
        let terminal = format!("端末{number}");
        let form = [
            ("端末名称等", terminal.as_str()),
            ("メールアドレス", typed),
            ("メールアドレス(確認用)", typed),
        ];
        let page = apply(
            &browser,
            &served.public,
            ("medical", "hokkaido", CODE),
            &form,
        )?;
        judge(&format!("{typed:?} at RCR-3"), &page, taken.is_some())?;
        if let Some(taken) = taken {
            browser.press(&page, "申請", &[])?;
            let mail = server.next_mail()?;
            mail.must_be_one_mail_to(taken)?;
            ensure!(mail.text()?.contains(&terminal), "{mail:?}");
            continue;
        }
        let form = [("メールアドレス", typed), ("メールアドレス(確認用)", typed)];
        let page = browser.press(&stop, "申請(確認画面へ)", &form)?;
        judge(&format!("{typed:?} at RX-2"), &page, false)?;
        if !typed.is_empty() {
            let form = [
                ("端末名称等", terminal.as_str()),
                ("予備のメールアドレス", typed),
            ];
            let page = apply(
                &browser,
                &served.public,
                ("medical", "hokkaido", CODE),
                &form,
            )?;
            judge(&format!("予備 {typed:?} at RCR-3"), &page, false)?;
        }
    }
    no_further_mail(&served)
}

#[test]
fn each_typed_name_is_refused_or_stands_in_exactly_one_well_formed_mail() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    served.configure(MANY_MAILS)?;
    let mut server = MailServer::start(&served, &[])?;
    use_text(&served, "application_received", TEXT)?;
    served.begin()?;
    let listed = import(&served)?;
    let browser = served.browser("apply");
    for (number, (typed, takers)) in NAMES.into_iter().enumerate() {
        let shown = typed.trim();
        let takes = |taker: char| takers.contains(taker);
        let institution = listed.iter().find(|(code, _)| *code == code_of(number));
        let is_taken = institution.is_some_and(|(_, name)| name == shown);
        ensure!(
            is_taken == takes('i'),
            "{typed:?} in the register: {institution:?}"
        );
        let code = code_of(if takes('i') { number } else { NAMES.len() });
        let place = ("other", "hokkaido", code.as_str());
        let refused: Vec<(char, &str)> = [('t', "端末名称等"), ('p', "担当者名")]
            .into_iter()
            .filter(|(taker, _)| !takes(*taker))
            .collect();
        for (_, label) in &refused {
            let page = apply(&browser, &served.public, place, &[(label, typed)])?;
            judge(&format!("{label} {typed:?}"), &page, false)?;
        }
        if takers.is_empty() {
            continue;
        }
        let is_refused = |taker: char| refused.iter().any(|(other, _)| *other == taker);
        let name_of = |taker: char| if is_refused(taker) { NAME } else { typed };
        let form = [("端末名称等", name_of('t')), ("担当者名", name_of('p'))];
        let page = apply(&browser, &served.public, place, &form)?;
        judge(&format!("{typed:?}"), &page, true)?;
        browser.press(&page, "申請", &[])?;
        let mail = server.next_mail()?;
        mail.must_be_one_mail_to(MAIL)?;
        let of = |taker: char| if takes(taker) { shown } else { NAME };
        let (institution, terminal, contact) = (of('i'), of('t'), of('p'));
        let subject = format!("{institution}|{terminal}|{contact}|");
        ensure!(mail.header("Subject") == subject, "{subject:?}: {mail:?}");
        let body = mail.text()?.replace("\r\n", "\n");
        let lines = format!("institution={institution}\nterminal={terminal}\ncontact={contact}\n");
        ensure!(body.starts_with(&lines), "{lines:?}: {mail:?}");
    }
    no_further_mail(&served)
}

#[test]
fn operators_type_addresses_names_and_reasons_under_the_same_rules() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let mut server = MailServer::start(&served, &[])?;
    served.begin()?;
    for (typed, takers) in NAMES {
        if takers.contains('i') || typed.is_empty() {
            continue;
        }
        let arguments = register_arguments(CODE, typed);
        let refused = served.cli(&arguments)?;
        ensure!(!refused.status.success(), "{typed:?}: {}", refused.all());
        ensure!(refused.stderr.contains("name"), "{}", refused.all());
    }
    let name = "A =?utf-8?q?=0D=0ABcc:?= <c@d.example>, 髙橋";
    served.cli(&register_arguments(CODE, name))?.good()?;
    let enter = |terminal: &str, mail: &str| -> Vec<String> {
        let fixed = ["grant", "enter", "--class", "medical", "--code", CODE];
        let fixed = fixed.map(str::to_owned).into_iter();
        let rest = [format!("--terminal={terminal}"), format!("--mail={mail}")];
        fixed.chain(rest).collect()
    };
    for (typed, _) in ADDRESSES.iter().filter(|(_, taken)| taken.is_none()) {
        let mut arguments = enter(NAME, typed);
        arguments.push("--operator=nobody".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = served.cli(&arguments)?;
        ensure!(ran.status.code() == Some(2), "{typed:?}: {}", ran.all());
        ensure!(ran.stderr.contains("--mail"), "{typed:?}: {}", ran.all());
    }
    for (typed, takers) in NAMES {
        if !takers.contains('t') {
            refuse(&mut served, &enter(typed, MAIL), "terminal")?;
        }
    }
    let letter = served.grant(CODE, name)?;
    let mail = server.next_mail()?;
    mail.must_be_one_mail_to(NOTIFIED)?;
    let text = mail.text()?;
    ensure!(text.matches(name).count() == 2, "{letter:?}: {text}");
    Ok(())
}

/// An address with a local part and a domain of these lengths.
fn address_of(local: usize, domain: usize) -> String {
    let labels = ["d"; 60].join("").repeat(domain / 61 + 1);
    let labels: Vec<&str> = labels
        .as_bytes()
        .chunks(60)
        .filter_map(|label| str::from_utf8(label).ok())
        .collect();
    let domain: String = labels.join(".").chars().take(domain).collect();
    format!("{}@{domain}", "l".repeat(local))
}

/// RCR-1 to the page behind RCR-3, with usual answers but for the typed ones.
fn apply(
    browser: &Browser,
    public: &str,
    (class, prefecture, code): (&str, &str, &str),
    typed: &[(&str, &str)],
) -> Result<Page> {
    let page = browser.press(
        &browser.open(&format!("{public}/p/rcr"))?,
        "申請をはじめる",
        &[],
    )?;
    let place = [
        ("区分", class),
        ("都道府県", prefecture),
        ("医療機関コード", code),
    ];
    let page = browser.press(&page, "次へ", &place)?;
    let usual = [
        ("端末名称等", NAME),
        ("担当者名", NAME),
        ("電話番号", "000-000-0000"),
        ("メールアドレス", MAIL),
        ("メールアドレス(確認用)", MAIL),
    ];
    let is_typed = |label: &str| typed.iter().any(|(other, _)| *other == label);
    let usual = usual.into_iter().filter(|(label, _)| !is_typed(label));
    let all: Vec<(&str, &str)> = usual.chain(typed.iter().copied()).collect();
    let mut form = filled(&page, "次へ", &all)?;
    // The first button of the form is the hidden one that Enter presses.
    form.set("act", "next");
    let answer = browser.send(&form)?;
    if answer.status == 303 {
        return browser.open(&page.url);
    }
    Ok(Page {
        url: page.url,
        status: answer.status,
        html: answer.text(),
    })
}

/// The page is that of what was taken, or names what is wrong.
fn judge(what: &str, page: &Page, is_taken: bool) -> Result<()> {
    if is_taken {
        ensure!(
            page.status == 200,
            "{what}: {} {}",
            page.status,
            page.text()
        );
    } else {
        ensure!(
            page.status == 400,
            "{what}: {} {}",
            page.status,
            page.text()
        );
        ensure!(page.html.contains("field-error"), "{what}: {}", page.text());
    }
    Ok(())
}

/// Every mail was looked at, and none waits.
fn no_further_mail(served: &Served) -> Result<()> {
    let waiting = served.json(&["mail", "list", "--json"])?;
    ensure!(waiting.as_array().is_some_and(Vec::is_empty), "{waiting}");
    Ok(())
}

/// Puts a text in the place of ours.
fn use_text(served: &Served, name: &str, text: &str) -> Result<()> {
    let folder = served.folder().join("texts");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.txt")), text)?;
    let settings = fs::read_to_string(served.config())?;
    // [mail] stands last.
    fs::write(served.config(), format!("{settings}texts = \"texts\"\n"))?;
    Ok(())
}

/// The code of the institution that is called by the name of this number.
fn code_of(number: usize) -> String {
    format!("BAD{number:03}")
}

/// The register from a file with all names, the last one harmless: code and name of whoever was taken.
fn import(served: &Served) -> Result<Vec<(String, String)>> {
    let mut lines = vec!["code,name,kana,postal_code,address,class,telephone".to_owned()];
    for (number, name) in NAMES
        .iter()
        .map(|(name, _)| *name)
        .chain([NAME])
        .enumerate()
    {
        let quoted = name.replace('"', "\"\"");
        let code = code_of(number);
        lines.push(format!(
            "{code},\"{quoted}\",,060-0001,北海道見本市1,other,000-000-0000"
        ));
    }
    let file = served.folder().join("register.csv");
    fs::write(&file, lines.join("\r\n"))?;
    let file = file.display().to_string();
    let whole = served.cli(&["institution", "import", &file])?;
    ensure!(!whole.status.success(), "{}", whole.all());
    served
        .cli(&["institution", "import", &file, "--leave-out-bad-lines"])?
        .good()?;
    let all = served.json(&["institution", "list", "--json"])?;
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .map(|one| Ok((text(one, "code")?.to_owned(), text(one, "name")?.to_owned())))
        .collect()
}

fn register_arguments<'a>(code: &'a str, name: &'a str) -> Vec<&'a str> {
    vec![
        "institution",
        "add",
        "--class=medical",
        "--code",
        code,
        "--name",
        name,
        "--postal-code=060-0001",
        "--address=北海道札幌市中央区見本1-1",
        "--telephone=000-000-0000",
        "--json",
    ]
}

/// An operator's act that is refused with a sentence about this.
fn refuse(served: &mut Served, arguments: &[String], about: &str) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = served.try_act("intake", &arguments)?;
    ensure!(
        !ran.status.success() && ran.stderr.contains(about),
        "{arguments:?}: {}",
        ran.all()
    );
    Ok(())
}
