//! Programs of four makers open every `.p12` that the collection gives, in both forms (K5, R-021): OpenSSL, NSS, Java,
//! and the import of Windows as wine has it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_domain::entropy::{Entropy as _, SeededEntropy};
use tegata_soak::Soak;
use tegata_system_tests::browser::Browser;
use tegata_system_tests::database::Kind;
use tegata_system_tests::procedure;
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::{command, oracle, run};
use tegata_system_tests::wine::Wine;

/// What browsers say of a Windows, and the encryption that this Windows reads, as OpenSSL calls it.
const FORMS: [(&str, &str); 2] = [
    (
        "Mozilla/5.0 (Windows NT 6.3; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "pbeWithSHA1And3-KeyTripleDES-CBC",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
        "PBES2, PBKDF2, AES-256-CBC",
    ),
];

/// The shortest that is allowed, the longest, and one of signs that shells and forms have a meaning for.
const PASSWORDS: [&str; 3] = [
    "2468",
    "Aa0 !\"#$%&'()*+,-./:;<=>?@[\\]^_",
    "a`{|}~ %41+&amp;=b\\0",
];

#[test]
fn four_programs_open_both_forms_with_any_password() -> Result<()> {
    let soak = Soak::named("keyfiles");
    let mut passwords: Vec<String> = PASSWORDS.iter().map(|&text| text.to_owned()).collect();
    let mut chance = SeededEntropy::new(20);
    passwords.extend((0..soak.size(2, 200)).map(|_| password(&mut chance)));

    let mut served = Served::start(Kind::Sqlite)?;
    served.add_institution("0110119153", "見本医院")?;
    let letter = served.grant("0110119153", "受付1号機")?;
    let windows = Windows::start(served.folder())?;
    let mut read = 0;
    for (number, password) in passwords.iter().enumerate() {
        for (form, (system, encryption)) in FORMS.iter().enumerate() {
            let file = served.folder().join(format!("{number}-{form}.p12"));
            fs::write(&file, collect(&served, &letter, system, password)?)?;
            let doing = || format!("password {password:?}, {encryption}");
            openssl_opens(&file, password, encryption).with_context(doing)?;
            nss_opens(&file, password).with_context(doing)?;
            java_opens(&file, password).with_context(doing)?;
            windows.opens(&file, password).with_context(doing)?;
            read += 4;
        }
    }
    soak.report(read, "readings of .p12 files by four programs", 0);
    Ok(())
}

/// 4 to 31 printable ASCII signs, as the rule allows them, without blanks at the ends.
fn password(chance: &mut SeededEntropy) -> String {
    let mut octets = [0; 32];
    chance.fill(&mut octets);
    let length = 4 + usize::from(octets[31]) % 28;
    let signs = octets.iter().take(length);
    signs.map(|octet| char::from(b'!' + octet % 94)).collect()
}

fn collect(served: &Served, letter: &Letter, system: &str, password: &str) -> Result<Vec<u8>> {
    let jar = served.folder().join("key_files.cookies");
    let browser = Browser::by(served.curl().jar(&jar).with("--user-agent", system));
    let page = procedure::type_ids(&browser, &format!("{}/p/rcd", served.public), letter)?;
    let page = procedure::set_password(&browser, &page, password)?;
    procedure::download(&browser, &page)
}

fn openssl_opens(file: &Path, password: &str, encryption: &str) -> Result<()> {
    let pass = format!("pass:{password}");
    let mut command = command(
        "openssl",
        ["pkcs12", "-info", "-noenc", "-legacy", "-passin", &pass],
    );
    let ran = run(command.arg("-in").arg(file))?.good()?;
    let told = ran.all();
    ensure!(told.contains(encryption), "another form: {told}");
    ensure!(told.contains("BEGIN PRIVATE KEY"), "no key: {told}");
    Ok(())
}

fn nss_opens(file: &Path, password: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = format!("sql:{}", folder.path().display());
    let secret = folder.path().join("password");
    fs::write(&secret, password)?;
    let new = ["-N", "--empty-password", "-d", &database];
    run(&mut command("certutil", new))?.good()?;
    let mut import = command("pk12util", ["-d", &database, "-K", "", "-w"]);
    run(import.arg(&secret).arg("-i").arg(file))?.good()?;
    let keys = run(&mut command("certutil", ["-K", "-d", &database]))?.good()?;
    ensure!(keys.text().contains("rsa"), "no key: {}", keys.text());
    Ok(())
}

fn java_opens(file: &Path, password: &str) -> Result<()> {
    let mut list = command(
        "keytool",
        ["-list", "-storetype", "PKCS12", "-J-Duser.language=en"],
    );
    list.args(["-storepass", password, "-keystore"]).arg(file);
    let told = run(&mut list)?.good()?.text();
    ensure!(told.contains("PrivateKeyEntry"), "no key: {told}");
    Ok(())
}

/// A Windows with a small program that imports.
struct Windows {
    wine: Wine,
    program: PathBuf,
}

impl Windows {
    fn start(folder: &Path) -> Result<Self> {
        let program = folder.join("import_p12.exe");
        let mut compiler = command("x86_64-w64-mingw32-gcc", ["-Os", "-s", "-o"]);
        compiler
            .arg(&program)
            .arg(oracle("import_p12.c"))
            .arg("-lcrypt32");
        run(&mut compiler)?.good()?;
        let wine = Wine::start()?;
        Ok(Self { wine, program })
    }

    fn opens(&self, file: &Path, password: &str) -> Result<()> {
        let (program, path) = (
            self.program.display().to_string(),
            self.wine.windows_path(file),
        );
        let told = self.wine.run(&[&program, &path, password])?.good()?.text();
        let told = told.replace('\r', "");
        ensure!(told.contains("keys 1\n"), "{told}");
        Ok(())
    }
}
