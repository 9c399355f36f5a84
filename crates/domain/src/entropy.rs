//! The only source of chance for ids, serial numbers and secrets; keys come from the crypto
//! library.

use std::sync::Mutex;

/// Where random octets come from.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` with random octets.
    fn fill(&self, buffer: &mut [u8]);
}

/// `N` random octets.
pub fn octets<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut buffer = [0; N];
    entropy.fill(&mut buffer);
    buffer
}

/// `length` characters of `alphabet`, each with the same probability (rejection sampling).
///
/// `alphabet` is ASCII, 1 to 256 characters; of a longer one only the first 256 are used, and of an
/// empty one nothing can be made, so the text is empty.
pub fn text(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    let size = alphabet.len().min(256);
    if size == 0 {
        return String::new();
    }
    let limit = 256 - 256 % size;
    let mut out = String::with_capacity(length);
    while out.len() < length {
        for octet in octets::<32>(entropy) {
            let value = usize::from(octet);
            if value < limit
                && out.len() < length
                && let Some(c) = alphabet.get(value % size)
            {
                out.push(char::from(*c));
            }
        }
    }
    out
}

/// Repeatable octets from a seed, for tests (SplitMix64; never for a real secret).
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// The sequence that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = match self.0.lock() {
            Ok(state) => state,
            Err(poisoned) => poisoned.into_inner(),
        };
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            for (to, from) in chunk.iter_mut().zip(z.to_be_bytes()) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    /// Every octet once, then again.
    struct Counting(Mutex<u8>);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            let mut next = self.0.lock().unwrap();
            for octet in buffer {
                *octet = *next;
                *next = next.wrapping_add(1);
            }
        }
    }

    fn counts(text: &str) -> Vec<usize> {
        let count = |c: &u8| text.bytes().filter(|b| b == c).count();
        ALPHABET.iter().map(count).collect()
    }

    #[test]
    fn octets_that_would_prefer_some_characters_are_thrown_away() {
        // 256 octets hold each of 56 characters four times; the 32 octets left over are not used.
        let text = text(&Counting(Mutex::new(0)), ALPHABET, 4 * 56);
        assert_eq!(counts(&text), [4; 56]);
    }

    #[test]
    fn every_character_is_equally_likely() {
        let text = text(&SeededEntropy::new(1), ALPHABET, 560_000);
        // 10,000 of each are expected; the standard deviation is 99. A remainder without
        // rejection would make 10,937 of the first and 8,750 of the last.
        for (c, count) in ALPHABET.iter().zip(counts(&text)) {
            assert!((9_500..=10_500).contains(&count), "{c}: {count}");
        }
    }

    #[test]
    fn an_empty_alphabet_makes_an_empty_text() {
        assert_eq!(text(&SeededEntropy::new(1), b"", 10), "");
    }

    #[test]
    fn one_character_or_more_than_256_make_a_text_of_the_right_length() {
        assert_eq!(text(&Constant(255), b"a", 3), "aaa");
        let long = [b'a'; 300];
        assert_eq!(text(&Constant(255), &long, 3), "aaa");
    }

    #[test]
    fn a_seed_repeats_its_octets_and_another_seed_has_others() {
        let made = |seed| octets::<20>(&SeededEntropy::new(seed));
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let entropy = SeededEntropy::new(1);
        assert_ne!(octets::<20>(&entropy), octets::<20>(&entropy));
    }
}
