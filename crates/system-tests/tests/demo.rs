//! `tegata demo` keeps what the contract promises to scripts: `demo.json`, samples, the time machine,
//! the sample relying system, and folders that are never mixed up.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::{fs, net};

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::database::{Database, Kind};
use tegata_system_tests::demo::{Demo, Sample, demo_command};
use tegata_system_tests::json::{field, list, text};
use tegata_system_tests::openssl::{self, Holder, openssl};
use tegata_system_tests::page::Page;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{eventually, run};

#[test]
fn demo_json_says_what_the_contract_promises() -> Result<()> {
    let demo = Demo::start(&[])?;
    let base = demo.port_base();
    for (key, address) in [
        ("public", format!("https://localhost:{base}")),
        ("subscriber", format!("https://localhost:{}", base + 1)),
        ("relying", format!("https://localhost:{}", base + 3)),
        ("relying_mtls", format!("https://localhost:{}", base + 7)),
        ("relying_api", format!("https://localhost:{}", base + 6)),
        ("plain", format!("http://localhost:{}", base + 4)),
        ("clock", format!("http://localhost:{}", base + 5)),
    ] {
        ensure!(demo.text(key)? == address, "{key} is {}", demo.told[key]);
        let answer = demo.curl()?.get(&format!("{address}/"))?;
        eprintln!("{key}: {address}/ answers {}", answer.status);
    }
    let names = list(&demo.told, "subscriber_names")?;
    ensure!(names.len() == 9, "{names:?}");
    for name in names {
        let name = name.as_str().context("a name")?;
        let answer = demo.curl()?.get(&format!("{name}/p/ru"))?;
        ensure!(answer.status == 403, "{name}: {}", answer.status);
    }
    let mode = fs::metadata(demo.data().join("demo.json"))?
        .permissions()
        .mode()
        & 0o777;
    ensure!(mode == 0o600, "demo.json has mode {mode:o}");
    ensure!(demo.text("clock_token")?.len() >= 32);
    for role in [
        "intake",
        "examiner",
        "approver",
        "dispatcher",
        "administrator",
    ] {
        let people = demo.people(role)?;
        ensure!(people.len() >= 2, "{role}: {people:?}");
    }
    for state in ["submitted", "examined", "approved"] {
        ensure!(demo.told_samples(state)?.len() == 1, "no sample is {state}");
    }
    for state in [
        "posted",
        "collected",
        "renewable",
        "on_hold",
        "revoked",
        "expired",
    ] {
        let samples = demo.samples(state)?;
        ensure!(!samples.is_empty(), "no sample is {state}");
        for sample in &samples {
            ensure!(
                field(&sample.told, "institution_code").is_string(),
                "{}",
                sample.told
            );
            ensure!(
                field(&sample.told, "terminal").is_string(),
                "{}",
                sample.told
            );
        }
    }
    marked_as_a_demo(&demo)?;
    listens_on_loopback_only(&demo)
}

/// CA names say 見本・使用禁止, certificates have the demo's own policy, TLS is confined to localhost.
fn marked_as_a_demo(demo: &Demo) -> Result<()> {
    for key in ["tls_ca_pem", "ca_pem"] {
        let shown = openssl([
            "x509",
            "-noout",
            "-text",
            "-nameopt",
            "utf8",
            "-in",
            demo.text(key)?,
        ])?;
        let text = shown.good()?.text();
        ensure!(text.contains("見本・使用禁止"), "{key}: {text}");
        if key == "tls_ca_pem" {
            ensure!(text.contains("X509v3 Name Constraints: critical"), "{text}");
            ensure!(text.contains("DNS:localhost"), "{text}");
        }
    }
    let holder = demo.holder(&demo.sample("collected")?)?;
    let leaf = holder.certificate.display().to_string();
    let text = openssl(["x509", "-noout", "-text", "-in", &leaf])?
        .good()?
        .text();
    ensure!(text.contains("Policy: 1.3.6.1.4.1.32473.99.1"), "{text}");
    Ok(())
}

fn listens_on_loopback_only(demo: &Demo) -> Result<()> {
    let other = net::Ipv4Addr::new(127, 0, 0, 9);
    for offset in [0, 1, 3, 4, 5, 7] {
        let port = demo.port_base() + offset;
        let free = net::TcpListener::bind((other, port));
        ensure!(
            free.is_ok(),
            "port {port} is taken on more than 127.0.0.1: {free:?}"
        );
    }
    Ok(())
}

#[test]
fn samples_are_what_they_say_to_us_and_to_the_relying_system() -> Result<()> {
    let demo = Demo::start(&[])?;
    let posted = demo.sample("posted")?;
    let browser = demo.browser("posted")?;
    let fresh = procedure::collect(
        &browser,
        demo.text("public")?,
        &posted.letter,
        demo.folder(),
    )?;
    accepted(&demo, &fresh, &posted)?;
    let mut collected = demo.samples("collected")?.into_iter();
    let in_use = collected.next().context("a collected sample")?;
    accepted(&demo, &demo.holder(&in_use)?, &in_use)?;
    for (state, words) in [("on_hold", "一時停止中"), ("revoked", "失効しています")] {
        let sample = demo.sample(state)?;
        refused(&demo, &demo.holder(&sample)?, words)?;
    }
    let nobody = Page {
        url: String::new(),
        status: 0,
        html: String::new(),
    };
    let answer = demo
        .curl()?
        .get(&format!("{}/", demo.text("relying_mtls")?))?;
    let page = Page {
        status: answer.status,
        html: answer.text(),
        ..nobody
    };
    ensure!(
        page.status == 403 && page.says("電子証明書が選択されていません"),
        "{}",
        page.text()
    );

    eprintln!("the sample in use is stopped by its letter; the next request is refused");
    let holder = demo.holder(&in_use)?;
    procedure::hold(&demo.browser("hold")?, demo.text("public")?, &in_use.letter)?;
    refused(&demo, &holder, "一時停止中")?;
    lifted(&demo, &holder, &in_use)
}

/// Two operators lift the hold; both sites let the certificate in again.
fn lifted(demo: &Demo, holder: &Holder, sample: &Sample) -> Result<()> {
    let listed = demo
        .cli(&["grant", "show", &sample.letter.request_id, "--json"])?
        .good()?;
    let story: serde_json::Value = serde_json::from_slice(&listed.stdout)?;
    let number = text(&story, "revocation")?;
    let lift = [
        "revocation",
        "lift",
        number,
        "--note",
        "called back",
        "--json",
    ];
    for role in ["examiner", "approver"] {
        let mut people = demo.people(role)?;
        demo.act(people.first_mut().context("somebody")?, &lift)?
            .good()?;
    }
    eventually("the relying system lets it in again", || {
        Ok((enter(demo, holder, "1.3")?.status == 200).then_some(()))
    })?;
    accepted(demo, holder, sample)
}

fn enter(demo: &Demo, holder: &Holder, version: &str) -> Result<Page> {
    let url = format!("{}/", demo.text("relying_mtls")?);
    let answer = demo
        .curl()?
        .presenting(&holder.pem)
        .tls(version)
        .get(&url)?;
    Ok(Page {
        url,
        status: answer.status,
        html: answer.text(),
    })
}

fn own_page(demo: &Demo, holder: &Holder, version: &str) -> Result<Page> {
    let url = format!("{}/p/ru", demo.text("subscriber")?);
    let answer = demo
        .curl()?
        .presenting(&holder.pem)
        .tls(version)
        .get(&url)?;
    Ok(Page {
        url,
        status: answer.status,
        html: answer.text(),
    })
}

fn accepted(demo: &Demo, holder: &Holder, sample: &Sample) -> Result<()> {
    let code = text(&sample.told, "institution_code")?;
    let terminal = text(&sample.told, "terminal")?;
    for version in ["1.2", "1.3"] {
        let page = enter(demo, holder, version)?;
        ensure!(
            page.status == 200,
            "TLS {version}: {} {}",
            page.status,
            page.text()
        );
        ensure!(
            page.says("ログインしました") && page.says(code),
            "{}",
            page.text()
        );
        let page = own_page(demo, holder, version)?;
        ensure!(
            page.status == 200 && page.says(terminal),
            "{} {}",
            page.status,
            page.text()
        );
    }
    eprintln!("{code} {terminal}: accepted on both sites in TLS 1.2 and 1.3");
    Ok(())
}

fn refused(demo: &Demo, holder: &Holder, words: &str) -> Result<()> {
    for version in ["1.2", "1.3"] {
        for page in [
            enter(demo, holder, version)?,
            own_page(demo, holder, version)?,
        ] {
            let (status, url) = (page.status, &page.url);
            ensure!(
                status == 403 && page.says(words),
                "{url}: {status} {}",
                page.text()
            );
        }
    }
    eprintln!("refused on both sites in TLS 1.2 and 1.3: {words}");
    Ok(())
}

#[test]
fn the_clock_moves_forward_with_its_token_only() -> Result<()> {
    let mut demo = Demo::start(&["--clock", "2028-02-28T09:00:00+09:00"])?;
    let token = demo.text("clock_token")?.to_owned();
    for wrong in [None, Some("guess"), Some("")] {
        let answer = demo.move_clock(1, wrong)?;
        ensure!(
            answer.status == 401,
            "{wrong:?}: {} {}",
            answer.status,
            answer.text()
        );
    }
    let before = this_update(&demo)?;
    ensure!(
        before.contains("Feb 28") && before.contains("2028"),
        "{before}"
    );
    for wrong in [-1, 1_000_000] {
        let answer = demo.move_clock(wrong, Some(&token))?;
        ensure!(
            answer.status == 400,
            "{wrong} days: {} {}",
            answer.status,
            answer.text()
        );
    }
    let answer = demo.move_clock(2, Some(&token))?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    let after = this_update(&demo)?;
    eprintln!("all.crl: {before}, two days later {after}");
    ensure!(
        after.contains("Mar  1") && after.contains("2028"),
        "{after}"
    );
    demo.restart()?;
    let restarted = this_update(&demo)?;
    ensure!(restarted.contains("Mar  1"), "{restarted}");
    ensure!(demo.text("clock_token")? == token, "the token changed");
    Ok(())
}

#[test]
fn the_window_ends_after_the_180th_day() -> Result<()> {
    let demo = Demo::start(&["--clock", "2027-01-10T10:00:00+09:00"])?;
    let token = demo.text("clock_token")?.to_owned();
    let site = format!("{}/p/rcd", demo.text("public")?);
    let samples = demo.samples("posted")?;
    let [late, never, ..] = samples.as_slice() else {
        anyhow::bail!("two letters");
    };
    let moved = demo.move_clock(180, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    let (browser, folder) = (demo.browser("late")?, demo.folder());
    procedure::collect(&browser, demo.text("public")?, &late.letter, folder)?;
    let page = procedure::type_ids(&browser, &site, &late.letter)?;
    ensure!(page.says("2027年7月9日(金)まで"), "{}", page.text());

    let moved = demo.move_clock(1, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    let gone = procedure::type_ids(&browser, &site, &late.letter)?;
    ensure!(gone.status == 410, "{} {}", gone.status, gone.text());
    ensure!(gone.says("バックアップしたファイル"), "{}", gone.text());
    let missed = procedure::type_ids(&browser, &site, &never.letter)?;
    ensure!(missed.status == 410, "{} {}", missed.status, missed.text());
    ensure!(
        missed.says("期間の延長についてご案内します"),
        "{}",
        missed.text()
    );
    let open = browser.open(&page.url)?;
    ensure!(
        open.status == 410,
        "the open procedure: {} {}",
        open.status,
        open.text()
    );
    let file = Database::Sqlite(demo.data().join("data/tegata.db"));
    let kept = file.number("select count(*) from sealed_key where sealed is not null")?;
    ensure!(kept == 0, "{kept} keys are kept after the window");
    eprintln!("collected on day 180, refused on day 181, every kept key destroyed");
    Ok(())
}

/// When the complete list was made, as `openssl crl` words it.
fn this_update(demo: &Demo) -> Result<String> {
    let keys = demo.cli(&["ca", "list", "--json"])?.good()?;
    let keys: serde_json::Value = serde_json::from_slice(&keys.stdout)?;
    let mut keys = keys.as_array().context("a list")?.iter();
    let key = keys
        .find(|key| field(key, "purpose") == "subscriber")
        .context("a CA key")?;
    let id = text(key, "id")?;
    let answer = demo
        .curl()?
        .get(&format!("{}/crl/{id}/all.crl", demo.text("plain")?))?;
    ensure!(answer.status == 200, "{}", answer.status);
    let text = openssl::crl_text(&demo.subscriber_ca()?, &answer.body)?;
    let mut lines = text.lines().map(str::trim);
    let line = lines.find_map(|line| line.strip_prefix("Last Update: "));
    Ok(line.context("a list has its date")?.to_owned())
}

#[test]
fn a_folder_is_used_again_and_never_mixed_up() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let (data, base) = (demo.data(), demo.port_base());
    let fails = |command: &mut std::process::Command, words: &str| -> Result<()> {
        let ran = run(command)?;
        eprintln!("{}", ran.stderr.trim());
        ensure!(
            ran.status.code() == Some(1),
            "{}: {}",
            ran.status,
            ran.all()
        );
        ensure!(ran.stderr.contains(words), "{}", ran.stderr);
        Ok(())
    };
    fails(&mut demo_command(&data, base, &[])?, "listen on 127.0.0.1")?;
    fails(&mut demo_command(&data, base + 20, &[])?, "--port-base")?;
    ensure!(
        data.join("demo.json").is_file(),
        "demo.json of the running demo is gone"
    );
    let samples = field(&demo.told, "samples").clone();
    let page = own_page(&demo, &demo.holder(&demo.sample("collected")?)?, "1.3")?;
    ensure!(page.status == 200);
    demo.restart()?;
    ensure!(
        *field(&demo.told, "samples") == samples,
        "the samples changed"
    );
    let sample = demo.sample("collected")?;
    accepted(&demo, &demo.holder(&sample)?, &sample)?;

    demo.server().stop()?;
    let served = demo.cli(&["serve"])?;
    eprintln!("serve: {}", served.stderr.trim());
    ensure!(
        served.status.code() == Some(1) && served.stderr.contains("demo"),
        "{}",
        served.all()
    );

    let real = Served::init(Kind::Sqlite)?;
    fails(
        &mut demo_command(real.folder(), base, &[])?,
        "no demo's folder",
    )?;
    let full = demo.folder().join("full");
    fs::create_dir(&full)?;
    fs::write(full.join("letter.txt"), "mine")?;
    fails(&mut demo_command(&full, base, &[])?, "no demo's folder")?;
    ensure!(left_alone(&full)?, "the folder was changed");
    let scale = run(&mut demo_command(
        &demo.folder().join("x"),
        base,
        &["--scale", "5"],
    )?)?;
    ensure!(scale.status.code() == Some(2), "{}", scale.all());
    Ok(())
}

fn left_alone(folder: &Path) -> Result<bool> {
    Ok(fs::read_dir(folder)?.count() == 1)
}

#[test]
fn a_posted_letter_is_collected_with_the_password_of_the_manual() -> Result<()> {
    let demo = Demo::start(&[])?;
    let mut samples = demo.samples("posted")?.into_iter();
    let sample = samples.next_back().context("a posted sample")?;
    let browser = demo.browser("collect")?;
    let site = format!("{}/p/rcd", demo.text("public")?);
    let page = procedure::type_ids(&browser, &site, &sample.letter)?;
    for (password, again, words) in [
        ("xyz", "xyz", "半角4文字以上"),
        ("xyzw", "xyzv", "一致しません"),
        ("ｘｙｚｗ", "ｘｙｚｗ", "全角文字"),
        (&*"x".repeat(32), &*"x".repeat(32), "半角31文字以内"),
    ] {
        let typed = [
            ("証明書パスワード", password),
            ("証明書パスワード(確認用)", again),
        ];
        let page = browser.press(&page, "送信(Submit)", &typed)?;
        ensure!(
            page.status == 400 && page.says(words),
            "{}: {}",
            page.status,
            page.text()
        );
        ensure!(!page.html.contains(password), "the password is shown again");
    }
    let page = procedure::set_password(&browser, &page, PASSWORD)?;
    let file = procedure::download(&browser, &page)?;
    openssl::open_p12(&file, PASSWORD, demo.folder(), "manual")?;
    Ok(())
}
