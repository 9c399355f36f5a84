//! Throws of dice that fall the same way in each run, for moments and amounts that a test should not choose.

/// The dice (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as this number says.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to below this bound, which is not zero.
    pub const fn throw(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// The same for a place in a list.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.throw(bound as u64)).unwrap_or(0)
    }
}
