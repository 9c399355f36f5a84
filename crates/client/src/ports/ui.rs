//! What a person sees, and what comes back. All texts come from `messages` and are finished: an implementation
//! chooses no words but those of its fixed windows.

use std::path::PathBuf;

use tegata_domain::id::Fingerprint;
use tegata_domain::secret::Secret;
use tegata_pki::pkcs12::Pkcs12Form;
use tegata_protocol::MessageCode;

/// The windows. Each call that asks blocks until the person answered; closing a window is the answer that changes
/// nothing.
pub trait Ui: Send + Sync {
    /// Shows a numbered message and waits.
    fn show(&self, message: &UserMessage) -> Answer;

    /// Asks for the IDs of a letter and, where the server is not yet proven, for the 接続確認コード (W6).
    fn ask_enrolment(&self, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm>;

    /// Asks for one line: the 確認番号 that was mailed (K2, `collect.second_factor`), or a 接続確認コード alone (W6).
    fn ask_line(&self, prompt: &LinePrompt) -> Option<Secret<String>>;

    /// Asks for the password of the backup.
    fn ask_backup_password(&self, prompt: &BackupPrompt) -> Option<BackupPassword>;

    /// 名前を付けて保存, in ドキュメント.
    fn ask_save_place(&self, prompt: &SavePrompt) -> Option<PathBuf>;

    /// Asks for new addresses (RU-6).
    fn ask_addresses(&self, prompt: &AddressPrompt) -> Option<AddressForm>;

    /// Shows both IDs and waits; nobody sees them again.
    fn show_ids(&self, shown: &ShownIds);

    /// What is being done; `None` when it is over. Does not wait.
    fn progress(&self, progress: Option<&Progress>);

    /// 証明書一覧. Does not wait.
    fn show_list(&self, view: &ListView);

    /// A notification of the system, unasked. Does not wait.
    fn notify(&self, notification: &Notification);
}

/// A message with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMessage {
    /// Its number (S4).
    pub code: MessageCode,
    /// What is said, in the manual's words where it has some.
    pub text: String,
    /// Why, where something went wrong.
    pub cause: Option<String>,
    /// What to do next.
    pub next: Vec<String>,
    /// Whom to ask, the lines of the settings; empty where nothing went wrong.
    pub help_desk: Vec<String>,
    /// What can be answered.
    pub buttons: Buttons,
}

/// What can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buttons {
    /// OK.
    Ok,
    /// 再試行 and キャンセル.
    RetryCancel,
    /// はい(Y) and いいえ(N); closing the window is いいえ.
    YesNo,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// キャンセル.
    Cancel,
    /// いいえ.
    No,
    /// OK, or the window was closed.
    Ok,
    /// 再試行.
    Retry,
    /// はい.
    Yes,
}

/// The window of a first enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentPrompt {
    /// What to do, above the fields.
    pub lines: Vec<String>,
    /// Whether the 接続確認コード is asked for.
    pub asks_code: bool,
    /// What was wrong with the last attempt, above the fields.
    pub problem: Option<UserMessage>,
    /// What was typed the last time, to be corrected: リクエストID and 接続確認コード (never リファレンスID).
    pub typed: (String, String),
}

/// What was typed; nothing was checked.
pub struct EnrolmentForm {
    /// リクエストID.
    pub request_id: String,
    /// リファレンスID.
    pub reference_id: Secret<String>,
    /// 接続確認コード, empty where it was not asked for.
    pub connection_code: String,
}

/// A window with one field, which shows what is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePrompt {
    /// What to do, above the field.
    pub lines: Vec<String>,
    /// What the field is called.
    pub label: String,
    /// What was wrong with the last attempt.
    pub problem: Option<String>,
}

/// The window of R-079: both fields, each with its box 「パスワードを表示する」.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPrompt {
    /// 「証明書のバックアップファイルを作成します。」.
    pub heading: String,
    /// The rule for the password, under the fields.
    pub hint: String,
    /// Shown when exactly four digits are typed: how long that resists (screens B.6).
    pub weak_hint: String,
    /// Shortest password.
    pub min_length: usize,
    /// Longest password (K4).
    pub max_length: usize,
    /// A strong one to be taken with a click.
    pub suggestion: String,
    /// The choices of the file's form, the first one chosen (K5).
    pub forms: Vec<BackupForm>,
    /// What was wrong with the last attempt.
    pub problem: Option<String>,
}

/// A form of the file that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupForm {
    /// The form.
    pub form: Pkcs12Form,
    /// How it is called.
    pub label: String,
}

/// What was typed.
pub struct BackupPassword {
    /// 証明書パスワード.
    pub password: Secret<String>,
    /// 証明書パスワード(確認用).
    pub again: Secret<String>,
    /// The form chosen.
    pub form: Pkcs12Form,
}

/// A file to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavePrompt {
    /// The name that is offered.
    pub name: String,
    /// What it is.
    pub kind: SaveKind,
}

/// What is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveKind {
    /// A backup, `.p12`.
    Backup,
    /// 更新申請受付票, `.pdf`.
    Receipt,
}

/// The window of RU-6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPrompt {
    /// What is registered and what will happen, above the fields.
    pub lines: Vec<String>,
    /// What was wrong with the last attempt.
    pub problem: Option<String>,
    /// What was typed the last time: the address and the second one.
    pub typed: (String, String),
}

/// What was typed; nothing was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressForm {
    /// 新しいメールアドレス.
    pub mail: String,
    /// 予備のメールアドレス; empty: none from now on.
    pub second_mail: String,
}

/// リクエストID and リファレンスID. No Debug: one of them is a secret.
#[derive(Clone)]
pub struct ShownIds {
    /// What they are for, and that they are shown once.
    pub lines: Vec<String>,
    /// リクエストID.
    pub request_id: String,
    /// リファレンスID.
    pub reference_id: Secret<String>,
}

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which of the steps, from 1.
    pub step: usize,
    /// How many there are.
    pub of: usize,
    /// What, in a short sentence.
    pub text: String,
}

/// The main window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListView {
    /// The sentence above the list.
    pub guide: String,
    /// One row per certificate of the operator, the one that ends first on top.
    pub rows: Vec<ListRow>,
    /// What is said where there are none, or a procedure waits to be finished.
    pub hint: Option<String>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Which certificate.
    pub certificate: Fingerprint,
    /// 発行先: its CN.
    pub subject: String,
    /// 発行者: its CN.
    pub issuer: String,
    /// 有効期限, date and hour in Japan.
    pub not_after: String,
    /// How it stands, in a word or a short sentence.
    pub status: String,
    /// Where the key lies and whether there is a backup.
    pub key: String,
    /// リクエストID, where it is known (P-06).
    pub request_id: Option<String>,
    /// Whether 「証明書更新」 can be pressed with this row chosen.
    pub can_renew: bool,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its number.
    pub code: MessageCode,
    /// At most 63 characters.
    pub title: String,
    /// At most 255 characters.
    pub text: String,
    /// The certificate that it is about, to be chosen in the list by a click.
    pub certificate: Option<Fingerprint>,
}
