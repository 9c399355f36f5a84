//! Every Japanese sentence of the package: the words of the manual (2.2, 6.2.2) where it has them.
//!
//! In these texts `[Name]` is a property, `[1]` a value of Windows', and `&` stands before the key of a button.

/// What the file is, for Windows' list of programs.
pub(crate) const PACKAGE: &str = "MPKIクライアント: 電子証明書の有効期限のお知らせと更新";
/// The entry of the start menu: the short form of the FAT file system, and the name.
pub(crate) const SHORTCUT: &str = "MPKICLI|MPKIクライアント";
/// Shown when the pointer rests on it.
pub(crate) const SHORTCUT_DESCRIPTION: &str = "電子証明書の確認と更新";

/// The frame of every page.
pub(crate) const TITLE: &str = "MPKIクライアント セットアップ";

/// Why the installation does not begin.
pub(crate) const NEEDS_WINDOWS_8_1: &str =
    "MPKIクライアントをインストールできるのは、Windows 8.1、Windows 10、Windows 11 です。";
pub(crate) const ALREADY_FOR_ALL: &str = "この端末には、すべてのユーザー用のMPKIクライアントがインストールされています。スタートメニューの「MPKIクライアント」をそのままお使いください。";
pub(crate) const NEWER_IS_INSTALLED: &str = "この端末には、より新しいバージョンのMPKIクライアントがインストールされています。以前のバージョンには戻せません。そのままお使いください。";

/// Buttons.
pub(crate) const BACK: &str = "< 戻る(&B)";
pub(crate) const NEXT: &str = "次へ(&N) >";
pub(crate) const CANCEL: &str = "キャンセル";
pub(crate) const CLOSE: &str = "閉じる(&C)";
pub(crate) const BROWSE: &str = "参照(&R)...";
pub(crate) const DISK_SPACE: &str = "ディスク領域(&D)...";
pub(crate) const OK: &str = "OK";
pub(crate) const YES: &str = "はい(&Y)";
pub(crate) const NO: &str = "いいえ(&N)";
pub(crate) const ABORT: &str = "終了(&X)";
pub(crate) const RETRY: &str = "再試行(&T)";
pub(crate) const IGNORE: &str = "続行(&O)";
pub(crate) const FINISH_FAILED: &str = "終了(&F)";

/// ようこそ.
pub(crate) const WELCOME: &str = "MPKIクライアント セットアップ ウィザードへようこそ";
pub(crate) const WELCOME_TEXT: &str = "このインストーラーは、MPKIクライアントをインストールするために必要な手順を示します。\r\n\r\nブラウザーやほかのプログラムは、開いたままで構いません。「次へ」をクリックしてください。\r\n\r\n登録済みの電子証明書は、そのまま残ります。以前のバージョンをアンインストールする必要はありません。";
pub(crate) const LICENCE: &str = "この製品は、著作権に関する法律および国際条約により保護されています。MIT ライセンスまたは Apache License 2.0 に従って利用できます。";

/// インストール フォルダーの選択.
pub(crate) const FOLDER: &str = "インストール フォルダーの選択";
pub(crate) const FOLDER_TEXT: &str = "次のフォルダーへ MPKIクライアントをインストールします。\r\n\r\nこのフォルダーにインストールするには、「次へ」をクリックしてください。別のフォルダーにインストールするには、アドレスを入力するか「参照」をクリックしてください。";
pub(crate) const FOLDER_LABEL: &str = "フォルダー(&E):";

/// インストールの確認.
pub(crate) const CONFIRM: &str = "インストールの確認";
pub(crate) const CONFIRM_TEXT: &str = "MPKIクライアントをインストールする準備ができました。\r\n\r\n「次へ」をクリックして、インストールを開始してください。";

/// While it runs.
pub(crate) const PROGRESS: &str = "MPKIクライアントをインストールしています";
pub(crate) const PLEASE_WAIT: &str = "お待ちください...";

/// インストールが完了しました.
pub(crate) const DONE: &str = "インストールが完了しました";
pub(crate) const DONE_TEXT: &str = "MPKIクライアントは正しくインストールされました。\r\n\r\n終了するには、「閉じる」をクリックしてください。\r\n\r\nスタートメニューの「MPKIクライアント」から始められます。";
pub(crate) const REPAIRED: &str = "修復が完了しました";
pub(crate) const REPAIRED_TEXT: &str = "MPKIクライアントは正しく修復されました。\r\n\r\n終了するには、「閉じる」をクリックしてください。";
pub(crate) const REMOVED: &str = "アンインストールが完了しました";
pub(crate) const REMOVED_TEXT: &str = "MPKIクライアントを削除しました。登録済みの電子証明書は、そのまま残っています。\r\n\r\n終了するには、「閉じる」をクリックしてください。";

/// When it is stopped, or fails.
pub(crate) const ASK_STOP: &str = "インストールを中止しますか?";
pub(crate) const STOPPED: &str = "インストールを中止しました";
pub(crate) const STOPPED_LATER: &str = "操作を中止しました";
pub(crate) const STOPPED_LATER_TEXT: &str = "端末は元のままです。MPKIクライアントは、これまでどおり使えます。\r\n\r\n修復または削除をするには、もう一度このファイルを開いてください。";
pub(crate) const STOPPED_TEXT: &str = "MPKIクライアントはインストールされていません。端末は元のままです。\r\n\r\nインストールするには、もう一度このファイルを開いてください。";
pub(crate) const FAILED: &str = "インストールできませんでした";
pub(crate) const FAILED_LATER: &str = "操作を完了できませんでした";
pub(crate) const FAILED_LATER_TEXT: &str = "MPKIクライアントの修復または削除の途中で問題が起きました。端末は元のままです。\r\n\r\n「終了」をクリックし、もう一度お試しください。繰り返し表示されるときは、ヘルプデスクにお問い合わせください。";
pub(crate) const FAILED_TEXT: &str = "MPKIクライアントのインストール中に問題が起きました。端末は元のままです。\r\n\r\n「終了」をクリックし、もう一度インストールしてください。繰り返し表示されるときは、ヘルプデスクにお問い合わせください。";

/// When the program is there already.
pub(crate) const MAINTENANCE: &str = "修復または削除";
pub(crate) const MAINTENANCE_TEXT: &str =
    "MPKIクライアントは、この端末にインストールされています。";
pub(crate) const REPAIR: &str = "修復(&P)";
pub(crate) const REPAIR_TEXT: &str = "足りないファイルや設定を元に戻します。";
pub(crate) const REMOVE: &str = "削除(&U)";
pub(crate) const REMOVE_TEXT: &str =
    "この端末からMPKIクライアントを削除します。登録済みの電子証明書は残ります。";

/// Choosing a folder.
pub(crate) const BROWSE_TITLE: &str = "フォルダーの参照";
pub(crate) const LOOK_IN: &str = "場所(&L):";
pub(crate) const FOLDER_NAME: &str = "フォルダー(&F):";
pub(crate) const ONE_UP: &str = "上へ(&U)";
pub(crate) const NEW_FOLDER: &str = "作成(&W)";
pub(crate) const DISK_TITLE: &str = "ディスク領域";
pub(crate) const DISK_TEXT: &str = "インストールに必要な領域と、使用できる領域です。";

/// Programs that hold files of ours.
pub(crate) const IN_USE: &str = "使用中のファイル";
pub(crate) const IN_USE_TEXT: &str = "次のプログラムを閉じてから、「再試行」をクリックしてください。パソコンの再起動は必要ありません。";
pub(crate) const CLOSE_THEM: &str = "プログラムを自動的に閉じる(&A)";
pub(crate) const LEAVE_THEM: &str = "閉じない(&L)";

/// What is being done, action by action.
pub(crate) const ACTIONS: [(&str, &str); 12] = [
    (
        "AppSearch",
        "インストールされているバージョンを調べています",
    ),
    ("CostFinalize", "必要な領域を計算しています"),
    ("CreateShortcuts", "スタートメニューに追加しています"),
    ("InstallFiles", "ファイルをコピーしています"),
    ("InstallValidate", "インストールの内容を確認しています"),
    ("MachineRemove", "端末の設定を元に戻しています"),
    ("MachineSetup", "端末に設定しています"),
    ("PublishProduct", "製品情報を登録しています"),
    ("QuitProgram", "動作中のMPKIクライアントを終了しています"),
    (
        "RemoveExistingProducts",
        "以前のバージョンを置き換えています",
    ),
    ("RemoveFiles", "ファイルを削除しています"),
    ("WriteRegistryValues", "設定を書き込んでいます"),
];

/// Words of Windows' own controls.
pub(crate) const CONTROLS: [(&str, &str); 14] = [
    ("AbsentPath", ""),
    ("bytes", "バイト"),
    ("GB", "GB"),
    ("KB", "KB"),
    ("MB", "MB"),
    ("NewFolder", "新しいフォルダー|新しいフォルダー"),
    ("ScriptInProgress", "必要な情報を集めています..."),
    ("TimeRemaining", "残り時間: {[1]分 }{[2]秒}"),
    ("VolumeCostAvailable", "使用可能"),
    ("VolumeCostDifference", "残り"),
    ("VolumeCostRequired", "必要"),
    ("VolumeCostSize", "容量"),
    ("VolumeCostVolume", "ディスク"),
    ("MenuLocal", "ローカルにインストール"),
];
