//! Entries of the register of institutions (台帳) as they come from outside, and how they differ from what stands in
//! it (decisions I5, F2).

use crate::id::InstitutionId;
use crate::institution::{
    ClassName, Institution, InstitutionCode, InvalidCode, Prefecture, breaks_or_turns_line,
};
use crate::policy::{ClassRule, Policy};
use crate::reference::half_width;

/// Most characters of a name or its kana.
const LONGEST_NAME: usize = 80;
/// Most characters of an address: what fits the window of an envelope.
const LONGEST_ADDRESS: usize = 80;

/// An entry as somebody typed it or a file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedEntry {
    /// The class by its name, such as `medical`, or by its label.
    pub class: String,
    /// 医療機関コード.
    pub code: String,
    /// Name as printed.
    pub name: String,
    /// How the name is read; may be empty.
    pub kana: String,
    /// The prefecture by its name in either script; may be empty where the code or the address says it.
    pub prefecture: String,
    /// Postal code of the address.
    pub postal_code: String,
    /// Address that letters go to.
    pub address: String,
    /// The number to call back.
    pub telephone: String,
}

/// An entry that can stand in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterEntry {
    /// Its class.
    pub class: ClassName,
    /// Its code, checked by the rule of the class.
    pub code: InstitutionCode,
    /// Name as printed.
    pub name: String,
    /// How the name is read; empty where nobody said.
    pub kana: String,
    /// The prefecture that stands in the subject.
    pub prefecture: Prefecture,
    /// Seven digits with a hyphen after the third.
    pub postal_code: String,
    /// Address that letters go to.
    pub address: String,
    /// The number to call back, with half-width digits and hyphens.
    pub telephone: String,
}

/// A column of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegisterField {
    /// [`RegisterEntry::address`].
    Address,
    /// [`RegisterEntry::class`].
    Class,
    /// [`RegisterEntry::code`].
    Code,
    /// [`RegisterEntry::kana`].
    Kana,
    /// [`RegisterEntry::name`].
    Name,
    /// [`RegisterEntry::postal_code`].
    PostalCode,
    /// [`RegisterEntry::prefecture`].
    Prefecture,
    /// [`RegisterEntry::telephone`].
    Telephone,
}

impl RegisterField {
    /// The column's name in a file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Class => "class",
            Self::Code => "code",
            Self::Kana => "kana",
            Self::Name => "name",
            Self::PostalCode => "postal_code",
            Self::Prefecture => "prefecture",
            Self::Telephone => "telephone",
        }
    }
}

/// Why an entry cannot stand in the register.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// No such class.
    #[error("there is no class \"{typed}\"; use one of {known}")]
    Class {
        /// What was typed.
        typed: String,
        /// The names of all classes.
        known: String,
    },
    /// The code is none of its class.
    #[error("code \"{typed}\": {because}{hint}")]
    Code {
        /// What was typed.
        typed: String,
        /// What is wrong.
        because: InvalidCode,
        /// What may have happened to it; empty where nothing is known.
        hint: &'static str,
    },
    /// A control character, or one that turns the direction of writing.
    #[error("{} has a character that cannot be shown (U+{:04X}); remove it", field.as_str(), u32::from(*found))]
    Control {
        /// Where.
        field: RegisterField,
        /// The character.
        found: char,
    },
    /// A column that must not be empty.
    #[error("{} is empty; fill it in", .0.as_str())]
    Empty(RegisterField),
    /// The postal code.
    #[error("postal_code \"{0}\" is not seven digits")]
    PostalCode(String),
    /// No prefecture of this name, or none said.
    #[error(
        "the prefecture is not known; begin the address with it, or add a column \"prefecture\""
    )]
    Prefecture,
    /// The telephone number.
    #[error("telephone \"{0}\" is not ten or eleven digits with hyphens that begin with 0")]
    Telephone(String),
    /// Too long.
    #[error("{} is longer than {most} characters; shorten it", field.as_str())]
    TooLong {
        /// Which column.
        field: RegisterField,
        /// Most characters.
        most: usize,
    },
}

/// One column that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterChange {
    /// Which.
    pub field: RegisterField,
    /// What stands in the register.
    pub old: String,
    /// What the entry says.
    pub new: String,
}

impl RegisterEntry {
    /// Checks an entry; everything that is wrong with it is told at once.
    pub fn check(typed: &TypedEntry, policy: &Policy) -> Result<Self, Vec<EntryProblem>> {
        let mut problems = Vec::new();
        let mut kept = |checked: Result<String, EntryProblem>| {
            checked.unwrap_or_else(|problem| {
                problems.push(problem);
                String::new()
            })
        };
        let name = kept(line(RegisterField::Name, &typed.name, LONGEST_NAME, true));
        let kana = kept(line(RegisterField::Kana, &typed.kana, LONGEST_NAME, false));
        let address = kept(line(
            RegisterField::Address,
            &typed.address,
            LONGEST_ADDRESS,
            true,
        ));
        let postal_code = kept(postal_code(&typed.postal_code));
        let telephone = kept(
            telephone(&typed.telephone)
                .ok_or_else(|| EntryProblem::Telephone(typed.telephone.trim().to_owned())),
        );
        let coded = class(&typed.class, policy)
            .and_then(|(class, rule)| Ok((class, code(typed, rule, &address)?)));
        match coded {
            Ok((class, (code, prefecture))) if problems.is_empty() => Ok(Self {
                class,
                code,
                name,
                kana,
                prefecture,
                postal_code,
                address,
                telephone,
            }),
            Ok(_) => Err(problems),
            Err(problem) => {
                problems.insert(0, problem);
                Err(problems)
            }
        }
    }

    /// The institution that this entry makes.
    pub fn into_institution(self, id: InstitutionId) -> Institution {
        Institution {
            id,
            class: self.class,
            code: self.code,
            name: self.name,
            kana: self.kana,
            prefecture: self.prefecture,
            postal_code: self.postal_code,
            address: self.address,
            telephone: self.telephone,
            changed_at: None,
            closed_at: None,
        }
    }

    /// Columns in which the institution stands otherwise in the register. Class and code are the key under which it
    /// was found.
    pub fn changes(&self, institution: &Institution) -> Vec<RegisterChange> {
        let columns = [
            (RegisterField::Name, &institution.name, &self.name),
            (RegisterField::Kana, &institution.kana, &self.kana),
            (
                RegisterField::PostalCode,
                &institution.postal_code,
                &self.postal_code,
            ),
            (RegisterField::Address, &institution.address, &self.address),
            (
                RegisterField::Telephone,
                &institution.telephone,
                &self.telephone,
            ),
        ];
        let mut changes: Vec<_> = columns
            .into_iter()
            .filter(|(_, old, new)| old != new)
            .map(|(field, old, new)| RegisterChange {
                field,
                old: old.clone(),
                new: new.clone(),
            })
            .collect();
        if institution.prefecture != self.prefecture {
            changes.push(RegisterChange {
                field: RegisterField::Prefecture,
                old: institution.prefecture.romaji().to_owned(),
                new: self.prefecture.romaji().to_owned(),
            });
        }
        changes
    }
}

/// The class by its name or its label.
fn class<'a>(typed: &str, policy: &'a Policy) -> Result<(ClassName, &'a ClassRule), EntryProblem> {
    let typed = typed.trim();
    let found = policy
        .classes
        .iter()
        .find(|(name, rule)| *name == typed || rule.label == typed);
    let Some((name, rule)) = found else {
        let known: Vec<&str> = policy.classes.keys().map(String::as_str).collect();
        return Err(EntryProblem::Class {
            typed: typed.to_owned(),
            known: known.join(", "),
        });
    };
    Ok((ClassName::new(name), rule))
}

/// The code, and the prefecture that it, its own column or the address names.
fn code(
    typed: &TypedEntry,
    rule: &ClassRule,
    address: &str,
) -> Result<(InstitutionCode, Prefecture), EntryProblem> {
    let column = typed.prefecture.trim();
    let named = match column {
        "" => None,
        name => Some(
            Prefecture::from_name(name)
                .or_else(|| Prefecture::from_romaji(name))
                .ok_or(EntryProblem::Prefecture)?,
        ),
    };
    let text = half_width(&typed.code).map(|text| text.to_ascii_uppercase());
    let text = text.unwrap_or_else(|| typed.code.clone());
    let code = InstitutionCode::parse(&text, rule, named).map_err(|because| {
        let lost_a_zero = text.len() == 9
            && because == InvalidCode::Form
            && InstitutionCode::parse(&format!("0{text}"), rule, named).is_ok();
        EntryProblem::Code {
            typed: typed.code.trim().to_owned(),
            because,
            hint: if lost_a_zero {
                "; a spreadsheet took the leading 0 away: format the column as text"
            } else {
                ""
            },
        }
    })?;
    let prefecture = named
        .or_else(|| code.prefecture().filter(|_| rule.prefecture))
        .or_else(|| Prefecture::beginning(address))
        .ok_or(EntryProblem::Prefecture)?;
    Ok((code, prefecture))
}

/// One line without what cannot be shown.
fn line(
    field: RegisterField,
    typed: &str,
    most: usize,
    is_needed: bool,
) -> Result<String, EntryProblem> {
    let text = typed.trim();
    if text.is_empty() && is_needed {
        return Err(EntryProblem::Empty(field));
    }
    if text.chars().count() > most {
        return Err(EntryProblem::TooLong { field, most });
    }
    let hidden = |c: &char| c.is_control() || breaks_or_turns_line(*c);
    match text.chars().find(hidden) {
        Some(found) => Err(EntryProblem::Control { field, found }),
        None => Ok(text.to_owned()),
    }
}

/// Seven digits in any width, with or without hyphen and 〒.
fn postal_code(typed: &str) -> Result<String, EntryProblem> {
    let digits = half_width(typed.trim().trim_start_matches('〒'))
        .filter(|text| text.len() == 7 && text.bytes().all(|b| b.is_ascii_digit()));
    let parts = digits
        .as_deref()
        .and_then(|digits| digits.split_at_checked(3));
    match parts {
        Some((area, place)) => Ok(format!("{area}-{place}")),
        None => Err(EntryProblem::PostalCode(typed.trim().to_owned())),
    }
}

/// A telephone number of this country as somebody typed it, with half-width digits and hyphens: it begins with 0 and
/// has nine to eleven digits, with or without hyphens, ten to fifteen characters in all.
pub fn telephone(typed: &str) -> Option<String> {
    let narrow = |c: char| match c {
        '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff0d}' | '\u{ff70}' => '-',
        other => other,
    };
    let text: String = typed.trim().chars().map(narrow).collect();
    is_telephone(&text).then_some(text)
}

fn is_telephone(text: &str) -> bool {
    (10..=15).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && (9..=11).contains(&text.bytes().filter(u8::is_ascii_digit).count())
        && text.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::policy::ProfileName;
    use crate::time::Timestamp;

    fn typed() -> TypedEntry {
        TypedEntry {
            class: "medical".to_owned(),
            code: "0110119153".to_owned(),
            name: "見本医院".to_owned(),
            kana: "ミホンイイン".to_owned(),
            prefecture: String::new(),
            postal_code: "060-0000".to_owned(),
            address: "北海道札幌市見本区1-1".to_owned(),
            telephone: "011-000-0000".to_owned(),
        }
    }

    fn check(change: impl FnOnce(&mut TypedEntry)) -> Result<RegisterEntry, Vec<EntryProblem>> {
        let policy: Policy = toml::from_str(ProfileName::Obn.source()).unwrap();
        let mut typed = typed();
        change(&mut typed);
        RegisterEntry::check(&typed, &policy)
    }

    #[test]
    fn widths_blanks_and_labels_are_put_right() {
        let entry = check(|typed| {
            typed.class = " 医科 ".to_owned();
            typed.code = "０１１０１１９１５３".to_owned();
            typed.postal_code = "〒０６０－００００".to_owned();
            typed.telephone = "０１１−０００ー００００".to_owned();
        });
        assert_eq!(entry.unwrap(), check(|_| ()).unwrap());
        let entry = check(|typed| typed.postal_code = "0600000".to_owned()).unwrap();
        assert_eq!(entry.postal_code, "060-0000");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let problems = check(|typed| {
            typed.class = "hospital".to_owned();
            typed.name = " ".to_owned();
            typed.address = "あ".repeat(500);
            typed.kana = "ミホン\r\nBcc: a".to_owned();
            typed.postal_code = "12-345".to_owned();
            typed.telephone = "1234".to_owned();
        });
        let problems = problems.unwrap_err();
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert!(matches!(&problems[0], EntryProblem::Class { typed, .. } if typed == "hospital"));
        assert!(problems.contains(&EntryProblem::Empty(RegisterField::Name)));
        let long = EntryProblem::TooLong {
            field: RegisterField::Address,
            most: LONGEST_ADDRESS,
        };
        assert!(problems.contains(&long));
    }

    #[test]
    fn a_zero_that_a_spreadsheet_took_is_named() {
        let problems = check(|typed| typed.code = "110119153".to_owned()).unwrap_err();
        let told = problems[0].to_string();
        assert!(told.contains("leading 0"), "{told}");
        let problems = check(|typed| typed.code = "110119152".to_owned()).unwrap_err();
        let told = problems[0].to_string();
        assert!(!told.contains("leading 0"), "{told}");
    }

    #[test]
    fn the_prefecture_comes_from_its_column_the_code_or_the_address() {
        let of = |class: &str, code: &str, column: &str, address: &str| {
            check(|typed| {
                typed.class = class.to_owned();
                typed.code = code.to_owned();
                typed.prefecture = column.to_owned();
                typed.address = address.to_owned();
            })
            .map(|entry| entry.prefecture.romaji())
        };
        assert_eq!(of("medical", "0110119153", "", "札幌市1"), Ok("hokkaido"));
        assert_eq!(of("insurer", "123456", "", "京都府京都市1"), Ok("kyoto"));
        assert_eq!(of("insurer", "123456", "東京都", "新宿区1"), Ok("tokyo"));
        assert_eq!(of("insurer", "123456", "tokyo", "新宿区1"), Ok("tokyo"));
        assert_eq!(
            of("insurer", "123456", "", "新宿区1"),
            Err(vec![EntryProblem::Prefecture])
        );
        let other = of("medical", "0110119153", "東京都", "新宿区1").unwrap_err();
        assert!(matches!(
            &other[0],
            EntryProblem::Code {
                because: InvalidCode::Prefecture,
                ..
            }
        ));
    }

    #[test]
    fn differences_name_the_column_with_both_values() {
        let id = InstitutionId::generate(Timestamp::from_unix(0), &SeededEntropy::new(1));
        let entry = check(|_| ()).unwrap();
        let mut institution = entry.clone().into_institution(id);
        assert_eq!(entry.changes(&institution), []);
        institution.name = "旧見本医院".to_owned();
        institution.telephone = "011-000-0001".to_owned();
        let changes = entry.changes(&institution);
        let fields: Vec<_> = changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, [RegisterField::Name, RegisterField::Telephone]);
        assert_eq!(changes[0].old, "旧見本医院");
        assert_eq!(changes[0].new, "見本医院");
    }
}
