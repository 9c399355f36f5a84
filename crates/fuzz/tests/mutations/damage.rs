//! Damage to samples: of octets, of the lengths and contents of DER, of numbers and lines in texts, and of what lies in
//! base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::corpus::Samples;

/// Longer ones are cut, so that doubling what was doubled comes to an end.
const LONGEST: usize = 64 * 1024;

/// Octets at the edges of what something can be.
const EDGES: &[u8] =
    b"\x00\x01\x09\x0a\x0d\x20\x22\x25\x2c\x2f\x3a\x3b\x3d\x5c\x7f\x80\x81\x82\x84\x9f\xa0\xff";

/// Numbers at the edges, as texts write them.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "00000000000000000000000000000001",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "1e400",
    "0x7fffffff",
    "９９９",
];

/// What is put in somewhere: ends of lines, broken UTF-8, marks that turn the writing, what parsers part at.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe3\x81",
    "\u{202e}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{130}ﬀ".as_bytes(),
    "ﾊﾞﾟ゛".as_bytes(),
    "０＠．".as_bytes(),
    b"%",
    b"%0",
    b"%00",
    b"\"",
    b"\\",
    b",",
    b";",
    b"=",
    b"&",
    b"@",
    b":",
    b"[",
    b"]",
    b"--",
    b"=?utf-8?b?QA==?=",
    b"null",
    b"{",
    b"[[[[[[[[[[[[[[[[",
];

/// A generator of damage (SplitMix64).
pub(crate) struct Damage(u64);

impl Damage {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `own`, damaged one to four times.
    pub(crate) fn to(mut self, own: &[Vec<u8>], all: &Samples) -> Vec<u8> {
        let mut octets = own[self.below(own.len())].clone();
        for _ in 0..=self.below(4) {
            octets = self.once(octets, own, all);
            octets.truncate(LONGEST);
        }
        octets
    }

    fn once(&mut self, mut octets: Vec<u8>, own: &[Vec<u8>], all: &Samples) -> Vec<u8> {
        let (begin, end) = self.range(octets.len());
        match self.below(17) {
            0 if !octets.is_empty() => {
                let at = self.below(octets.len());
                octets[at] ^= 1 << self.below(8);
            }
            1 if !octets.is_empty() => {
                let at = self.below(octets.len());
                octets[at] = EDGES[self.below(EDGES.len())];
            }
            2 if !octets.is_empty() => {
                let at = self.below(octets.len());
                octets[at] = octets[at].wrapping_add(if self.below(2) == 0 { 1 } else { 255 });
            }
            3 => octets.truncate(begin),
            4 => drop(octets.drain(..begin)),
            5 => drop(octets.drain(begin..end)),
            6 => {
                let piece = octets[begin..end].repeat(1 + self.below(40));
                octets.splice(end..end, piece);
            }
            7 => {
                let piece = PIECES[self.below(PIECES.len())];
                octets.splice(begin..begin, piece.iter().copied());
            }
            8 => {
                let other = &own[self.below(own.len())];
                octets = self.spliced(&octets, other);
            }
            9 => {
                let names: Vec<&str> = all.names().collect();
                let others = all.of(names[self.below(names.len())]);
                let other = &others[self.below(others.len())];
                octets = self.spliced(&octets, other);
            }
            10 => octets = self.other_number(octets),
            11 => octets = self.other_line(&octets),
            12 => {
                // A length of DER that promises more, or less, than there is.
                let lengths: [&[u8]; 6] = [
                    b"\x80",
                    b"\x82\xff\xff",
                    b"\x84\xff\xff\xff\xff",
                    b"\x81\x05",
                    b"\x88\xff\xff\xff\xff\xff\xff\xff\xff",
                    b"\x00",
                ];
                let length = lengths[self.below(lengths.len())];
                let end = octets.len().min(begin + 1);
                octets.splice(begin..end, length.iter().copied());
            }
            13 => octets = self.in_base64(&octets),
            _ => octets = self.in_der(&octets, 0).unwrap_or(octets),
        }
        octets
    }

    /// The beginning of one and the end of another.
    fn spliced(&mut self, one: &[u8], other: &[u8]) -> Vec<u8> {
        let (head, tail) = (self.below(one.len() + 1), self.below(other.len() + 1));
        [&one[..head], &other[tail..]].concat()
    }

    /// A run of digits becomes another number.
    fn other_number(&mut self, mut octets: Vec<u8>) -> Vec<u8> {
        let is_digit = |at: usize| octets.get(at).is_some_and(u8::is_ascii_digit);
        let begins: Vec<usize> = (0..octets.len())
            .filter(|at| is_digit(*at) && (*at == 0 || !is_digit(at - 1)))
            .collect();
        if begins.is_empty() {
            return octets;
        }
        let begin = begins[self.below(begins.len())];
        let length = octets[begin..].iter().take_while(|b| b.is_ascii_digit());
        let end = begin + length.count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        octets.splice(begin..end, number.bytes());
        octets
    }

    /// A line stands twice, elsewhere, or not at all.
    fn other_line(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut lines: Vec<&[u8]> = octets.split_inclusive(|octet| *octet == b'\n').collect();
        if lines.is_empty() {
            return Vec::new();
        }
        let line = lines[self.below(lines.len())];
        match self.below(3) {
            0 => lines.insert(self.below(lines.len() + 1), line),
            1 => drop(lines.remove(self.below(lines.len()))),
            _ => {
                let other = self.below(lines.len());
                lines[other] = line;
            }
        }
        lines.concat()
    }

    /// The longest run of base64 is opened, damaged and closed again.
    fn in_base64(&mut self, octets: &[u8]) -> Vec<u8> {
        let is_inside = |octet: &u8| {
            octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=' | b'\r' | b'\n')
        };
        let runs = octets.split(|octet| !is_inside(octet));
        let Some(run) = runs.max_by_key(|run| run.len()) else {
            return octets.to_vec();
        };
        let text: Vec<u8> = run
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let Ok(inside) = STANDARD.decode(&text) else {
            return octets.to_vec();
        };
        let damaged = self.in_der(&inside, 0).unwrap_or_else(|| {
            let mut damaged = inside.clone();
            damaged.push(0);
            damaged
        });
        let at = octets
            .windows(run.len().max(1))
            .position(|window| window == run);
        let at = at.unwrap_or_default();
        let mut whole = octets[..at].to_vec();
        whole.extend(STANDARD.encode(damaged).into_bytes());
        whole.extend(&octets[at + run.len()..]);
        whole
    }

    /// One value of DER is damaged, and the lengths around it are put right. `None` where there is no DER.
    fn in_der(&mut self, octets: &[u8], depth: usize) -> Option<Vec<u8>> {
        let mut values = read_values(octets)?;
        if values.is_empty() {
            return None;
        }
        let at = self.below(values.len());
        let (tag, content) = values[at].clone();
        let mut new = (tag, content.clone());
        let goes_deeper = depth < 12 && self.below(8) > 0;
        let deeper = match tag {
            0x03 if goes_deeper && content.len() > 1 => {
                let inside = self.in_der(&content[1..], depth + 1);
                inside.map(|inside| [&content[..1], &inside].concat())
            }
            0x04 if goes_deeper => self.in_der(&content, depth + 1),
            _ if tag & 0x20 != 0 && goes_deeper => self.in_der(&content, depth + 1),
            _ => None,
        };
        match deeper {
            Some(content) => new.1 = content,
            None => match self.below(12) {
                0 => new.0 = EDGES[self.below(EDGES.len())],
                1 => new.0 ^= 1 << self.below(8),
                2 => new.1 = Vec::new(),
                3 => new.1 = vec![0xff; 1 + self.below(300)],
                4 => new.1.insert(0, 0),
                5 => new.1.extend_from_slice(&content),
                6 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    let place = self.below(content.len() + 1);
                    new.1.splice(place..place, piece.iter().copied());
                }
                7 if !content.is_empty() => {
                    let place = self.below(content.len());
                    new.1[place] ^= 1 << self.below(8);
                }
                8 => values.insert(at, (tag, content)),
                9 => values.extend(std::iter::repeat_n((tag, content), 1 + self.below(70))),
                10 => {
                    let other = self.below(values.len());
                    values.swap(at, other);
                    new = values[at].clone();
                }
                _ => {
                    values.remove(at);
                    return Some(written(&values));
                }
            },
        }
        values[at] = new;
        Some(written(&values))
    }

    fn range(&mut self, length: usize) -> (usize, usize) {
        let begin = self.below(length + 1);
        let most = if self.below(4) == 0 {
            length - begin
        } else {
            (length - begin).min(16)
        };
        (begin, begin + self.below(most + 1))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let limit = u64::try_from(limit.max(1)).unwrap();
        usize::try_from(mixed % limit).unwrap()
    }
}

/// Neighbouring values of DER with their tags; `None` where the octets are anything else.
fn read_values(mut octets: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut values = Vec::new();
    while let Some((tag, rest)) = octets.split_first() {
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits
                    .iter()
                    .fold(0, |length, b| length << 8 | usize::from(*b));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        values.push((*tag, content.to_vec()));
        octets = rest;
    }
    Some(values)
}

fn written(values: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (tag, content) in values {
        octets.push(*tag);
        let [.., a, b, c] = content.len().to_be_bytes();
        match content.len() {
            0..=0x7f => octets.push(c),
            0x80..=0xff => octets.extend([0x81, c]),
            0x100..=0xffff => octets.extend([0x82, b, c]),
            _ => octets.extend([0x83, a, b, c]),
        }
        octets.extend_from_slice(content);
    }
    octets
}
