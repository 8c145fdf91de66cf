//! When so much is removed at once that a person is asked first. Pure.

/// This many at once are unusual whatever a share holds.
const MANY: u64 = 1_000;
/// Up to here even half of a share is nothing unusual.
const FEW: u64 = 20;

/// Whether the removal of so many things of a share that holds so many waits for a word.
pub(crate) fn is_unusual(removed: u64, all: u64) -> bool {
    removed >= MANY || (removed > FEW && removed.saturating_mul(2) > all)
}

#[cfg(test)]
mod tests {
    use super::is_unusual;

    #[test]
    fn many_or_more_than_half_is_unusual() {
        assert!(!is_unusual(3, 3));
        assert!(!is_unusual(50, 100));
        assert!(is_unusual(51, 100));
        assert!(is_unusual(1_000, 1_000_000));
    }
}
