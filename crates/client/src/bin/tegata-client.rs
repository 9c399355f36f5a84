//! The client's command line for Linux and macOS terminals.

#[cfg(unix)]
mod command {
    use std::fs::File;
    use std::io::{self, Read as _, Write as _};
    use std::path::{Path, PathBuf};
    use std::process::ExitCode;
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::{Context as _, Result, bail};
    use clap::{Args, Parser, Subcommand, ValueEnum};
    use tegata_client::api::StopKind;
    use tegata_client::controller::{Controller, Event, StopChoice, Wake};
    use tegata_client::failpoint::Failpoint;
    use tegata_client::net::{ProxyVariables, Routes, Transport};
    use tegata_client::ports::{
        CertificateStore as _, Clock, EnrolmentForm, Entropy, Files as _, Ports, Secrets as _,
    };
    use tegata_client::settings::{
        PROXY_PASSWORD, PROXY_PASSWORD_PURPOSE, ProxyMode, ProxySettings, Settings, Unattended,
    };
    use tegata_client::system::{SystemClock, SystemEntropy};
    use tegata_client::unix::{Answers, Console, FileSecrets, FolderStore, PemFolder, UnixFiles};
    use tegata_domain::id::Fingerprint;
    use tegata_domain::secret::Secret;
    use tegata_pki::certificate::Certificate;
    use tegata_pki::pkcs12;
    use tegata_protocol::{Reason, SuccessorChoice};

    /// Manage this terminal's client certificate.
    #[derive(Parser)]
    #[command(version, about)]
    struct Line {
        /// What the operator packed: server, root, rules
        #[arg(long, default_value = "/etc/tegata-client/client.toml")]
        pack: PathBuf,
        /// Folder for keys, certificates and memory [default: $XDG_STATE_HOME/tegata-client]
        #[arg(long)]
        state: Option<PathBuf>,
        /// Keep certificate and key as PEM files too, in this folder; `current` in it names the newest
        #[arg(long, value_name = "DIR")]
        pem: Option<PathBuf>,
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Subcommand)]
    enum Command {
        /// Get a first certificate by the IDs of a letter
        Enroll {
            /// Request ID of the letter
            #[arg(long)]
            request_id: String,
            /// File with the reference ID; `-` for standard input
            #[arg(long)]
            reference_id_file: PathBuf,
            /// Connection code of the letter, where the pack has no root
            #[arg(long, default_value = "")]
            connection_code: String,
            /// The number that was mailed, where one is asked for
            #[arg(long)]
            code: Option<String>,
            #[command(flatten)]
            backup: BackupOptions,
        },
        /// Prove the server by the connection code of the letter
        Prove {
            /// The code
            #[arg(long)]
            code: Option<String>,
        },
        /// Take a certificate and its key from a .p12 file: a backup, or one that a browser collected
        Import {
            /// The file
            file: PathBuf,
            /// File with its password; `-` for standard input
            #[arg(long)]
            password_file: PathBuf,
        },
        /// Keep the proxy, and the user and password for it
        Proxy {
            /// `host:port`
            #[arg(long)]
            address: String,
            /// User for Basic and NTLM
            #[arg(long, default_value = "", requires = "password_file")]
            user: String,
            /// Windows domain for NTLM
            #[arg(long, default_value = "")]
            domain: String,
            /// File with the password; `-` for standard input
            #[arg(long)]
            password_file: Option<PathBuf>,
        },
        /// List the certificates of the operator
        List {
            /// One JSON object a line
            #[arg(long)]
            json: bool,
        },
        /// Renew a certificate, or go on with a renewal
        Renew {
            /// SHA-256 of the certificate; may be left out where one can be renewed
            certificate: Option<String>,
            /// Stay, renew in quiet hours, and tell what is due
            #[arg(long, conflicts_with = "certificate")]
            daemon: bool,
            /// Remove the old certificate when the new one works
            #[arg(long)]
            remove_old: bool,
            #[command(flatten)]
            backup: BackupOptions,
        },
        /// Write the backup of a new certificate
        Backup {
            /// SHA-256 of the certificate
            certificate: String,
            #[command(flatten)]
            backup: BackupOptions,
        },
        /// Remove one certificate and its key from this terminal
        Remove {
            /// SHA-256 of the certificate
            certificate: String,
        },
        /// Put a certificate on hold, or revoke it for good
        Revoke {
            /// SHA-256 of the certificate
            certificate: String,
            /// On hold only; operators decide the rest
            #[arg(long)]
            hold: bool,
            /// Why
            #[arg(long, value_enum, default_value = "not-stated")]
            reason: Why,
            /// Where the completion is told too
            #[arg(long)]
            mail: Option<String>,
            /// What becomes of a newer certificate; the server asks for it where there is one
            #[arg(long, value_enum)]
            successor: Option<Newer>,
        },
        /// Ask and tell what is due now
        Notices,
    }

    #[derive(Args)]
    struct BackupOptions {
        /// File or folder for the backup
        #[arg(long, requires = "password_file")]
        backup: Option<PathBuf>,
        /// File with its password; `-` for standard input
        #[arg(long)]
        password_file: Option<PathBuf>,
        /// The old form, for Windows 8.1 and Server 2016
        #[arg(long)]
        legacy: bool,
        /// Erase the key of the backup at once
        #[arg(long, conflicts_with = "backup")]
        no_backup: bool,
    }

    #[derive(Clone, Copy, ValueEnum)]
    enum Why {
        Closed,
        Disclosed,
        Lost,
        NotStated,
        Other,
        Unused,
    }

    #[derive(Clone, Copy, ValueEnum)]
    enum Newer {
        Keep,
        Stop,
    }

    pub(crate) fn main() -> ExitCode {
        match run(Line::parse()) {
            Ok(code) => code,
            Err(error) => {
                let _ = writeln!(io::stderr(), "tegata-client: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    fn run(line: Line) -> Result<ExitCode> {
        let state = match &line.state {
            Some(state) => state.clone(),
            None => default_state()?,
        };
        let files = UnixFiles::open(state.clone())
            .with_context(|| format!("open the state folder {}", state.display()))?;
        let _lock = lock(&state)?;
        let settings = settings(&line, &files)?;
        let entropy = SystemEntropy;
        let clock = SystemClock;
        let secrets = FileSecrets::open(&files, &entropy)?;
        let mut store = FolderStore::open(state.join("certificates"), &files, &entropy)?;
        if let Some(folder) = &line.pem {
            store = store.with_pem(PemFolder::open(folder.clone())?)?;
        }
        let password = match files.read(PROXY_PASSWORD)? {
            None => None,
            Some(sealed) => {
                let opened = secrets.open(PROXY_PASSWORD_PURPOSE, &sealed)?;
                Some(Secret::new(String::from_utf8_lossy(&opened).into_owned()))
            }
        };
        let routes = Routes::new(settings.proxy().clone(), password, variables());
        let shared: (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(clock), Arc::new(entropy));
        let http = Transport::new(Arc::new(routes), shared.0, shared.1);
        let console = Console::new(answers(&line.command)?, &files);
        let ports = Ports {
            clock: &clock,
            entropy: &entropy,
            files: &files,
            http: &http,
            secrets: &secrets,
            store: &store,
            ui: &console,
        };
        let failpoint = Failpoint::armed(armed_failpoint());
        let mut controller = Controller::open(ports, settings)?.with_failpoint(failpoint);
        act(&line.command, &mut controller, &store)?;
        console.print_list();
        Ok(ExitCode::from(exit_code(console.failed())))
    }

    fn act(command: &Command, controller: &mut Controller<'_>, store: &FolderStore) -> Result<()> {
        match command {
            Command::Enroll { .. } => {
                controller.on(Event::Enrol);
            }
            Command::Prove { .. } => {
                controller.on(Event::Prove);
            }
            Command::Import {
                file,
                password_file,
            } => import(store, file, &secret_of(password_file)?)?,
            Command::Proxy {
                address,
                user,
                domain,
                password_file,
            } => {
                let mut preferences = controller.settings().preferences.clone();
                preferences.proxy = Some(ProxySettings {
                    mode: ProxyMode::Manual,
                    address: address.clone(),
                    user: user.clone(),
                    domain: domain.clone(),
                    ..ProxySettings::default()
                });
                // Without one, what was kept for another proxy goes.
                let password = match password_file {
                    Some(file) => secret_of(file)?,
                    None => Secret::new(String::new()),
                };
                controller.change_settings(preferences, Some(&password))?;
            }
            Command::List { .. } => {
                controller.on(Event::WindowOpened);
            }
            Command::Notices => {
                controller.on(Event::Started);
            }
            Command::Renew { daemon: true, .. } => stay(controller),
            Command::Renew { certificate, .. } => {
                let chosen = match certificate {
                    Some(text) => fingerprint(text)?,
                    None => only_renewable(controller)?,
                };
                controller.on(Event::Renew(chosen));
            }
            Command::Backup { certificate, .. } => {
                controller.on(Event::BackUp(fingerprint(certificate)?));
            }
            Command::Remove { certificate } => {
                controller.on(Event::Remove(fingerprint(certificate)?));
            }
            Command::Revoke {
                certificate,
                hold,
                reason,
                mail,
                successor,
            } => {
                let choice = StopChoice {
                    kind: if *hold {
                        StopKind::Hold
                    } else {
                        StopKind::Revocation
                    },
                    reason: match reason {
                        Why::Closed => Reason::Closed,
                        Why::Disclosed => Reason::Disclosed,
                        Why::Lost => Reason::Lost,
                        Why::NotStated => Reason::NotStated,
                        Why::Other => Reason::Other,
                        Why::Unused => Reason::Unused,
                    },
                    mail: mail.clone(),
                    successor: successor.map(|newer| match newer {
                        Newer::Keep => SuccessorChoice::Keep,
                        Newer::Stop => SuccessorChoice::Stop,
                    }),
                };
                controller.on(Event::Stop(fingerprint(certificate)?, choice));
            }
        }
        Ok(())
    }

    /// The failpoint that a test armed. Release builds have none.
    fn armed_failpoint() -> Option<String> {
        #[cfg(debug_assertions)]
        {
            variable("TEGATA_FAILPOINT")
        }
        #[cfg(not(debug_assertions))]
        {
            None
        }
    }

    /// Nothing is sent: whether it is of the operator is seen when it is listed.
    fn import(store: &FolderStore, file: &Path, password: &Secret<String>) -> Result<()> {
        let octets = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let opened = pkcs12::open(&octets, password.expose())
            .with_context(|| format!("open {}", file.display()))?;
        let chain: Result<Vec<Certificate>, _> = opened
            .chain
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect();
        let chain = chain.context("read the certificates of the file")?;
        let (leaf, above) = chain
            .split_first()
            .context("the file holds no certificate")?;
        store.install(leaf, above, &opened.key, &leaf.subject().friendly_name())?;
        Ok(())
    }

    /// Sleeps from one due thing to the next, an hour at most: a machine that slept has another time when it wakes.
    fn stay(controller: &mut Controller<'_>) {
        const LONGEST: u64 = 3_600;
        let mut event = Event::Started;
        loop {
            let Wake(next) = controller.on(event);
            let now = SystemClock.now();
            let wait = next.map_or(LONGEST, |at| at.seconds_since(now).max(1).unsigned_abs());
            std::thread::park_timeout(Duration::from_secs(wait.min(LONGEST)));
            event = Event::Timer;
        }
    }

    fn only_renewable(controller: &Controller<'_>) -> Result<Fingerprint> {
        let view = controller.list();
        let mut rows = view.rows.iter().filter(|row| row.can_renew);
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row.certificate),
            (None, _) => bail!("no certificate can be renewed now; `tegata-client list` shows all"),
            (Some(_), Some(_)) => bail!("several can be renewed; name one by its SHA-256"),
        }
    }

    fn answers(command: &Command) -> Result<Answers> {
        let mut answers = Answers::default();
        match command {
            Command::Enroll {
                request_id,
                reference_id_file,
                connection_code,
                code,
                backup,
            } => {
                answers.enrolment = Some(EnrolmentForm {
                    request_id: request_id.clone(),
                    reference_id: secret_of(reference_id_file)?,
                    connection_code: connection_code.clone(),
                });
                answers.line = code.clone().map(Secret::new);
                take_backup(&mut answers, backup)?;
            }
            Command::Prove { code } => answers.line = code.clone().map(Secret::new),
            Command::List { json } => answers.list = Some(*json),
            Command::Renew {
                remove_old, backup, ..
            } => {
                answers.remove_old = *remove_old;
                take_backup(&mut answers, backup)?;
            }
            Command::Backup { backup, .. } => take_backup(&mut answers, backup)?,
            Command::Import { .. }
            | Command::Notices
            | Command::Proxy { .. }
            | Command::Remove { .. }
            | Command::Revoke { .. } => {}
        }
        Ok(answers)
    }

    fn take_backup(answers: &mut Answers, options: &BackupOptions) -> Result<()> {
        answers.legacy = options.legacy;
        answers.no_backup = options.no_backup;
        if let (Some(place), Some(password)) = (&options.backup, &options.password_file) {
            answers.backup = Some((secret_of(password)?, place.clone()));
        }
        Ok(())
    }

    /// The first line of a file, or of standard input.
    fn secret_of(path: &Path) -> Result<Secret<String>> {
        let mut text = String::new();
        if path == Path::new("-") {
            io::stdin()
                .read_to_string(&mut text)
                .context("read standard input")?;
        } else {
            let file = File::open(path);
            let mut file = file.with_context(|| format!("open {}", path.display()))?;
            file.read_to_string(&mut text)
                .with_context(|| format!("read {}", path.display()))?;
        }
        let line = text.lines().next().unwrap_or_default();
        Ok(Secret::new(line.to_owned()))
    }

    fn settings(line: &Line, files: &UnixFiles) -> Result<Settings> {
        let text = std::fs::read_to_string(&line.pack)
            .with_context(|| format!("read the operator's pack {}", line.pack.display()))?;
        let settings = Settings::load(&text, files)?;
        let stays = matches!(line.command, Command::Renew { daemon: true, .. });
        if !stays || settings.pack.unattended.is_some() {
            return Ok(settings);
        }
        // Whoever starts the daemon wants it to renew; the operator's hours go before these.
        let mut pack = settings.pack;
        pack.unattended = Some(Unattended {
            from_days: 60,
            until_days: 30,
            first_hour: 0,
            last_hour: 24,
        });
        Ok(Settings::new(pack, settings.preferences)?)
    }

    /// One program at a time works on a state folder.
    fn lock(state: &Path) -> Result<File> {
        let path = state.join("lock");
        let file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => bail!("another tegata-client works on {}", state.display()),
        }
    }

    fn default_state() -> Result<PathBuf> {
        if let Some(folder) = variable("XDG_STATE_HOME") {
            return Ok(PathBuf::from(folder).join("tegata-client"));
        }
        let home = variable("HOME").context("neither XDG_STATE_HOME nor HOME is set")?;
        Ok(PathBuf::from(home).join(".local/state/tegata-client"))
    }

    fn variables() -> ProxyVariables {
        let of = |lower: &str, upper: &str| variable(lower).or_else(|| variable(upper));
        ProxyVariables {
            https_proxy: of("https_proxy", "HTTPS_PROXY").unwrap_or_default(),
            no_proxy: of("no_proxy", "NO_PROXY").unwrap_or_default(),
        }
    }

    fn variable(name: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "a binary reads the environment")]
        let value = std::env::var(name);
        value.ok().filter(|value| !value.is_empty())
    }

    fn fingerprint(text: &str) -> Result<Fingerprint> {
        Fingerprint::parse(text).with_context(|| format!("{text:?} is no SHA-256 of a certificate"))
    }

    /// 0: done. 2: wrong use. 3: network. 4: proxy. 5: keys, certificates, files. 6: refused. 7: too early.
    /// 75: later, run it again.
    const fn exit_code(message: u16) -> u8 {
        match message {
            0 => 0,
            1002 => 7,
            2360 | 2390 => 75,
            2000..=2099 => 3,
            2100..=2199 => 4,
            2200..=2299 => 5,
            _ => 6,
        }
    }
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    command::main()
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("tegata-client is for Linux and macOS; on Windows there is mpki-client");
    std::process::ExitCode::from(2)
}
