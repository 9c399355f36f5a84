//! The command line as [`Ui`]: English lines, answers from options, never a question that nobody is there for.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use tegata_domain::secret::Secret;
use tegata_pki::pkcs12::Pkcs12Form;
use tegata_protocol::MessageCode;

use super::files::UnixFiles;
use crate::ports::{
    AddressForm, AddressPrompt, Answer, BackupPassword, BackupPrompt, Buttons, EnrolmentForm,
    EnrolmentPrompt, LinePrompt, ListView, Notification, Progress, SaveKind, SavePrompt, ShownIds,
    Ui, UserMessage,
};

/// What the options of a command answer.
#[derive(Default)]
pub struct Answers {
    /// The IDs and the connection code.
    pub enrolment: Option<EnrolmentForm>,
    /// The connection code or the mailed code, where one is asked for.
    pub line: Option<Secret<String>>,
    /// The password of the backup, and the folder or file for it.
    pub backup: Option<(Secret<String>, PathBuf)>,
    /// Whether the old form is wanted (K5).
    pub legacy: bool,
    /// The new addresses.
    pub addresses: Option<AddressForm>,
    /// Where the receipt goes.
    pub receipt: Option<PathBuf>,
    /// Whether no backup is wanted, now or later.
    pub no_backup: bool,
    /// Whether the old certificate goes.
    pub remove_old: bool,
    /// Whether the list is shown as JSON; `None`: not at all.
    pub list: Option<bool>,
}

/// The command line.
pub struct Console<'a> {
    answers: Mutex<Answers>,
    files: &'a UnixFiles,
    failed: AtomicU16,
    listed: Mutex<Vec<String>>,
}

impl<'a> Console<'a> {
    /// With these answers; `files` knows the line of the log that belongs to a message.
    pub fn new(answers: Answers, files: &'a UnixFiles) -> Self {
        Self {
            answers: Mutex::new(answers),
            files,
            failed: AtomicU16::new(0),
            listed: Mutex::default(),
        }
    }

    /// The number of the last message that tells of trouble; 0 where there was none.
    pub fn failed(&self) -> u16 {
        self.failed.load(Ordering::SeqCst)
    }

    /// Prints the list, if it was asked for.
    pub fn print_list(&self) {
        let listed = self
            .listed
            .lock()
            .map(|rows| rows.clone())
            .unwrap_or_default();
        for row in listed {
            let _ = writeln!(io::stdout(), "{row}");
        }
    }

    fn with<T>(&self, answer: impl FnOnce(&mut Answers) -> T) -> Option<T> {
        self.answers
            .lock()
            .ok()
            .map(|mut answers| answer(&mut answers))
    }

    fn fail(&self, code: u16) {
        self.failed.store(code, Ordering::SeqCst);
    }
}

impl Ui for Console<'_> {
    fn show(&self, message: &UserMessage) -> Answer {
        let code = message.code.0;
        match code {
            1002 | 2000..3000 => {
                self.fail(code);
                say(&format!("{code}: {}", english(code)));
                say(&format!("log: {}", self.files.last_line()));
            }
            1018 => {
                self.fail(code);
                say(&format!("{code}: {}", english(code)));
            }
            1003 | 1006 | 1009 | 1010 | 1019 => {}
            _ => say(&format!("{code}: {}", english(code))),
        }
        let yes = match (message.buttons, code) {
            (Buttons::Ok, _) => return Answer::Ok,
            (Buttons::RetryCancel, _) => return Answer::Cancel,
            (Buttons::YesNo, 1006) => self.with(|answers| answers.remove_old),
            (Buttons::YesNo, 1009) => self.with(|answers| answers.no_backup),
            // The command itself is the yes.
            (Buttons::YesNo, _) => Some(true),
        };
        if yes == Some(true) {
            Answer::Yes
        } else {
            Answer::No
        }
    }

    fn ask_enrolment(&self, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm> {
        if let Some(problem) = &prompt.problem {
            self.show(problem);
            return None;
        }
        self.with(|answers| answers.enrolment.take()).flatten()
    }

    fn ask_line(&self, prompt: &LinePrompt) -> Option<Secret<String>> {
        if prompt.problem.is_some() {
            say("that code is not right");
        }
        let given = self.with(|answers| answers.line.take()).flatten();
        match given {
            Some(line) if line.expose() != "-" => return Some(line),
            None if !io::stdin().is_terminal() => {
                say("a code is asked for: give it with --code, or run this on a terminal");
                return None;
            }
            _ => {}
        }
        say("enter the code (a connection code of the letter, or the number that was mailed):");
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        Some(Secret::new(line.trim().to_owned()))
    }

    fn ask_backup_password(&self, prompt: &BackupPrompt) -> Option<BackupPassword> {
        if prompt.problem.is_some() {
            self.fail(PASSWORD_REFUSED);
            say(&format!(
                "the password must have {} to {} printable ASCII characters",
                prompt.min_length, prompt.max_length
            ));
            return None;
        }
        let asked = self.with(|answers| {
            let legacy = answers.legacy;
            answers
                .backup
                .as_ref()
                .map(|(password, _)| (password.clone(), legacy))
        });
        let (password, legacy) = asked.flatten()?;
        Some(BackupPassword {
            again: password.clone(),
            password,
            form: if legacy {
                Pkcs12Form::Legacy
            } else {
                Pkcs12Form::Modern
            },
        })
    }

    /// Once: a place that failed is not tried again.
    fn ask_save_place(&self, prompt: &SavePrompt) -> Option<PathBuf> {
        let (what, place) = match prompt.kind {
            SaveKind::Backup => {
                let (_, place) = self.with(|answers| answers.backup.take()).flatten()?;
                ("backup", place)
            }
            SaveKind::Receipt => {
                let place = self.with(|answers| answers.receipt.take()).flatten()?;
                ("receipt", place)
            }
        };
        let place = if place.is_dir() {
            place.join(&prompt.name)
        } else {
            place
        };
        say(&format!("{what}: {}", place.display()));
        Some(place)
    }

    fn ask_addresses(&self, prompt: &AddressPrompt) -> Option<AddressForm> {
        if let Some(problem) = &prompt.problem {
            self.fail(MessageCode::INPUT.0);
            say(&format!("{}: {problem}", MessageCode::INPUT));
            return None;
        }
        self.with(|answers| answers.addresses.take()).flatten()
    }

    /// On standard output, so that a script can take them.
    fn show_ids(&self, shown: &ShownIds) {
        let (request, reference) = (&shown.request_id, shown.reference_id.expose());
        let _ = writeln!(io::stdout(), "{request} {reference}");
    }

    fn progress(&self, _: Option<&Progress>) {}

    fn show_list(&self, view: &ListView) {
        let json = self.with(|answers| answers.list).flatten();
        let rows = view.rows.iter().map(|row| match json {
            Some(true) => serde_json::json!({
                "certificate": row.certificate.to_string(),
                "subject": row.subject,
                "issuer": row.issuer,
                "not_after": row.not_after,
                "request_id": row.request_id,
                "can_renew": row.can_renew,
            })
            .to_string(),
            _ => format!(
                "{}  {}  {}  {}  {}",
                row.certificate,
                row.subject,
                row.not_after,
                row.request_id.as_deref().unwrap_or("-"),
                if row.can_renew { "renewable" } else { "-" }
            ),
        });
        // The controller shows it after each thing that it did; what counts is the last one.
        if let Ok(mut listed) = self.listed.lock()
            && json.is_some()
        {
            *listed = rows.collect();
        }
    }

    fn notify(&self, notification: &Notification) {
        let code = notification.code.0;
        let about = notification
            .certificate
            .map(|one| format!(" {one}"))
            .unwrap_or_default();
        say(&format!("{code}:{about} {}", english(code)));
    }
}

/// Exit number for a password that the rule refuses.
const PASSWORD_REFUSED: u16 = 2298;

fn say(line: &str) {
    // Nobody reads a closed pipe.
    let _ = writeln!(io::stderr(), "{line}");
}

/// What a number says, in English.
const fn english(code: u16) -> &'static str {
    match code {
        1001 => "the certificate comes to its end; renew it",
        1002 => "it cannot be renewed yet",
        1004 => "the certificate is renewed and works",
        1005 => "the backup is written; keep it and its password apart",
        1007 => "the certificate is removed",
        1008 => "the first certificate is there and works",
        1009 => "no backup was made, and its key is erased",
        1011 => "the certificate is on hold",
        1012 => "the certificate is revoked",
        1016 => "the mail address is changed",
        1017 => "the receipt is saved; a secret stands on it",
        1018 => "there is no receipt, or its time is over",
        2007 => "this machine's clock is wrong; set it and try again",
        2010..=2012 => "the server is not proven: check the connection code; nothing was sent",
        2001..=2099 => "the server cannot be reached as it should be; check the network",
        2100..=2199 => "the proxy does not let us through; check its settings",
        2200..=2249 => "the certificate or its key cannot be used here",
        2250..=2299 => "a file cannot be read or written",
        2303 => "the certificate is on hold; call the help desk",
        2304 => "the certificate is revoked; apply for a new one",
        2305 | 2324 => "a newer certificate took its place",
        2314 => "collecting was stopped by its holder; call the help desk",
        2316 => "the time for collecting is over; call the help desk",
        2322 => "it was collected with another key; call the help desk",
        2306 => "the certificate is over; use the IDs of the receipt, or apply for a new one",
        2320 => "the request ID or the reference ID is not right",
        2360 => "accepted; the certificate comes later: run renew again, or the daemon",
        _ => "the server refused; call the help desk with this number",
    }
}
