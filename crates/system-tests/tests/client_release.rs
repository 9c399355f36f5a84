//! A release of the client from the operator's side to the terminal's (W6, F10, screens.md C.7): settings, packages,
//! two signatures of three, the page, and what a terminal believes.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tegata_client::settings::Pack;
use tegata_client::update::{ReleaseKeys, UpdateError, verify, verify_file};
use tegata_domain::time::Timestamp;
use tegata_protocol::release::{Architecture, Scope};
use tegata_system_tests::chromium::Chromium;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::stand_in::{CodeSigner, Processor, client, compile};
use tegata_system_tests::steps::{goto, look_as};
use tegata_system_tests::tools::{eventually, named};

const WINDOWS_64: &str = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
const WINDOWS_32: &str = "User-Agent: Mozilla/5.0 (Windows NT 10.0)";
const DAY: u64 = 86_400;

fn path(path: &Path) -> Result<String> {
    Ok(path.to_str().context("a path in UTF-8")?.to_owned())
}

/// Three holders: files of their keys and their public keys.
fn holders(folder: &Path) -> Result<[(String, String); 3]> {
    let passphrase = folder.join("passphrase");
    fs::write(&passphrase, "correct horse battery staple")?;
    let holder = |name: &str| -> Result<(String, String)> {
        let file = path(&folder.join(name))?;
        let arguments = [
            "keygen",
            "--out",
            &file,
            "--passphrase-file",
            &path(&passphrase)?,
        ];
        let public = client(&arguments)?.good()?.text().trim().to_owned();
        Ok((file, public))
    };
    Ok([holder("a.key")?, holder("b.key")?, holder("c.key")?])
}

fn now() -> Result<u64> {
    let now = std::process::Command::new("date").arg("+%s").output()?;
    Ok(String::from_utf8(now.stdout)?.trim().parse()?)
}

#[test]
fn a_release_reaches_terminals_with_two_signatures_of_three() -> Result<()> {
    let demo = Demo::start(&[])?;
    let here = demo.folder().to_owned();
    let (public, subscriber) = (
        demo.text("public")?.to_owned(),
        demo.text("subscriber")?.to_owned(),
    );
    let curl = demo.curl()?;
    let none = curl.get(&format!("{public}/p/c"))?;
    ensure!(none.text().contains("まだ公開されていません"));
    ensure!(curl.get(&format!("{public}/p/c/manifest.json"))?.status == 404);

    // Settings of this installation; the client reads them as its own.
    let holders = holders(&here)?;
    let [a, b, c] = &holders;
    let settings = path(&here.join("client.toml"))?;
    let keys = [
        "--update-key",
        &a.1,
        "--update-key",
        &b.1,
        "--update-key",
        &c.1,
    ];
    let arguments = [&["client", "settings", "--out", &settings], &keys[..]].concat();
    demo.cli(&arguments)?.good()?;
    let pack: Pack = toml::from_str(&fs::read_to_string(&settings)?)?;
    let root = fs::read_to_string(demo.text("tls_ca_pem")?)?;
    ensure!(
        pack.root.trim() == root.trim() && subscriber.ends_with(&pack.server),
        "{pack:?}"
    );

    // Packages of both processors, signed by the operator's tool.
    let signer = CodeSigner::new(&here)?;
    let (x64, x86) = (
        compile(&here, Processor::X64, "1.2.3")?,
        compile(&here, Processor::X86, "1.2.3")?,
    );
    let out = here.join("release");
    let (x64, x86, out_text, tool) = (path(&x64)?, path(&x86)?, path(&out)?, path(&signer.tool)?);
    let arguments = [
        "pack",
        "--program",
        &x64,
        "--program",
        &x86,
        "--settings",
        &settings,
        "--out",
        &out_text,
        "--sign-with",
        &tool,
    ];
    client(&arguments)?.good()?;
    for name in ["x64", "x64-machine", "x86", "x86-machine"] {
        signer.verify(&out.join(format!("TegataMPKIClient-1.2.3-{name}.msi")))?;
    }

    // One signature publishes nothing; two do.
    fs::write(
        here.join("changes.txt"),
        "通知の文章を改めました。\n不具合を直しました。\n",
    )?;
    let changes = path(&here.join("changes.txt"))?;
    client(&[
        "manifest",
        "draft",
        "--folder",
        &out_text,
        "--changes",
        &changes,
    ])?
    .good()?;
    let manifest = path(&out.join("manifest.json"))?;
    let passphrase = path(&here.join("passphrase"))?;
    let sign = |key: &str| {
        client(&[
            "manifest",
            "sign",
            "--manifest",
            &manifest,
            "--key",
            key,
            "--passphrase-file",
            &passphrase,
        ])
    };
    let check = || {
        client(&[
            "manifest",
            "check",
            "--manifest",
            &manifest,
            "--key",
            &a.1,
            "--key",
            &b.1,
            "--key",
            &c.1,
        ])
    };
    sign(&a.0)?.good()?;
    let once = check()?;
    ensure!(
        !once.status.success() && once.stderr.contains("1 of these keys"),
        "{}",
        once.all()
    );
    let keys = ReleaseKeys::from_hex(&pack.update.clone().context("[update]")?.keys)?;
    let at = Timestamp::from_unix(i64::try_from(now()?)?);
    let known = "1.0.0".parse()?;
    let announced = fs::read(&manifest)?;
    ensure!(verify(&announced, &keys, at, known) == Err(UpdateError::Signatures { valid: 1 }));
    sign(&c.0)?.good()?;
    check()?.good()?;

    // Copied to where the server looks; the packages first.
    let published = demo.data().join("client");
    fs::create_dir_all(&published)?;
    for entry in fs::read_dir(&out)?.flatten() {
        if entry.path() != out.join("manifest.json") {
            fs::copy(entry.path(), published.join(entry.file_name()))?;
        }
    }
    fs::copy(&manifest, published.join("manifest.json"))?;
    let page = eventually("the release on its page", || {
        let page = curl
            .clone()
            .header(WINDOWS_64)
            .get(&format!("{public}/p/c"))?;
        Ok(page.text().contains("1.2.3").then_some(page))
    })?;
    let page = page.text();
    ensure!(
        page.contains("この端末には、<strong>64bit版</strong>"),
        "{page}"
    );
    ensure!(page.contains(CodeSigner::NAME) && page.contains("通知の文章を改めました。"));
    let page = curl
        .clone()
        .header(WINDOWS_32)
        .get(&format!("{public}/p/c"))?
        .text();
    ensure!(
        page.contains("この端末には、<strong>32bit版</strong>"),
        "{page}"
    );
    for old in ["/p/c/", "/p/s"] {
        ensure!(curl.get(&format!("{public}{old}"))?.header("location") == Some("/p/c"));
    }

    // What a terminal fetches, at the subscribers' name, is what the holders signed.
    let fetched = curl.get(&format!("{subscriber}/p/c/manifest.json"))?;
    let release = verify(&fetched.body, &keys, at, known)?;
    let file = release
        .file(Architecture::X64, Scope::User)
        .context("a package")?;
    let answer = curl.get(&format!("{subscriber}/p/c/file/{}", file.name))?;
    verify_file(file, &answer.body)?;
    ensure!(
        answer.header("content-disposition")
            == Some(format!("attachment; filename=\"{}\"", file.name).as_str())
    );
    ensure!(answer.header("x-content-type-options") == Some("nosniff"));
    ensure!(answer.header("content-type") == Some("application/x-msi"));
    let later = Timestamp::from_unix(i64::try_from(now()? + 31 * DAY)?);
    ensure!(verify(&fetched.body, &keys, later, known) == Err(UpdateError::Expired));
    ensure!(matches!(
        verify(&fetched.body, &keys, at, "1.2.4".parse()?),
        Err(UpdateError::LowerVersion { .. })
    ));
    ensure!(
        curl.get(&format!("{public}/p/c/file/..%2f..%2fkek"))?
            .status
            == 404
    );

    // A package that was exchanged is not published, and the check says so.
    fs::write(out.join(&file.name), b"another")?;
    let changed = check()?;
    ensure!(
        !changed.status.success() && changed.stderr.contains("not the file"),
        "{}",
        changed.all()
    );

    // As a person sees it.
    named("TEGATA_CHROMIUM")?;
    let browser = Chromium::new(
        &here.join("browser"),
        Path::new(demo.text("tls_ca_pem")?),
        None,
    )?;
    let mut steps = vec![goto(&format!("{public}/p/c"))];
    steps.extend(look_as("CL-1", "client-release")?);
    browser.drive(&steps)?;
    Ok(())
}
