//! The examples of `docs/relying`, as they stand there but for names and ports: nginx, Apache httpd and HAProxy take a
//! terminal's certificate and show what the relying API says about it (F7).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::{Answer, Curl};
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl::{Holder, fingerprint, self_signed};
use tegata_system_tests::ports;
use tegata_system_tests::process::Process;
use tegata_system_tests::relying::{CLAIMS, client_cert, system};
use tegata_system_tests::tools::{command, eventually, root};

/// Where the examples look for certificates and keys.
const FOLDER: &str = "/etc/relying";

/// A proxy of another maker.
#[derive(Clone, Copy, Debug)]
enum Proxy {
    Apache,
    Haproxy,
    Nginx,
}

impl Proxy {
    const ALL: [Self; 3] = [Self::Apache, Self::Haproxy, Self::Nginx];

    /// The name of its example.
    const fn example(self) -> &'static str {
        match self {
            Self::Apache => "apache.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Nginx => "nginx.conf",
        }
    }
}

/// A running proxy in front of nothing but its example.
struct Front {
    address: String,
    curl: Curl,
    process: Process,
}

/// A killed Apache leaves its workers, which go on answering.
impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.stop();
    }
}

impl Front {
    fn start(proxy: Proxy, demo: &Demo) -> Result<Self> {
        let folder = demo.folder().join(proxy.example().replace('.', "-"));
        fs::create_dir_all(&folder)?;
        let server = keep_files(demo, &folder)?;
        let port = ports::row(1)?;
        let example = substituted(proxy, demo, &folder, port)?;
        let mut process = begin(proxy, &folder, &example)?;
        let address = format!("https://localhost:{port}/certificate-notice");
        let curl = Curl::trusting(&server).header("Host: claims.example.jp");
        let up = eventually("the proxy listens", || {
            ensure!(process.is_running()?, "{proxy:?}: {}", process.said());
            Ok(curl.get(&address).ok())
        });
        up.with_context(|| process.said())?;
        Ok(Self {
            address,
            curl,
            process,
        })
    }

    /// What the proxy answers to the holder of this certificate and key; nothing where it ends the handshake.
    fn asked_by(&self, pem: &Path) -> Option<Answer> {
        self.curl.clone().presenting(pem).get(&self.address).ok()
    }

    fn notice(&self, curl: Curl, holder: &Holder) -> Result<Value> {
        let answer = curl.presenting(&holder.pem).get(&self.address)?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        ensure!(answer.header("content-type") == Some("application/json"));
        serde_json::from_slice(&answer.body).with_context(|| answer.text())
    }
}

#[test]
fn each_example_shows_a_terminal_the_message_about_its_own_certificate() -> Result<()> {
    let demo = Demo::start(&[])?;
    let holder_of = |state: &str| demo.holder(&demo.sample(state)?);
    let (renewable, other) = (holder_of("renewable")?, holder_of("collected")?);
    let (held, expired) = (holder_of("on_hold")?, holder_of("expired")?);
    let stranger = stranger(demo.folder())?;
    for proxy in Proxy::ALL {
        let front = Front::start(proxy, &demo).with_context(|| format!("{proxy:?}"))?;
        let nobody = front.curl.get(&front.address)?;
        ensure!(nobody.status == 403, "{proxy:?}: {}", nobody.status);
        for (who, holder) in [("a stranger", &stranger), ("an expired one", &expired.pem)] {
            let answer = front.asked_by(holder);
            let status = answer.as_ref().map(|answer| answer.status);
            eprintln!("{proxy:?}, {who}: {status:?}");
            ensure!(
                status.is_none_or(|status| status == 400 || status == 403),
                "{proxy:?}, {who}"
            );
        }
        // Whatever a browser says about itself is not believed.
        let lie = front.curl.clone().header(&client_cert(&other));
        for (how, curl) in [
            ("TLS 1.3", front.curl.clone().tls("1.3")),
            ("TLS 1.2", front.curl.clone().tls("1.2")),
            ("a lie", lie),
        ] {
            let notice = front
                .notice(curl, &renewable)
                .with_context(|| format!("{proxy:?} {how}"))?;
            eprintln!("{proxy:?}, {how}: {notice}");
            ensure!(field(&notice, "certificate") == fingerprint(&renewable.pem)?.as_str());
            ensure!(field(&notice, "status") == "good" && field(&notice, "renewal") == "open");
            let left = field(&notice, "days_left");
            ensure!(*left == 45 && field(&notice, "level") == left, "{notice}");
            let message = field(&notice, "message");
            let heading = "電子証明書の有効期限まで、あと45日です";
            ensure!(field(message, "heading") == heading, "{notice}");
            let renew = format!("{}/p/ru", demo.text("subscriber")?);
            ensure!(field(message, "link") == renew.as_str(), "{notice}");
        }
        let notice = front.notice(front.curl.clone(), &held)?;
        ensure!(field(&notice, "status") == "on_hold", "{proxy:?}: {notice}");
        let heading = text(field(&notice, "message"), "heading")?;
        ensure!(heading.contains("一時停止中です"), "{proxy:?}: {notice}");
    }
    Ok(())
}

/// The files that the examples name, and the proxy's own certificate, which clients trust.
fn keep_files(demo: &Demo, folder: &Path) -> Result<PathBuf> {
    let claims = text(system(demo, CLAIMS)?, "client_pem")?;
    fs::copy(claims, folder.join("claims.pem"))?;
    fs::copy(demo.text("tls_ca_pem")?, folder.join("tls-ca.pem"))?;
    fs::copy(demo.subscriber_ca()?, folder.join("ca.pem"))?;
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    self_signed("localhost", &certificate, &key)?;
    // HAProxy reads both from one file; the others take the certificate from it.
    let both = fs::read_to_string(&certificate)? + &fs::read_to_string(&key)?;
    fs::write(folder.join("server.pem"), both)?;
    Ok(certificate)
}

/// The example with our names, ports and folder, on loopback.
fn substituted(proxy: Proxy, demo: &Demo, folder: &Path, port: u16) -> Result<PathBuf> {
    let example = root().join("docs/relying").join(proxy.example());
    let mut content = fs::read_to_string(&example)?;
    let api = demo.text("relying_api")?;
    let (_, api) = api.rsplit_once(':').context("a port")?;
    let here = folder.display().to_string();
    let listen = match proxy {
        Proxy::Apache => vec![
            ("Listen 443", format!("Listen 127.0.0.1:{port}")),
            ("*:443", format!("*:{port}")),
        ],
        Proxy::Haproxy => vec![("bind :443", format!("bind 127.0.0.1:{port}"))],
        Proxy::Nginx => vec![("listen 443", format!("listen 127.0.0.1:{port}"))],
    };
    let ours = [
        (FOLDER, here),
        ("ca.example.jp:8446", format!("localhost:{api}")),
    ];
    for (theirs, ours) in listen.into_iter().chain(ours) {
        ensure!(
            content.contains(theirs),
            "{} has no {theirs}",
            example.display()
        );
        content = content.replace(theirs, &ours);
    }
    // The name alone, where the server has to be told it.
    let content = content.replace("ca.example.jp", "localhost");
    let file = folder.join(proxy.example());
    fs::write(&file, content)?;
    Ok(file)
}

/// Starts the proxy in the foreground, with no more around the example than it needs to run by itself.
fn begin(proxy: Proxy, folder: &Path, example: &Path) -> Result<Process> {
    let (here, shown) = (folder.display(), example.display());
    let file = |content: String| -> Result<String> {
        let file = folder.join("around.conf");
        fs::write(&file, content)?;
        Ok(file.display().to_string())
    };
    let mut start = match proxy {
        Proxy::Apache => {
            let modules = [
                "mpm_event",
                "authz_core",
                "headers",
                "proxy",
                "proxy_http",
                "rewrite",
                "ssl",
            ];
            let modules = modules.map(|name| {
                format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")
            });
            let around = file(format!(
                "ServerRoot {here}\nServerName localhost\nDefaultRuntimeDir {here}\nPidFile {here}/pid\n\
                 ErrorLog {here}/error.log\n{}User www-data\nGroup www-data\nInclude {shown}\n",
                modules.concat()
            ))?;
            command("apache2", ["-f", &around, "-D", "FOREGROUND"])
        }
        Proxy::Haproxy => command("haproxy", ["-db", "-f", &example.display().to_string()]),
        Proxy::Nginx => {
            let around = file(format!(
                "daemon off;\nuser root;\npid {here}/pid;\nworker_processes 1;\nevents {{}}\nhttp {{\n\
                 access_log off;\nclient_body_temp_path {here}/body;\nproxy_temp_path {here}/proxy;\n\
                 fastcgi_temp_path {here}/fastcgi;\nuwsgi_temp_path {here}/uwsgi;\nscgi_temp_path {here}/scgi;\n\
                 include {shown};\n}}\n"
            ))?;
            command("nginx", ["-e", "stderr", "-c", &around])
        }
    };
    Process::start(&mut start)
}

/// Somebody with a certificate of no authority.
fn stranger(folder: &Path) -> Result<PathBuf> {
    let (certificate, key) = (folder.join("stranger.crt"), folder.join("stranger.key"));
    self_signed("stranger", &certificate, &key)?;
    let pem = folder.join("stranger.pem");
    fs::write(
        &pem,
        fs::read_to_string(&certificate)? + &fs::read_to_string(&key)?,
    )?;
    Ok(pem)
}
