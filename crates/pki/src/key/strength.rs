//! Known weaknesses of RSA public keys: exponents that forge, small factors, the fingerprint of
//! ROCA (CVE-2017-15361) and factors that lie close together (CVE-2022-26320).

use crate::tlv::{Malformed, Reader};

/// A known weakness of a public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeakKey {
    /// The two factors lie so close together that Fermat's method finds them.
    #[error("the factors of the modulus are too close together")]
    CloseFactors,
    /// The public exponent is even or smaller than 65537.
    #[error("the public exponent is not an odd number from 65537 on")]
    Exponent,
    /// The RSA modulus has fewer than 2048 bits.
    #[error("the modulus has {0} bits, at least 2048 are needed")]
    ModulusTooShort(usize),
    /// The modulus has the structure of the keys of CVE-2017-15361.
    #[error("the modulus has the fingerprint of CVE-2017-15361")]
    Roca,
    /// A small prime divides the modulus.
    #[error("{0} divides the modulus")]
    SmallFactor(u32),
    /// The key cannot be read.
    #[error("the key cannot be read")]
    Unreadable,
}

impl From<Malformed> for WeakKey {
    fn from(_: Malformed) -> Self {
        Self::Unreadable
    }
}

/// Number of bits of a big-endian magnitude without leading zero octets.
pub(super) fn bit_length(magnitude: &[u8]) -> usize {
    let unused = magnitude.first().map_or(0, |octet| octet.leading_zeros());
    (magnitude.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or_default())
}

/// Checks the DER `RSAPublicKey` (RFC 8017 appendix A.1.1) for every weakness known here; takes
/// about a millisecond.
pub(super) fn check_rsa(key: &[u8]) -> Result<(), WeakKey> {
    let modulus = check_rsa_size(key)?;
    if let Some(factor) = primes_below(1 << 13).find(|prime| remainder(modulus, *prime) == 0) {
        return Err(WeakKey::SmallFactor(factor));
    }
    if has_roca_fingerprint(modulus) {
        return Err(WeakKey::Roca);
    }
    if has_close_factors(modulus) {
        return Err(WeakKey::CloseFactors);
    }
    Ok(())
}

/// Checks size and exponent only, which costs nothing; returns the modulus.
pub(super) fn check_rsa_size(key: &[u8]) -> Result<&[u8], WeakKey> {
    let mut numbers = Reader::sequence_in(key)?;
    let modulus = numbers.unsigned_integer()?;
    let exponent = numbers.unsigned_integer()?;
    if bit_length(modulus) < 2048 {
        return Err(WeakKey::ModulusTooShort(bit_length(modulus)));
    }
    let odd = exponent.last().is_some_and(|octet| octet & 1 == 1);
    if !odd || bit_length(exponent) < 17 {
        return Err(WeakKey::Exponent);
    }
    Ok(modulus)
}

fn primes_below(limit: u32) -> impl Iterator<Item = u32> {
    (2..limit).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0))
}

fn remainder(magnitude: &[u8], divisor: u32) -> u32 {
    let divisor = u64::from(divisor);
    let rest = magnitude.iter().fold(0_u64, |rest, octet| {
        (rest << 8 | u64::from(*octet)) % divisor
    });
    u32::try_from(rest).unwrap_or_default()
}

/// The primes of an affected key are powers of 65537 modulo many small primes, and so is their
/// product. A healthy modulus passes all 38 tests by chance about once in 2^27.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    primes_below(168).filter(|prime| *prime > 2).all(|prime| {
        let wanted = remainder(modulus, prime);
        let generator = 65_537 % prime;
        let mut power = 1;
        for _ in 1..prime {
            if power == wanted {
                return true;
            }
            power = power * generator % prime;
        }
        false
    })
}

/// True when the two factors agree in about their upper half and a little more.
///
/// Fermat's method writes n = a² − b² and tries a = ⌈√n⌉, ⌈√n⌉ + 1 …. For 100 rounds to find b,
/// a² − n must be small: about 200·√n. The test squares candidates instead of dividing.
fn has_close_factors(modulus: &[u8]) -> bool {
    let n = Natural::from_be_bytes(modulus);
    let mut a = n.square_root();
    if a.square() != n {
        a.add_small(1);
    }
    for _ in 0..100 {
        let difference = a.square().minus(&n);
        if difference.may_be_square() && difference.square_root().square() == difference {
            return true;
        }
        a.add_small(1);
    }
    false
}

/// A natural number: 32-bit limbs, least significant first, no zero limb at the end.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Natural {
    limbs: Vec<u32>,
}

impl Natural {
    fn from_be_bytes(bytes: &[u8]) -> Self {
        let limbs = bytes
            .rchunks(4)
            .map(|chunk| {
                chunk
                    .iter()
                    .fold(0, |limb, octet| limb << 8 | u32::from(*octet))
            })
            .collect();
        Self { limbs }.trimmed()
    }

    fn trimmed(mut self) -> Self {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
        self
    }

    fn bits(&self) -> usize {
        let top = self
            .limbs
            .last()
            .map_or(0, |limb| 32 - limb.leading_zeros());
        self.limbs.len().saturating_sub(1) * 32 + usize::try_from(top).unwrap_or_default()
    }

    fn add_small(&mut self, small: u32) {
        let mut carry = small;
        for limb in &mut self.limbs {
            let (sum, overflow) = limb.overflowing_add(carry);
            *limb = sum;
            carry = u32::from(overflow);
        }
        if carry > 0 {
            self.limbs.push(carry);
        }
    }

    fn square(&self) -> Self {
        let mut product = vec![0_u32; self.limbs.len() * 2];
        for (shift, left) in self.limbs.iter().enumerate() {
            let mut carry = 0_u64;
            let tail = product.iter_mut().skip(shift);
            let right = self.limbs.iter().copied().chain(std::iter::once(0));
            for (place, right) in tail.zip(right) {
                let sum = u64::from(*left) * u64::from(right) + u64::from(*place) + carry;
                *place = low(sum);
                carry = sum >> 32;
            }
        }
        Self { limbs: product }.trimmed()
    }

    /// `self − other`, zero if `other` is greater.
    fn minus(&self, other: &Self) -> Self {
        let mut borrow = 0_u64;
        let subtrahend = other.limbs.iter().copied().chain(std::iter::repeat(0));
        let mut limbs = Vec::with_capacity(self.limbs.len());
        for (left, right) in self.limbs.iter().zip(subtrahend) {
            let taken = u64::from(right) + borrow;
            borrow = u64::from(u64::from(*left) < taken);
            limbs.push(low((u64::from(*left) + (borrow << 32)).wrapping_sub(taken)));
        }
        if borrow > 0 || other.limbs.len() > self.limbs.len() {
            limbs.clear();
        }
        Self { limbs }.trimmed()
    }

    fn is_at_least(&self, other: &Self) -> bool {
        self.limbs
            .len()
            .cmp(&other.limbs.len())
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
            != std::cmp::Ordering::Less
    }

    /// ⌊√self⌋, two bits of the radicand at a time.
    fn square_root(&self) -> Self {
        let mut root = Self { limbs: Vec::new() };
        let mut rest = Self { limbs: Vec::new() };
        for pair in (0..self.bits().div_ceil(2)).rev() {
            rest.shift_in(2, self.bit(pair * 2 + 1) << 1 | self.bit(pair * 2));
            let mut trial = root.clone();
            trial.shift_in(2, 1);
            let fits = rest.is_at_least(&trial);
            if fits {
                rest = rest.minus(&trial);
            }
            root.shift_in(1, u32::from(fits));
        }
        root
    }

    fn bit(&self, index: usize) -> u32 {
        self.limbs
            .get(index / 32)
            .map_or(0, |limb| limb >> (index % 32) & 1)
    }

    fn shift_in(&mut self, count: u32, bits: u32) {
        let mut carry = bits;
        for limb in &mut self.limbs {
            let out = *limb >> (32 - count);
            *limb = *limb << count | carry;
            carry = out;
        }
        if carry > 0 {
            self.limbs.push(carry);
        }
    }

    /// Squares are 0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49 or 57 modulo 64, and few values modulo
    /// the small primes below; most other numbers fail here without a root being drawn.
    fn may_be_square(&self) -> bool {
        let low = self.limbs.first().copied().unwrap_or_default() % 64;
        let bytes: Vec<u8> = self
            .limbs
            .iter()
            .rev()
            .flat_map(|limb| limb.to_be_bytes())
            .collect();
        (0..64_u32).any(|root| root * root % 64 == low)
            && [3_u32, 5, 7, 11, 13, 17, 19, 23, 29, 31]
                .iter()
                .all(|prime| {
                    let rest = remainder(&bytes, *prime);
                    (0..*prime).any(|root| root * root % prime == rest)
                })
    }
}

fn low(wide: u64) -> u32 {
    u32::try_from(wide & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv;

    fn natural(number: u128) -> Natural {
        Natural::from_be_bytes(&number.to_be_bytes())
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        tlv::sequence(&[
            &tlv::unsigned_integer(modulus),
            &tlv::unsigned_integer(exponent),
        ])
    }

    fn be_bytes(number: &Natural) -> Vec<u8> {
        number
            .limbs
            .iter()
            .rev()
            .flat_map(|limb| limb.to_be_bytes())
            .collect()
    }

    #[test]
    fn roots_and_squares_agree_with_machine_arithmetic() {
        for number in [
            1,
            2,
            3,
            4,
            99,
            10_000,
            u128::from(u64::MAX),
            0xdead_beef_0123_4567,
        ] {
            assert_eq!(
                natural(number).square_root(),
                natural(number.isqrt()),
                "{number}"
            );
            assert_eq!(
                natural(number >> 1).square(),
                natural((number >> 1) * (number >> 1))
            );
        }
        assert_eq!(natural(1 << 70).minus(&natural(1)), natural((1 << 70) - 1));
    }

    #[test]
    fn factors_close_together_are_found() {
        let mut p = natural(0);
        p.limbs = vec![0x9e37_79b9; 32];
        p.limbs[0] |= 1;
        let mut middle = p.clone();
        middle.add_small(1000);
        // (m − 1000)(m + 1000) = m² − 1000²
        let modulus = middle.square().minus(&natural(1_000_000));
        assert!(has_close_factors(&be_bytes(&modulus)));
    }

    #[test]
    fn exponents_one_three_and_even_are_weak() {
        let modulus = [0xc5; 256];
        for exponent in [&[1][..], &[3], &[1, 0, 0]] {
            assert_eq!(check_rsa(&rsa(&modulus, exponent)), Err(WeakKey::Exponent));
        }
    }

    #[test]
    fn small_factors_are_named() {
        assert_eq!(
            check_rsa(&rsa(&[0xff; 256], &[1, 0, 1])),
            Err(WeakKey::SmallFactor(3))
        );
    }

    #[test]
    fn a_power_of_65537_has_the_roca_fingerprint() {
        let mut power = natural(65_537);
        for _ in 0..7 {
            power = power.square();
        }
        assert!(has_roca_fingerprint(&be_bytes(&power)));
        assert!(!has_roca_fingerprint(&[0xc5; 256]));
    }
}
