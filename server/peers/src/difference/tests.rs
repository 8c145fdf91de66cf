//! A difference always rebuilds the newer content, and is small where the two are alike.

use proptest::prelude::*;

use super::*;

struct Bytes(Vec<u8>);

impl Content for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let rest = &self.0[size_of(at).min(self.0.len())..];
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Rebuilds the newer one, and gives how many bytes had to be sent.
fn rebuilt(base: &[u8], target: &[u8]) -> u64 {
    let parts = difference(&Bytes(base.to_vec()), &Bytes(target.to_vec())).expect("it is found");
    let (mut built, mut fresh) = (Vec::new(), 0);
    for part in parts {
        assert_eq!(part.span().0, built.len() as u64, "in order and without gaps");
        match part {
            Part::Copy { from, length, .. } => {
                built.extend_from_slice(&base[size_of(from)..size_of(from + length)]);
            }
            Part::Fresh { at, length } => {
                built.extend_from_slice(&target[size_of(at)..size_of(at + length)]);
                fresh += length;
            }
            Part::Unsure(_) => panic!("both are here"),
        }
    }
    assert!(built == target);
    fresh
}

#[test]
fn edits_cost_what_they_change() {
    let base = noise(1, 3_000_000);
    let mut edited = base.clone();
    edited.insert(0, 1);
    assert_eq!(rebuilt(&base, &edited), 1);
    edited.extend(noise(2, 1_000));
    assert!(rebuilt(&base, &edited) <= 1_001);
    edited[1_500_000..1_500_100].fill(0);
    assert!(rebuilt(&base, &edited) <= 1_101);
    edited.drain(700_000..900_000);
    assert!(rebuilt(&base, &edited) <= 1_101);
    let moved = [&base[2_000_000..], &base[..2_000_000]].concat();
    assert!(rebuilt(&base, &moved) <= 200_000);
    assert_eq!(rebuilt(&base, &base), 0);
    assert_eq!(rebuilt(&[], &base), 3_000_000);
    assert_eq!(rebuilt(&base, &[]), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_edit_is_rebuilt(
        seed: u64,
        size in 0..200_000_usize,
        edits in prop::collection::vec((0.0..1.0_f64, 0..40_000_usize, 0..40_000_usize), 0..6),
    ) {
        let base = noise(seed, size);
        let mut target = base.clone();
        for (index, (place, removed, added)) in edits.into_iter().enumerate() {
            let start = (target.len() as f64 * place) as usize;
            let end = (start + removed).min(target.len());
            let source = if added % 2 == 0 { noise(index as u64, added) } else { vec![0; added] };
            drop(target.splice(start..end, source));
        }
        rebuilt(&base, &target);
    }

    #[test]
    fn alike_stretches_are_rebuilt(
        pattern in prop::collection::vec(0..4_u8, 1..9),
        size in 0..99_999_usize,
    ) {
        let base: Vec<u8> = pattern.iter().copied().cycle().take(size).collect();
        let back = pattern.iter().rev().copied().cycle();
        let target: Vec<u8> = back.take(size / 2 + 70_000).collect();
        rebuilt(&base, &target);
        rebuilt(&target, &base);
    }
}
