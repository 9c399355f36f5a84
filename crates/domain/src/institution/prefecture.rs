//! The 47 prefectures (requirements §5.3).

/// One of the 47 prefectures, by its number in an institution code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefecture(u8);

impl Prefecture {
    /// The prefecture with this number (1 to 47).
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=47).contains(&number).then_some(Self(number))
    }

    /// The prefecture with this name in small Latin letters, such as `hokkaido`.
    pub fn from_romaji(name: &str) -> Option<Self> {
        let index = ROMAJI.iter().position(|romaji| *romaji == name)?;
        u8::try_from(index + 1).ok().and_then(Self::from_number)
    }

    /// 1 (Hokkaido) to 47 (Okinawa).
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The prefecture with this name, such as 北海道.
    pub fn from_name(name: &str) -> Option<Self> {
        let index = NAMES.lines().position(|known| known == name)?;
        u8::try_from(index + 1).ok().and_then(Self::from_number)
    }

    /// The prefecture with which an address begins.
    pub fn beginning(address: &str) -> Option<Self> {
        let begins = |name: &&str| address.starts_with(name);
        NAMES.lines().find(begins).and_then(Self::from_name)
    }

    /// The name, such as 北海道.
    pub fn name(self) -> &'static str {
        let mut names = NAMES.lines();
        names.nth(usize::from(self.0) - 1).unwrap_or_default()
    }

    /// The name in small Latin letters, as it stands in the subject.
    pub fn romaji(self) -> &'static str {
        ROMAJI
            .get(usize::from(self.0) - 1)
            .copied()
            .unwrap_or_default()
    }
}

/// The names by number, one a line.
const NAMES: &str = include_str!("prefectures.txt");

const ROMAJI: [&str; 47] = [
    "hokkaido",
    "aomori",
    "iwate",
    "miyagi",
    "akita",
    "yamagata",
    "fukushima",
    "ibaraki",
    "tochigi",
    "gunma",
    "saitama",
    "chiba",
    "tokyo",
    "kanagawa",
    "niigata",
    "toyama",
    "ishikawa",
    "fukui",
    "yamanashi",
    "nagano",
    "gifu",
    "shizuoka",
    "aichi",
    "mie",
    "shiga",
    "kyoto",
    "osaka",
    "hyogo",
    "nara",
    "wakayama",
    "tottori",
    "shimane",
    "okayama",
    "hiroshima",
    "yamaguchi",
    "tokushima",
    "kagawa",
    "ehime",
    "kochi",
    "fukuoka",
    "saga",
    "nagasaki",
    "kumamoto",
    "oita",
    "miyazaki",
    "kagoshima",
    "okinawa",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Requirements §5.3, as it is written there.
    const PREFECTURES: &str = "01 hokkaido 02 aomori 03 iwate 04 miyagi 05 akita 06 yamagata \
        07 fukushima 08 ibaraki 09 tochigi 10 gunma 11 saitama 12 chiba 13 tokyo 14 kanagawa \
        15 niigata 16 toyama 17 ishikawa 18 fukui 19 yamanashi 20 nagano 21 gifu 22 shizuoka \
        23 aichi 24 mie 25 shiga 26 kyoto 27 osaka 28 hyogo 29 nara 30 wakayama 31 tottori \
        32 shimane 33 okayama 34 hiroshima 35 yamaguchi 36 tokushima 37 kagawa 38 ehime 39 kochi \
        40 fukuoka 41 saga 42 nagasaki 43 kumamoto 44 oita 45 miyazaki 46 kagoshima 47 okinawa";

    #[test]
    fn the_47_prefectures_have_their_numbers_and_names() {
        let words: Vec<&str> = PREFECTURES.split_whitespace().collect();
        let table = words.chunks(2).map(|pair| (pair[0], pair[1]));
        assert_eq!(table.len(), 47);
        for (number, name) in table {
            let prefecture = Prefecture::from_number(number.parse().unwrap()).unwrap();
            assert_eq!(prefecture.romaji(), name);
            assert_eq!(Prefecture::from_romaji(name), Some(prefecture));
            assert_eq!(format!("{:02}", prefecture.number()), number);
        }
    }

    #[test]
    fn there_is_no_other_prefecture() {
        assert!(
            [0, 48, 255]
                .map(Prefecture::from_number)
                .iter()
                .all(Option::is_none)
        );
        for name in ["", "Hokkaido", "hokkaido ", "tokyo-to", "edo"] {
            assert_eq!(Prefecture::from_romaji(name), None, "{name}");
        }
    }
}
