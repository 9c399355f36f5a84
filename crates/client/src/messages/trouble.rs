//! 20xx to 23xx: what did not work, why, what to do next, whom to call.

use super::{PROGRAM, Words};
use crate::failure::{CodeProblem, Failure, ServerRefusal};
use crate::ports::{Buttons, FileError, HttpError, StoreError, UserMessage};
use crate::update::UpdateError;

/// The message for a failure. `can_retry`: whether 再試行 is offered.
pub fn of(failure: &Failure, words: Words<'_>, can_retry: bool) -> UserMessage {
    let Told { text, cause, next } = told(failure, words);
    UserMessage {
        code: failure.code(),
        text,
        cause,
        next,
        help_desk: words.help_desk.to_vec(),
        buttons: if can_retry {
            Buttons::RetryCancel
        } else {
            Buttons::Ok
        },
    }
}

struct Told {
    text: String,
    cause: Option<String>,
    next: Vec<String>,
}

fn told(failure: &Failure, words: Words<'_>) -> Told {
    match failure {
        Failure::ClockOff(seconds) => clock(Some(*seconds)),
        Failure::ConnectionCode(problem) => connection_code(*problem, words),
        Failure::File(error) => file(error),
        Failure::Http(error) => http(error, words),
        Failure::Ids => say(
            "リクエストIDまたはリファレンスIDが正しくありません。",
            "",
            &[
                "リクエストIDは、数字15桁です。",
                "リファレンスIDは、英数字です。大文字と小文字を区別して入力してください。",
            ],
        ),
        Failure::Key(_) => say(
            "鍵を作成できませんでした。",
            "",
            &["パソコンを再起動し、もう一度お試しください。"],
        ),
        Failure::Later(seconds) => say(
            "申請を受け付けました。証明書は、まだ発行されていません。",
            "",
            &[
                &format!(
                    "{}ほどたってから、自動でもう一度確認します。",
                    minutes(*seconds)
                ),
                "この画面を閉じても、パソコンの電源を切っても、申請は取り消されません。",
            ],
        ),
        Failure::NoBackup => say(
            "この証明書のバックアップファイルは作成できません。",
            "秘密の鍵は、この端末から取り出せない形で登録されています。",
            &[
                "更新のときに作成したバックアップファイル(リクエストID.p12)をお持ちの方は、そのファイルをお使いください。",
                "お持ちでない方は、次の更新のときに作成できます。",
            ],
        ),
        Failure::NoServer => say(
            "接続先が設定されていません。",
            "",
            &["「設定」で、ヘルプデスクから案内されたサーバーの名前を入力してください。"],
        ),
        Failure::NotOurs { .. } => say(
            "サーバーとは別のところから応答がありました。",
            "インターネットの利用開始画面や、通信を検査する機器が応答している可能性があります。",
            &[
                "ブラウザーを開き、ログインや利用開始の画面が表示されないか、ご確認ください。",
                "表示されないときは、ネットワークの担当の方またはシステムベンダへご相談ください。",
            ],
        ),
        Failure::Refused(refusal) => refused(refusal),
        Failure::Secret(_) => say(
            "この端末に保管した情報を開けませんでした。",
            "Windowsのパスワードが管理者によって変更されたか、ほかの利用者でログオンしている可能性があります。",
            &["いつもの利用者でログオンし直し、もう一度お試しください。"],
        ),
        Failure::Settings(_) => say(
            &format!("{PROGRAM}の設定または記録を読み取れませんでした。"),
            "ファイルが壊れているか、ほかのバージョンで作成されています。",
            &[
                &format!("{PROGRAM}をもう一度インストールしてください。電子証明書は消えません。"),
                "それでも表示されるときは、「設定」の「診断」で作成したファイルを、ヘルプデスクへお送りください。",
            ],
        ),
        Failure::Standing(_) => by_number(failure.code().0, None),
        Failure::Store(error) => store(error),
        Failure::Update(error) => newer(error),
        Failure::WrongCertificate(_) => say(
            "サーバーから届いた証明書は、この端末のものではありません。登録しませんでした。",
            "",
            &["これまでの証明書は、そのまま使えます。ヘルプデスクへお電話ください。"],
        ),
    }
}

fn http(error: &HttpError, words: Words<'_>) -> Told {
    match error {
        HttpError::Key(_) => store(&StoreError::Scheme),
        HttpError::Name { host, .. } => say(
            &format!("サーバー({host})が見つかりません。"),
            "ネットワークに接続していないか、接続設定が正しくありません。",
            &[
                "LANケーブルや無線の接続をご確認ください。",
                "ほかのシステムにも接続できないときは、システムベンダへご相談ください。",
            ],
        ),
        HttpError::NotHttp(_) => say(
            "サーバーの応答を読み取れませんでした。",
            "通信が途中で切れた可能性があります。",
            &["しばらくたってから、もう一度お試しください。"],
        ),
        HttpError::ProxyAuthentication {
            proxy,
            had_credentials,
            ..
        } => {
            let cause = if *had_credentials {
                "設定されているユーザー名またはパスワードが正しくありません。"
            } else {
                "ユーザー名とパスワードが設定されていません。"
            };
            say(
                &format!("プロキシ({proxy})の認証ができませんでした。"),
                cause,
                &[
                    "「設定」の「プロキシ」で、ユーザー名とパスワードを入力してください。わからないときは、システムベンダへご確認ください。",
                ],
            )
        }
        HttpError::ProxyRefused { proxy, status } => say(
            &format!("プロキシ({proxy})が接続を断りました(状態 {status})。"),
            "このサーバーへの接続が許可されていないか、利用開始の手続きが必要です。",
            &[
                "ネットワークの担当の方またはシステムベンダへ、このサーバーへの接続を許可するようご依頼ください。",
            ],
        ),
        HttpError::ProxySettings(_) => say(
            "プロキシの設定を使えませんでした。",
            "プロキシの自動構成スクリプトを取得できないか、アドレスが正しくありません。",
            &["「設定」の「プロキシ」をご確認ください。"],
        ),
        HttpError::ProxyUnreachable { proxy, .. } => say(
            &format!("プロキシ({proxy})に接続できません。"),
            "プロキシのアドレスが変わったか、止まっています。",
            &[
                "「設定」の「プロキシ」をご確認ください。わからないときは、システムベンダへご確認ください。",
            ],
        ),
        HttpError::ServerTime { .. } => clock(None),
        HttpError::Timeout(_) => say(
            "サーバーから応答がありません。",
            "回線が混み合っているか、途中の機器が通信を止めています。",
            &["しばらくたってから、もう一度お試しください。"],
        ),
        HttpError::Tls(_) => say(
            "サーバーと安全な通信を始められませんでした。",
            "通信を検査する機器やウイルス対策ソフトが、通信を変えている可能性があります。",
            &["システムベンダへ、このサーバーへの通信を検査の対象から外すようご依頼ください。"],
        ),
        HttpError::TooLong(_) => told(
            &Failure::NotOurs {
                status: 200,
                media_type: String::new(),
            },
            words,
        ),
        HttpError::Unreachable { server, .. } => say(
            &format!("サーバー({server})に接続できません。"),
            "ネットワークに接続していないか、サーバーが止まっています。",
            &[
                "LANケーブルや無線の接続をご確認ください。",
                "プロキシをお使いのときは、「設定」の「プロキシ」をご確認ください。",
            ],
        ),
        HttpError::UntrustedServer { .. } => say(
            &format!(
                "接続先は、{}のサーバーではありません。何も送信していません。",
                words.ca_name
            ),
            "別のサーバーにつながっているか、通信を検査する機器が間に入っています。",
            &[
                "この画面の番号を、ヘルプデスクへお知らせください。",
                "ネットワークを変えた直後のときは、ブラウザーで利用開始の画面が表示されないか、ご確認ください。",
            ],
        ),
    }
}

fn newer(error: &UpdateError) -> Told {
    let (cause, next) = match error {
        UpdateError::Expired => (
            "お知らせの期限が過ぎているか、この端末の日付と時刻が正しくありません。",
            "この端末の日付と時刻をご確認ください。正しいときは、ヘルプデスクへお知らせください。",
        ),
        UpdateError::File => (
            "届いたファイルが、公開されたものと違います。",
            "しばらくたってから、もう一度お試しください。繰り返し表示されるときは、ヘルプデスクへお知らせください。",
        ),
        UpdateError::Keys
        | UpdateError::LowerVersion { .. }
        | UpdateError::Malformed
        | UpdateError::Signatures { .. } => (
            "お知らせの署名またはバージョンを確認できませんでした。",
            "ヘルプデスクへお知らせください。",
        ),
    };
    say(
        &format!("{PROGRAM}の新しいバージョンを確認できません。インストールしませんでした。"),
        cause,
        &[next, "今のバージョンと電子証明書は、そのまま使えます。"],
    )
}

fn clock(seconds: Option<i64>) -> Told {
    let cause = seconds.map_or_else(String::new, |seconds| {
        let direction = if seconds > 0 {
            "進んで"
        } else {
            "遅れて"
        };
        format!(
            "サーバーの時刻より、{}{direction}います。",
            span(seconds.unsigned_abs())
        )
    });
    say(
        "この端末の日付と時刻が正しくありません。",
        &cause,
        &[
            "Windowsの「日付と時刻」で、時刻を合わせてください。合わせた後に、もう一度お試しください。",
        ],
    )
}

fn connection_code(problem: CodeProblem, words: Words<'_>) -> Told {
    match problem {
        CodeProblem::Differs => say(
            "接続確認コードが、接続先のサーバーと一致しません。何も送信していません。",
            "入力の誤りか、別のサーバーにつながっています。",
            &[
                "通知書の「接続確認コード」を、もう一度ご確認ください。",
                "正しく入力しても表示されるときは、操作を続けずに、ヘルプデスクへお電話ください。",
            ],
        ),
        CodeProblem::Form => say(
            "接続確認コードの文字が正しくありません。",
            "",
            &[
                "通知書の「接続確認コード」は、英字と2から7の数字、16文字です。4文字ずつに分かれています。",
            ],
        ),
        CodeProblem::Missing => say(
            &format!(
                "{}のサーバーかどうかを、まだ確認していません。",
                words.ca_name
            ),
            "",
            &["通知書の「接続確認コード」を入力してください。"],
        ),
    }
}

fn store(error: &StoreError) -> Told {
    match error {
        StoreError::Declined => say(
            "操作が取り消されました。",
            "Windowsの確認の画面で、許可されませんでした。",
            &["もう一度行い、Windowsの確認の画面で「許可」または「はい」をクリックしてください。"],
        ),
        StoreError::Denied(_) => say(
            "Windowsの証明書の保管場所を使えませんでした。",
            "ほかのプログラムが使っているか、この利用者に権限がありません。",
            &["ほかのプログラムを閉じ、もう一度お試しください。"],
        ),
        StoreError::NoHardware(_) => say(
            "この端末のセキュリティチップ(TPM)を使えませんでした。",
            "",
            &["パソコンを再起動し、もう一度お試しください。"],
        ),
        StoreError::NotThere(_) => say(
            "証明書またはその鍵が、この端末にありません。",
            "ほかのプログラムで削除されたか、ほかの利用者で登録されています。",
            &["証明書を登録した利用者でログオンし直し、もう一度お試しください。"],
        ),
        StoreError::Failed(_) => say(
            "Windowsの証明書の保管場所で、エラーが発生しました。",
            "",
            &["パソコンを再起動し、もう一度お試しください。"],
        ),
        StoreError::Scheme => say(
            "証明書の鍵を使えませんでした。",
            "パスワードが入力されなかったか、鍵がこの通信に対応していません。",
            &[
                "もう一度行い、「Windows セキュリティ」の画面では、証明書をインストールしたときに設定したパスワードを入力してください。",
            ],
        ),
    }
}

fn file(error: &FileError) -> Told {
    let other_place = "別の場所(USBメモリーなど)を選んで、もう一度保存してください。";
    match error {
        FileError::Full(_) => say(
            "空き容量が足りないため、保存できませんでした。",
            "",
            &[
                "不要なファイルを削除するか、別の場所を選んでください。証明書の登録は終わっています。",
            ],
        ),
        FileError::Denied(_) => say(
            "書き込みができないため、保存できませんでした。",
            "書き込みが禁止された媒体か、権限のない場所です。",
            &[other_place],
        ),
        FileError::NotThere(_) => say(
            "保存する場所が見つかりませんでした。",
            "媒体が取り外された可能性があります。",
            &[other_place],
        ),
        FileError::Failed(_) => say("ファイルを保存できませんでした。", "", &[other_place]),
    }
}

/// The server's own words where it has some; else what its number says.
fn refused(refusal: &ServerRefusal) -> Told {
    if let Some(message) = &refusal.message {
        let mut next = Vec::new();
        if !message.link.is_empty() {
            next.push(format!("{} {}", message.link_text, message.link));
        }
        return Told {
            text: message.title.clone(),
            cause: Some(message.text.clone()).filter(|text| !text.is_empty()),
            next,
        };
    }
    by_number(refusal.number().0, refusal.incident.as_deref())
}

fn by_number(number: u16, incident: Option<&str>) -> Told {
    let call = "ヘルプデスクへお電話ください。";
    match number {
        2301 | 2302 => say(
            "サーバーが、この証明書を認めませんでした。",
            "この認証局が端末に発行した証明書ではありません。",
            &["証明書一覧から、正しい証明書を選択してください。", call],
        ),
        2303 => say(
            "この電子証明書は、一時停止中です。",
            "失効申請を受け付けたため、使えなくなっています。",
            &[
                "失効申請をされた方は、操作は不要です。",
                "申請した覚えのない方は、すぐにヘルプデスクへお電話ください。",
            ],
        ),
        2304 => say(
            "この電子証明書は、失効しています。",
            "",
            &["新しい電子証明書の発行申請を行ってください。"],
        ),
        2305 | 2324 => say(
            "この電子証明書は、新しい電子証明書に置き換えられています。",
            "",
            &[
                "新しい電子証明書をお使いください。お手元にないときは、ヘルプデスクへお電話ください。",
            ],
        ),
        2306 => say(
            "この電子証明書は、有効期限が切れています。",
            "",
            &[
                "更新の申請がお済みの方は、「更新申請受付票」のIDで新しい証明書を取得できます。",
                "お済みでない方は、新しい電子証明書の発行申請を行ってください。",
            ],
        ),
        2311 => say(
            "続けて入力の誤りがありました。",
            "",
            &["しばらくたってから、もう一度入力してください。IDが使えなくなることはありません。"],
        ),
        2320 => say(
            "リクエストIDまたはリファレンスIDが正しくありません。",
            "",
            &[
                "大文字と小文字を区別して入力していますか。",
                "通知書が再発行されていませんか。再発行された場合は、新しい通知書のIDを入力してください。",
                "電子証明書を更新されていませんか。更新された場合は、「更新申請受付票」のIDを入力してください。",
            ],
        ),
        2314 => say(
            "この証明書の取得は、停止されています。",
            "「心当たりがない」とのお申し出を受け付けています。",
            &["この端末で取得したい方は、ヘルプデスクへお電話ください。"],
        ),
        2316 => say(
            "この証明書は、取得できる期間が終わっています。",
            "",
            &["期間の延長についてご案内します。ヘルプデスクへお電話ください。"],
        ),
        2322 => say(
            "この通知書の証明書は、別の鍵ですでに取得されています。",
            "ほかの端末で取得されたか、この端末の記録が消えています。",
            &[
                "心当たりのない方は、すぐにヘルプデスクへお電話ください。",
                "端末を替えた方にも、ヘルプデスクが再開の手続きをご案内します。",
            ],
        ),
        2390 => say(
            "ただいま、手続きを行うことができません。",
            "",
            &[
                "しばらくたってから、もう一度お試しください。",
                "同じ内容をもう一度送信しても、二重に受け付けられることはありません。",
            ],
        ),
        2391 => say(
            "サーバーでエラーが発生しました。",
            &incident.map_or_else(String::new, |incident| format!("受付番号 {incident}")),
            &[call],
        ),
        _ => say(
            "サーバーが、この手続きを受け付けませんでした。",
            &format!("{PROGRAM}のバージョンが古い可能性があります。"),
            &[&format!("{PROGRAM}を新しくしてください。"), call],
        ),
    }
}

fn minutes(seconds: u64) -> String {
    format!("{}分", seconds.div_ceil(60).max(1))
}

fn span(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{}分ほど", (seconds / 60).max(1)),
        3_600..172_800 => format!("{}時間ほど", seconds / 3_600),
        172_800..63_072_000 => format!("{}日ほど", seconds / 86_400),
        _ => format!("{}年ほど", seconds / 31_536_000),
    }
}

fn say(text: &str, cause: &str, next: &[&str]) -> Told {
    Told {
        text: text.to_owned(),
        cause: (!cause.is_empty()).then(|| cause.to_owned()),
        next: next.iter().map(|line| (*line).to_owned()).collect(),
    }
}
