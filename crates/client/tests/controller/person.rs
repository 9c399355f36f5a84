//! The person: answers as the test says, and everything that was shown as text.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Mutex;

use tegata_client::ports::*;
use tegata_domain::secret::Secret;

/// What was shown and what is answered. Without other words every question gets はい, the password 1234, the first
/// place, and 再試行 gets キャンセル.
#[derive(Default)]
pub(crate) struct Person {
    shown: Mutex<Vec<String>>,
    pub(crate) answers: Mutex<BTreeMap<u16, VecDeque<Answer>>>,
    pub(crate) forms: Mutex<VecDeque<(&'static str, &'static str, String)>>,
    pub(crate) lines: Mutex<VecDeque<String>>,
    /// The address and the second one.
    pub(crate) addresses: Mutex<VecDeque<(&'static str, &'static str)>>,
    /// Password and repetition; `None` closes the window.
    pub(crate) passwords: Mutex<VecDeque<Option<(&'static str, &'static str)>>>,
    /// `None`: キャンセル.
    pub(crate) places: Mutex<VecDeque<Option<&'static str>>>,
    last_list: Mutex<String>,
}

impl Person {
    /// The next time this message comes, it is answered so.
    pub(crate) fn will_answer(&self, code: u16, answer: Answer) {
        let mut answers = self.answers.lock().unwrap();
        answers.entry(code).or_default().push_back(answer);
    }

    /// Everything that was shown since the last call.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.shown.lock().unwrap()).join("\n")
    }

    /// The numbers of the messages and notifications since the last call, in order.
    pub(crate) fn take_codes(&self) -> Vec<String> {
        let shown = std::mem::take(&mut *self.shown.lock().unwrap());
        let code = |text: &String| {
            let (code, _) = text.strip_prefix('[')?.split_once(']')?;
            Some(code.to_owned())
        };
        shown.iter().filter_map(code).collect()
    }

    fn say(&self, text: String) {
        self.shown.lock().unwrap().push(text);
    }
}

fn message(message: &UserMessage) -> String {
    let mut lines = vec![format!("[{}] {}", message.code, message.text)];
    lines.extend(message.cause.iter().map(|line| format!("  原因: {line}")));
    lines.extend(message.next.iter().map(|line| format!("  ・{line}")));
    lines.extend(
        message
            .help_desk
            .iter()
            .map(|line| format!("  お問合せ: {line}")),
    );
    lines.join("\n")
}

impl Ui for Person {
    fn show(&self, shown: &UserMessage) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        let planned = answers.get_mut(&shown.code.0).and_then(VecDeque::pop_front);
        let answer = planned.unwrap_or(match shown.buttons {
            Buttons::Ok => Answer::Ok,
            Buttons::RetryCancel => Answer::Cancel,
            Buttons::YesNo => Answer::Yes,
        });
        let (buttons, word) = (
            match shown.buttons {
                Buttons::Ok => "OK",
                Buttons::RetryCancel => "再試行/キャンセル",
                Buttons::YesNo => "はい(Y)/いいえ(N)",
            },
            match answer {
                Answer::Cancel => "キャンセル",
                Answer::No => "いいえ",
                Answer::Ok => "OK",
                Answer::Retry => "再試行",
                Answer::Yes => "はい",
            },
        );
        self.say(format!("{}\n  <{buttons}> → {word}", message(shown)));
        answer
    }

    fn ask_enrolment(&self, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm> {
        let mut lines = vec!["<<はじめての取得>>".to_owned()];
        lines.extend(prompt.problem.iter().map(message));
        lines.extend(prompt.lines.iter().map(|line| format!("  {line}")));
        lines.push(format!("  リクエストID [{}]", prompt.typed.0));
        lines.push("  リファレンスID []".to_owned());
        if prompt.asks_code {
            lines.push(format!("  接続確認コード [{}]", prompt.typed.1));
        }
        self.say(lines.join("\n"));
        let (request, reference, code) = self.forms.lock().unwrap().pop_front()?;
        Some(EnrolmentForm {
            request_id: request.to_owned(),
            reference_id: Secret::from(reference),
            connection_code: code,
        })
    }

    fn ask_line(&self, prompt: &LinePrompt) -> Option<Secret<String>> {
        let mut lines = vec![format!("<<{}>>", prompt.label)];
        lines.extend(prompt.problem.iter().map(|line| format!("  ! {line}")));
        lines.extend(prompt.lines.iter().map(|line| format!("  {line}")));
        self.say(lines.join("\n"));
        self.lines.lock().unwrap().pop_front().map(Secret::new)
    }

    fn ask_backup_password(&self, prompt: &BackupPrompt) -> Option<BackupPassword> {
        let mut lines = vec![format!("<<{}>>", prompt.heading)];
        lines.extend(prompt.problem.iter().map(|line| format!("  ! {line}")));
        lines.push("  証明書パスワード [ ] □パスワードを表示する".to_owned());
        lines.push("  証明書パスワード(確認用) [ ] □パスワードを表示する".to_owned());
        lines.push(format!("  {}", prompt.hint));
        lines.push(format!("  ({})", prompt.weak_hint));
        lines.push(format!("  安全なパスワード {}", prompt.suggestion));
        lines.extend(prompt.forms.iter().map(|form| format!("  ○{}", form.label)));
        self.say(lines.join("\n"));
        let planned = self.passwords.lock().unwrap().pop_front();
        let (password, again) = planned.unwrap_or(Some(("1234", "1234")))?;
        Some(BackupPassword {
            password: Secret::from(password),
            again: Secret::from(again),
            form: prompt.forms.first().unwrap().form,
        })
    }

    fn ask_save_place(&self, prompt: &SavePrompt) -> Option<PathBuf> {
        let name = &prompt.name;
        self.say(format!("<<名前を付けて保存>> {name}"));
        let planned = self.places.lock().unwrap().pop_front();
        let folder = planned.unwrap_or(Some("ドキュメント"))?;
        Some(PathBuf::from(folder).join(name))
    }

    fn ask_addresses(&self, prompt: &AddressPrompt) -> Option<AddressForm> {
        let mut lines = vec!["<<メールアドレスの変更>>".to_owned()];
        lines.extend(prompt.problem.iter().map(|line| format!("  ! {line}")));
        lines.extend(prompt.lines.iter().map(|line| format!("  {line}")));
        lines.push(format!("  新しいメールアドレス [{}]", prompt.typed.0));
        lines.push(format!("  予備のメールアドレス [{}]", prompt.typed.1));
        self.say(lines.join("\n"));
        let (mail, second_mail) = self.addresses.lock().unwrap().pop_front()?;
        Some(AddressForm {
            mail: mail.to_owned(),
            second_mail: second_mail.to_owned(),
        })
    }

    fn show_ids(&self, shown: &ShownIds) {
        let mut lines = vec!["<<リファレンスID>>".to_owned()];
        lines.extend(shown.lines.iter().map(|line| format!("  {line}")));
        lines.push(format!("  リクエストID [{}]", shown.request_id));
        let length = shown.reference_id.expose().len();
        lines.push(format!("  リファレンスID [{}]", "*".repeat(length)));
        self.say(lines.join("\n"));
    }

    fn progress(&self, progress: Option<&Progress>) {
        if let Some(one) = progress {
            self.say(format!("… {}/{} {}", one.step, one.of, one.text));
        }
    }

    fn show_list(&self, view: &ListView) {
        let mut lines = vec!["<<証明書一覧>>".to_owned(), format!("  {}", view.guide)];
        lines.extend(
            view.hint
                .iter()
                .flat_map(|hint| hint.lines())
                .map(|line| format!("  * {line}")),
        );
        for row in &view.rows {
            lines.push(format!(
                "  | {} | {} | {} | {} | {} | {} | 証明書更新{}",
                row.subject,
                row.issuer,
                row.not_after,
                row.status,
                row.key,
                row.request_id.as_deref().unwrap_or("-"),
                if row.can_renew { "○" } else { "×" }
            ));
        }
        let list = lines.join("\n");
        let mut last = self.last_list.lock().unwrap();
        if *last != list {
            last.clone_from(&list);
            self.say(list);
        }
    }

    fn notify(&self, one: &Notification) {
        self.say(format!(
            "[{}] 通知: {}\n  {}",
            one.code, one.title, one.text
        ));
    }
}
