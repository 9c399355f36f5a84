//! The commented file that `tegata init` writes where there is none yet.

use super::Profile;

/// The text of a new configuration file for `profile`.
pub(crate) fn starter(profile: Profile) -> String {
    format!(
        "# Configuration of tegata. Every key: docs/reference/configuration.md.\n\
         # `tegata config check --config FILE` tells a mistake in one line.\n\n\
         # The set of rules to begin with: \"default\", or the sample \"obn\".\n\
         profile = \"{}\"\n\n\
         # Relative paths are meant from the folder of this file.\n\
         data_dir = \"data\"\n\
         # database = \"postgres://tegata@localhost/tegata\"\n\n\
         # The key-encryption key. Keep it out of data_dir and out of backups.\n\
         kek_file = \"kek\"\n\n\
         [listen]\n\
         public = \"127.0.0.1:8440\"\n\
         subscriber = \"127.0.0.1:8441\"\n\
         console = \"127.0.0.1:8442\"\n\
         plain = \"127.0.0.1:8444\"\n\n\
         [names]\n\
         public = \"localhost\"\n\
         subscriber = [\"localhost\", \"r1.localhost\"]\n\
         tls_domains = [\"localhost\"]\n\
         # Stands in every certificate: choose it for decades.\n\
         # plain_url = \"http://ca.example.jp\"\n\n\
         # The mail server; without one, mails wait in the database.\n\
         # [mail]\n\
         # server = \"mail.example.jp\"\n\
         # user = \"tegata\"\n\
         # password_file = \"mail-password\"\n\n\
         # Single rules of the profile can be changed here.\n\
         # [policy.periods]\n\
         # validity_months = 39\n",
        profile.as_str()
    )
}
