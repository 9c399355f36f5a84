//! The words on paper (manual 2.3; `screens.md` texts 9b and 9c, R-041, R-061).

use crate::values::{Contact, Day, Moment};

/// Characters that begin no new line apart from what follows them, and those that end none.
pub(crate) const OPENING: &str = "「『(〔【《([";
pub(crate) const CLOSING: &str =
    "」』)〕】》)]、。,.・:;!?ーぁぃぅぇぉっゃゅょァィゥェォッャュョヶ々";
pub(crate) const LETTER_TITLE: &str = "電子証明書発行通知書";
pub(crate) const LETTER_LEAD: &str = "発行申請をいただいた電子証明書の準備が整いました。この用紙の①と②の2つのIDを使い、期限までに、電子証明書を取得してください。";
pub(crate) const LETTER_LEAD_COLLECTED: &str =
    "電子証明書は取得済みです。この用紙の①と②の2つのIDは、失効申請をするときに使います。";
/// Text 9c.
pub(crate) const KEEP: &str = "この通知書は、失効申請のときにも使用します。電子証明書の有効期限まで、大切に保管してください。";
pub(crate) const BLOCK: &str = "電子証明書取得に関する情報";
pub(crate) const ISSUER: &str = "発行者";
pub(crate) const HOLDER: &str = "発行元";
pub(crate) const TERMINAL: &str = "端末名称等";
/// The manual's long form, in two lines.
pub(crate) const REQUEST_ID: [&str; 2] = ["電子証明書ダウンロードサイト", "リクエストID"];
pub(crate) const REFERENCE_ID: [&str; 2] = ["電子証明書ダウンロードサイト", "リファレンスID"];
pub(crate) const VALIDITY: &str = "電子証明書有効期限";
pub(crate) const COLLECT_UNTIL: [&str; 2] = ["電子証明書ダウンロードサイト", "有効期限"];
pub(crate) const ISSUED_ON: &str = "発行日";
pub(crate) const FIRST: &str = "①";
pub(crate) const SECOND: &str = "②";
pub(crate) const CASE_HINT: &str = "大文字と小文字を区別して入力してください。";
pub(crate) const LEGEND: &str = "大=大文字 小=小文字 数=数字";
pub(crate) const CONNECTION_CODE: &str = "接続確認コード";
pub(crate) const CONNECTION_CODE_HINT: &str =
    "MPKIクライアントで、2つのIDと一緒に入力します。画面から取得するときは使いません。";
pub(crate) const ROOTS: &str = "ルート証明書の拇印";
pub(crate) const ROOTS_HINT: &str = "ルート証明書をインストールするときは、表示された拇印(sha1)が下と同じことを確かめてください。違うときは「いいえ」をクリックし、お電話ください。";
pub(crate) const SITE_ROOT: &str = "サイト用のルート証明書";
pub(crate) const SUBSCRIBER_ROOT: &str = "電子証明書のルート証明書";
pub(crate) const SHA1: &str = "sha1";
pub(crate) const SHA256: &str = "sha256";
pub(crate) const QR: &str = "①リクエストID";
pub(crate) const CARE: &str = "「電子証明書」「電子証明書発行通知書」「証明書パスワード」は厳重に管理してください。これら3つの情報が第三者に渡ると、電子証明書が不正に使用される恐れがあります。";
pub(crate) const STRANGE: &str =
    "申請した覚えがない場合や、封が開いていた場合は、使わずに下記へお電話ください。";
pub(crate) const INQUIRIES: &str = "お問合せ";
pub(crate) const SAMPLE: &str = "見本・使用禁止";

pub(crate) const STEPS: &str = "取得の手順(電子証明書を使う端末で行います)";
pub(crate) const STEPS_COLLECTED: &str = "失効申請の手順";
pub(crate) const STEP_OPEN: &str = "1. 次の画面を開きます。";
pub(crate) const STEP_IDS: &str =
    "2. ①リクエストIDと②リファレンスIDを入力し、「次へ」をクリックします。";
pub(crate) const STEP_FOLLOW: &str = "3. 画面の案内に沿って、ダウンロードとインストールをします。";
pub(crate) const STEP_FOLLOW_COLLECTED: &str =
    "3. 画面の案内に沿って、失効する電子証明書を確かめ、申請します。";

pub(crate) const RECEIPT_TITLE: &str = "更新申請受付票";
pub(crate) const RECEIPT_LEAD: &str = "更新申請を受け付けました。この受付票は、失効申請のときや、有効期限を過ぎてから取得するときに使います。保存または印刷して、大切に保管してください。";
pub(crate) const RECEIPT_BLOCK: &str = "申請の受付情報";
pub(crate) const RECEIPT_REQUEST_ID: [&str; 1] = ["リクエストID"];
pub(crate) const RECEIPT_REFERENCE_ID: [&str; 1] = ["リファレンスID"];
pub(crate) const ACCEPTED_AT: &str = "受付日時";
pub(crate) const INSTITUTION: &str = "医療機関等";
pub(crate) const OLD_END: [&str; 2] = ["今の電子証明書の", "有効期限"];
pub(crate) const NEW_END: [&str; 2] = ["新しい電子証明書の", "有効期限"];
pub(crate) const RETRIEVE_UNTIL: [&str; 2] = ["この受付票のIDで", "取得できる期限"];
pub(crate) const RECEIPT_USES: &str = "この受付票の使い方";
pub(crate) const RECEIPT_USE_NOW: &str =
    "今の電子証明書の有効期限までに取得するとき(IDは使いません)";
pub(crate) const RECEIPT_USE_LATE: &str =
    "今の電子証明書の有効期限を過ぎてから取得するとき(①と②を入力します)";
pub(crate) const RECEIPT_USE_REVOKE: &str =
    "端末をなくした、盗まれた、廃止したなど、失効申請をするとき(①と②を入力します)";
pub(crate) const RECEIPT_CARE: &str = "この受付票と電子証明書を、第三者に渡さないでください。電子証明書が不正に使用される恐れがあります。";

/// 〒 and the postal code.
pub(crate) fn postal(code: &str) -> String {
    format!("〒{}", code.trim_start_matches('〒'))
}

/// The institution as addressee: a person of it, or the institution itself.
pub(crate) fn addressee(institution: &str, contact: Option<&str>) -> [Option<String>; 2] {
    match contact {
        Some(contact) => [Some(institution.to_owned()), Some(format!("{contact} 様"))],
        None => [Some(format!("{institution} 御中")), None],
    }
}

/// Text 9b.
pub(crate) fn reissued(on: Day, number: i64) -> String {
    format!(
        "再発行({} 第{number}回)前の通知書のIDは使えません。",
        date(on)
    )
}

/// 2027年3月14日
pub(crate) fn date(day: Day) -> String {
    format!("{}年{}月{}日", day.year, day.month, day.day)
}

/// 2027/03/14, as the manual prints dates on the letter.
pub(crate) fn slashes(day: Day) -> String {
    format!("{:04}/{:02}/{:02}", day.year, day.month, day.day)
}

/// 2027年3月14日 17時39分
pub(crate) fn moment(at: Moment) -> String {
    format!("{} {}", date(at.day), hour(at))
}

/// 17時39分
fn hour(at: Moment) -> String {
    format!("{}時{:02}分", at.hour, at.minute)
}

/// 発行日 to the end, the hour of the end behind it (D2).
pub(crate) fn validity(from: Day, to: Moment) -> String {
    format!("{} ~ {} {}", slashes(from), slashes(to.day), hour(to))
}

pub(crate) fn issued_on(day: Day) -> String {
    format!("{ISSUED_ON} {}", date(day))
}

/// Whom to call.
pub(crate) fn call(contact: &Contact) -> String {
    format!(
        "{} 電話 {}({})",
        contact.help_desk, contact.telephone, contact.hours
    )
}

/// The institution's name with its code.
pub(crate) fn with_code(name: &str, code: &str) -> String {
    format!("{name}({code})")
}

/// What kind of character this is, for the eye that doubts.
pub(crate) fn kind_of(c: char) -> &'static str {
    match c {
        'A'..='Z' => "大",
        'a'..='z' => "小",
        _ => "数",
    }
}
