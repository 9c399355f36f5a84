//! The only source of chance for ids, serial numbers and secrets; keys come from the crypto library.

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
