//! The Windows program of the MPKI client on a Windows (wine), driven by the numbers of its controls
//! (`crates/client/examples/drive.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::tools::{eventually, named};
use crate::wine::Wine;

/// Where the client keeps its files, below the folder of the user.
const OWN_FOLDER: &str = "AppData/Local/Tegata/MPKI Client";

/// Numbers of `crates/client/windows/resource.h`, as the driver takes them.
pub mod id {
    /// 証明書一覧.
    pub const LIST: &str = "101";
    /// 証明書更新.
    pub const RENEW: &str = "102";
    /// はじめての取得.
    pub const ENROL: &str = "103";
    /// 設定.
    pub const SETTINGS: &str = "104";
    /// 診断.
    pub const DIAGNOSTICS: &str = "105";
    /// What is known of the chosen certificate.
    pub const DETAIL: &str = "108";
    /// 今すぐ確認.
    pub const CHECK: &str = "111";
    /// 開く, in the menu of the icon.
    pub const OPEN: &str = "113";
    /// 新しい版の確認.
    pub const UPDATE: &str = "119";
    /// メールアドレスの変更.
    pub const ADDRESS: &str = "120";
    /// 更新申請受付票.
    pub const RECEIPT: &str = "121";
    /// リファレンスIDの再発行.
    pub const NEW_REFERENCE: &str = "122";
    /// The password of a backup.
    pub const PASSWORD: &str = "202";
    /// The same once more.
    pub const AGAIN: &str = "204";
    /// What is wrong with the password.
    pub const WEAK: &str = "207";
    /// リクエストID.
    pub const REQUEST: &str = "213";
    /// リファレンスID.
    pub const REFERENCE: &str = "214";
    /// 接続確認コード.
    pub const CODE: &str = "215";
    /// The field of a question for one line.
    pub const LINE: &str = "223";
    /// The server, in the settings.
    pub const SERVER: &str = "231";
    /// The list of the diagnosis.
    pub const FINDINGS: &str = "241";
    /// 保存, of the diagnosis.
    pub const SAVE: &str = "243";
    /// メールアドレス.
    pub const MAIL: &str = "272";
    /// リファレンスID that is shown once.
    pub const SHOWN_REFERENCE: &str = "283";
    /// OK.
    pub const OK: &str = "1";
    /// キャンセル.
    pub const CANCEL: &str = "2";
}

/// A Windows of its own, and the program that works the client's windows there.
#[derive(Debug)]
pub struct WindowsClient {
    /// The Windows.
    pub wine: Wine,
    driver: String,
}

impl WindowsClient {
    /// Starts a Windows in which the client is not yet.
    pub fn start() -> Result<Self> {
        let wine = Wine::start()?;
        let driver = wine.windows_path(&Self::built()?.join("examples/drive.exe"));
        Ok(Self { wine, driver })
    }

    /// The folder with the programs as built.
    pub fn built() -> Result<PathBuf> {
        Ok(PathBuf::from(named("TEGATA_MPKI_CLIENT")?))
    }

    /// Does steps in the windows, and answers what the driver printed.
    pub fn drive(&self, steps: &[&str]) -> Result<String> {
        let arguments = [&[self.driver.as_str()], steps].concat();
        Ok(self.wine.run(&arguments)?.good()?.text())
    }

    /// Keeps a picture of the screen in `target/screenshots`.
    pub fn picture(&self, name: &str) -> Result<()> {
        self.wine.picture(name, &[]).map(|_| ())
    }

    /// Runs a package without windows (`/i`, `/x`), as an operator's distribution does.
    pub fn msiexec(&self, what: &str, package: &Path) -> Result<()> {
        let package = self.wine.windows_path(package);
        self.wine.run(&["msiexec", what, &package, "/qn"])?.good()?;
        Ok(())
    }

    /// What the client wrote into its log so far.
    pub fn log(&self) -> Result<String> {
        let log = self.wine.user()?.join(OWN_FOLDER).join("client.log");
        Ok(fs::read_to_string(log).unwrap_or_default())
    }

    /// Waits until the log is as wanted.
    pub fn wait_for_log(&self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
        eventually(what, || Ok(is_there(&self.log()?).then_some(())))
    }
}
