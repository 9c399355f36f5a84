//! Every sentence that a person at the terminal reads, chosen by its number (decision S4, manual 3.1.2).

/// How the program shows itself (N1).
pub const PROGRAM: &str = "MPKIクライアント";
