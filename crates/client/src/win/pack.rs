//! What the operator packed: `client.toml` beside the program, and what the installer was told on its command line.

use std::fs;
use std::io::ErrorKind;

use super::resource::word;
use super::sys::certificate::Owner;
use super::sys::process;
use super::sys::registry::{RegistryKey, View};
use super::sys::window::word as fixed;
use crate::ports::FileError;
use crate::settings::{Pack, ProxyMode, ProxySettings, SettingsError};

/// The file beside the program.
const FILE: &str = "client.toml";
/// Where the installer keeps its properties, for this user or for all.
pub(super) const KEY: &str = r"Software\Tegata\MPKI Client";
const SERVER: &str = "Server";
const PROXY: &str = "Proxy";

/// The pack as text, as [`Settings::load`](crate::settings::Settings::load) reads it.
pub(super) fn text() -> Result<String, SettingsError> {
    let pack = load()?;
    toml::to_string(&pack).map_err(|error| form(&error))
}

/// The pack. Without a file it is empty: the person names the server, and the 接続確認コード proves it.
pub(super) fn load() -> Result<Pack, SettingsError> {
    let path = process::program().with_file_name(FILE);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = toml::Value::String(fixed(word::AUTHORITY));
            format!("ca_name = {name}")
        }
        Err(error) => {
            return Err(SettingsError::File(FileError::Denied(format!(
                "{FILE}: {error}"
            ))));
        }
    };
    let mut pack: Pack = toml::from_str(&text).map_err(|error| form(&error))?;
    if let Some(server) = installed(SERVER) {
        pack.server = server;
    }
    if let Some(proxy) = installed(PROXY) {
        pack.proxy = proxy_of(&proxy, &pack.proxy);
    }
    Ok(pack)
}

/// A value of the installer; that for this user wins.
fn installed(name: &str) -> Option<String> {
    let owners = [Owner::User, Owner::Machine].into_iter();
    let mut texts = owners
        .filter_map(|owner| RegistryKey::open(owner, KEY, View::Own)?.text(name))
        .map(|text| text.trim().to_owned());
    texts.find(|text| !text.is_empty())
}

/// `auto`, `direct`, `host:port`, or the address of a PAC file.
fn proxy_of(text: &str, packed: &ProxySettings) -> ProxySettings {
    let mut proxy = packed.clone();
    match text {
        "auto" => proxy.mode = ProxyMode::System,
        "direct" => proxy.mode = ProxyMode::Direct,
        address if address.contains("://") => {
            proxy.mode = ProxyMode::Pac;
            address.clone_into(&mut proxy.pac);
        }
        address => {
            proxy.mode = ProxyMode::Manual;
            address.clone_into(&mut proxy.address);
        }
    }
    proxy
}

fn form(problem: &dyn std::fmt::Display) -> SettingsError {
    SettingsError::Form {
        file: FILE,
        problem: problem.to_string(),
    }
}
