//! Whatever was edited, the newer content comes out, and little is sent.

use proptest::prelude::*;

use super::*;

struct Bytes(Vec<u8>);

impl Content for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Failure> {
        let rest = &self.0[to_usize(at).min(self.0.len())..];
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("it fits")
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn outline(bytes: &[u8]) -> Vec<Cut> {
    store::measure(bytes).expect("it reads").outline.expect("it is short")
}

/// Rebuilds the newer one; gives how many bytes of it were sent, and how many of prints.
fn rebuilt(base: &[u8], target: &[u8]) -> (u64, u64) {
    let (mut built, mut next) = (vec![0; target.len()], 0);
    let (mut sent, mut printed) = (0, 0);
    let mut stretches = Vec::new();
    let new = Bytes(target.to_vec());
    let mut copy = |built: &mut Vec<u8>, part: Part| match part {
        Part::Copy { at, from, length } => built[to_usize(at)..to_usize(at + length)]
            .copy_from_slice(&base[to_usize(from)..to_usize(from + length)]),
        part => {
            let (start, end) = part.span();
            let span = to_usize(start)..to_usize(end);
            sent += end - start;
            built[span.clone()].copy_from_slice(&target[span]);
        }
    };
    for part in parts(&outline(base), &outline(target)) {
        assert_eq!(part.span().0, next, "in order and without gaps");
        next = part.span().1;
        if let Part::Unsure(stretch) = part {
            let prints = first_prints(&new, &stretch, base.len() as u64).expect("it reads");
            printed += prints.len() as u64;
            stretches.push((stretch, prints));
        } else {
            copy(&mut built, part);
        }
    }
    assert_eq!(next, target.len() as u64);
    let old = Box::new(Bytes(base.to_vec()));
    let mut narrowing = Narrowing::begin(old, stretches).expect("it reads");
    loop {
        let spans = narrowing.ask();
        if spans.is_empty() {
            break;
        }
        assert!(may_ask(&spans, target.len() as u64));
        let said = prints(&new, &spans).expect("it reads");
        printed += said.len() as u64;
        narrowing.answer(&said).expect("it reads");
    }
    let (copies, fresh) = narrowing.finish();
    copies.into_iter().for_each(|part| copy(&mut built, part));
    let fresh = fresh.into_iter().map(|(at, end)| Part::Fresh { at, length: end - at });
    fresh.for_each(|part| copy(&mut built, part));
    assert!(built == target);
    (sent, printed)
}

#[test]
fn edits_cost_what_they_change() {
    let base = noise(1, 8_000_000);
    let check = |what: &str, target: &[u8], changed: u64, more: u64| {
        let (sent, printed) = rebuilt(&base, target);
        assert!(sent + printed <= changed + more, "{what}: {sent} sent, {printed} of prints");
    };
    check("nothing", &base, 0, 0);
    let mut front = base.clone();
    front.insert(0, 7);
    check("a byte in front", &front, 1, 800);
    let mut middle = base.clone();
    middle[3_000_000..3_004_096].copy_from_slice(&noise(2, 4_096));
    check("4 KiB in the middle", &middle, 4_096, 800);
    check("1 MiB at the end", &[&base[..], &noise(3, 1 << 20)].concat(), 1 << 20, 900);
    check("a part is gone", &[&base[..2_000_000], &base[2_500_000..]].concat(), 0, 800);
    let swapped = [&base[4_000_000..], &base[..4_000_000]].concat();
    check("halves are swapped", &swapped, 0, 1_000);
    let mut pages = base.clone();
    for page in (0..40).map(|index| index * 200_000) {
        pages[page..page + 100].copy_from_slice(&noise(page as u64, 100));
    }
    check("many small ones", &pages, 4_000, 40 * 800);
}

#[test]
fn nonsense_is_only_a_detour() {
    let base = noise(1, 1_000_000);
    let size = base.len() as u64;
    let odd = [
        Stretch { at: u64::MAX - 5, length: u64::MAX, from: u64::MAX, to: u64::MAX },
        Stretch { at: 0, length: 100_000, from: u64::MAX, to: 0 },
        Stretch { at: 0, length: 100_000, from: 0, to: u64::MAX },
    ];
    for stretch in odd {
        for place in stretch.places(stretch.at, 10, size) {
            assert!(place.0.is_none_or(|from| from + 10 <= size));
        }
    }
    let stretches = vec![(odd[1], vec![1; 5]), (odd[2], vec![1; 500])];
    let mut narrowing = Narrowing::begin(Box::new(Bytes(base)), stretches).expect("it reads");
    while !narrowing.ask().is_empty() {
        narrowing.answer(&[9; 7]).expect("it reads");
    }
    narrowing.finish();
    assert!(!may_ask(&[(u64::MAX, 2)], size));
    assert!(!may_ask(&[(0, SPAN_BYTES_MAX + 1)], size));
    assert!(!may_ask(&vec![(0, 1); SPANS_MAX + 1], size));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_edits_come_out(
        seed in any::<u64>(),
        edits in prop::collection::vec((any::<u32>(), 0..100_000_usize, 0..100_000_usize), 0..5),
        zeros in any::<bool>(),
    ) {
        let base = if zeros { vec![0; 900_000] } else { noise(seed, 900_000) };
        let mut target = base.clone();
        for (index, (at, gone, new)) in edits.into_iter().enumerate() {
            let start = at as usize % (target.len() + 1);
            let end = (start + gone).min(target.len());
            target.splice(start..end, noise(seed ^ index as u64, new));
        }
        rebuilt(&base, &target);
    }
}
