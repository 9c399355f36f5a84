//! Finding a case by what a caller says: the words under which names, codes and addresses are kept.
//!
//! A word is the folded text from the beginning of a part of a name: 医療法人やまだ内科クリニック is found by its
//! beginning, and by やまだ, 内科 and クリニック. Whoever searches gives the beginning of such a word.

/// Most characters of a word: what is longer is cut, and so is what is looked for.
const LONGEST: usize = 32;
/// Fewest characters to look for: one finds half the register.
pub const SHORTEST: usize = 2;
/// Most words of one text.
const MOST: usize = 24;

/// Forms of corporations, after which the name proper begins: one a line, the longer ones first.
const FORMS: &str = include_str!("search/corporations.txt");

/// How texts are compared: full-width Latin letters and digits become half-width and small, half-width kana and
/// hiragana become katakana; blanks, punctuation and variation selectors go.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3041}'..='\u{3096}' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
            '\u{ff66}'..='\u{ff9d}' => half_width_kana(c),
            '\u{ff9e}' | '\u{3099}' => {
                voice(&mut folded, 1);
                continue;
            }
            '\u{ff9f}' | '\u{309a}' => {
                voice(&mut folded, 2);
                continue;
            }
            _ => c,
        };
        if c.is_alphanumeric() || matches!(c, 'ー' | '@' | '.' | '_' | '+' | '-') {
            folded.extend(c.to_lowercase());
        }
    }
    folded
}

/// What to look for in place of what was typed; `None` where it is too short to mean anything.
pub fn looked_for(typed: &str) -> Option<String> {
    let folded: String = fold(typed).chars().take(LONGEST).collect();
    (folded.chars().count() >= SHORTEST).then_some(folded)
}

/// The words under which a text is found, each once, in order.
pub fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut before = None;
    for (at, c) in text.char_indices() {
        let kind = kind(c, before);
        let begins = kind != before;
        before = kind;
        let Some(rest) = text.get(at..).filter(|_| begins && kind.is_some()) else {
            continue;
        };
        add(&mut found, rest);
        let form = FORMS.lines().find_map(|form| rest.strip_prefix(form));
        if let Some(name) = form {
            add(&mut found, name);
        }
    }
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

/// The words of an institution's code: all of it, and the seven digits that clinics write.
pub fn code_words(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    add(&mut found, code);
    if let Some(last) = code.len().checked_sub(7).and_then(|at| code.get(at..)) {
        add(&mut found, last);
    }
    found.dedup();
    found
}

/// The words of a mail address: all of it, and what stands after the @.
pub fn mail_words(mail: &str) -> Vec<String> {
    let mut found = Vec::new();
    add(&mut found, mail);
    if let Some((_, host)) = mail.split_once('@') {
        add(&mut found, host);
    }
    found
}

fn add(found: &mut Vec<String>, text: &str) {
    let word: String = fold(text).chars().take(LONGEST).collect();
    if word.chars().count() >= SHORTEST {
        found.push(word);
    }
}

/// The script of a character, at whose change a part of a name begins; `None` between parts.
fn kind(c: char, before: Option<u8>) -> Option<u8> {
    match c {
        'ー' | '々' | '〆' => before.or(Some(1)),
        '\u{3041}'..='\u{309f}' => Some(2),
        '\u{30a0}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => Some(3),
        _ if c.is_ascii_alphanumeric() || ('\u{ff10}'..='\u{ff5a}').contains(&c) => Some(4),
        // Selects a shape of the character before it, and begins nothing.
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => before,
        _ if c.is_alphanumeric() => Some(1),
        _ => None,
    }
}

/// Half-width kana in the order of JIS X 0201, from ｦ.
const KANA: &str = include_str!("search/half_width.txt");

fn half_width_kana(c: char) -> char {
    let at = u32::from(c).saturating_sub(0xff66);
    let found = usize::try_from(at).ok().and_then(|at| KANA.chars().nth(at));
    found.unwrap_or(c)
}

/// Puts the sign for a voiced sound into the kana before it: 1 for ゛, 2 for ゜.
fn voice(folded: &mut String, sign: u32) {
    let Some(last) = folded.pop() else { return };
    let voiced = match (last, sign) {
        ('ウ', 1) => 'ヴ',
        ('カ'..='ト', 1) | ('ハ'..='ホ', _) => {
            char::from_u32(u32::from(last) + sign).unwrap_or(last)
        }
        _ => last,
    };
    folded.push(voiced);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_scripts_and_blanks_make_no_difference() {
        for (text, folded) in [
            ("１３１０１２３４５８", "1310123458"),
            ("ｶﾞｸｴﾝ ﾊﾟﾊﾟ", "ガクエンパパ"),
            ("がくえん", "ガクエン"),
            ("Ｔａｒｏ＠Example.JP", "taro@example.jp"),
            ("見本<内科>　クリニック", "見本内科クリニック"),
            ("髙﨑\u{e0100}𠮷医院", "髙﨑𠮷医院"),
            ("ｳﾞｨﾗ", "ヴィラ"),
            ("か\u{3099}", "ガ"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn a_name_is_found_from_the_beginning_of_each_part() {
        let found = words("医療法人仁愛会やまだ内科クリニック");
        for wanted in ["医療法人", "仁愛会", "ヤマダ", "内科", "クリニック"] {
            assert!(
                found.iter().any(|word| word.starts_with(wanted)),
                "{wanted} in {found:?}"
            );
        }
        assert!(words("佐々木医院").contains(&"佐々木医院".to_owned()));
        assert_eq!(words("A").len(), 0);
        assert!(words(&"あa".repeat(500)).len() <= MOST);
    }

    #[test]
    fn codes_and_addresses_are_found_as_people_write_them() {
        assert_eq!(code_words("1310123458"), ["1310123458", "0123458"]);
        assert_eq!(code_words("１２"), ["12"]);
        assert_eq!(
            mail_words("Taro@clinic.example"),
            ["taro@clinic.example", "clinic.example"]
        );
    }

    #[test]
    fn one_character_is_not_looked_for() {
        assert_eq!(looked_for("あ"), None);
        assert_eq!(looked_for(" . "), None);
        assert_eq!(looked_for("や ま").as_deref(), Some("ヤマ"));
    }
}
