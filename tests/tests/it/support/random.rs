//! Random choices that a seed repeats. What happens at the same moment still differs from
//! run to run: that is what such tests are for.

/// A small generator (SplitMix64, Steele, Lea and Flood).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody has used before.
    pub(crate) fn fresh_seed() -> u64 {
        // So short that a person can type it.
        u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default() % 1_000_000_000
    }

    /// Another generator, for what happens beside.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).expect("it is below a length")].clone()
    }

    /// A duration of less than so many milliseconds.
    pub(crate) fn milliseconds(&mut self, limit: u64) -> std::time::Duration {
        std::time::Duration::from_micros(self.below(limit * 1000))
    }
}
