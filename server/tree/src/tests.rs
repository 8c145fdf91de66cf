//! States join alike in any order, and what was removed stays removed.

use proptest::prelude::*;
use types::{FileId, Hash, HiveId, Name, Signature, Tick, Time, Vector};

use super::*;

fn hive(number: u8) -> HiveId {
    HiveId::from_bytes([number; 32])
}

fn vector() -> impl Strategy<Value = Vector> {
    proptest::collection::vec((0_u8..3, 1_u64..4), 1..3).prop_map(|changes| {
        changes.into_iter().fold(Vector::new(), |vector, (by, count)| {
            vector.with_change_at(Tick { count, hive: hive(by) })
        })
    })
}

fn tick() -> impl Strategy<Value = Tick> {
    (1_u64..5, 0_u8..3).prop_map(|(count, by)| Tick { count, hive: hive(by) })
}

fn version() -> impl Strategy<Value = Version> {
    (vector(), tick(), 0_u8..3).prop_map(|(vector, tick, content)| Version {
        vector,
        what: What::File {
            hash: Hash::of(&[content]),
            size: 1,
            modified_ns: 0,
            executable: false,
            attributes: Vec::new(),
        },
        before: Vec::new(),
        tick,
        at: Time(0),
        by: None,
        carried: None,
        signature: Signature::from_bytes([0; 64]),
    })
}

fn gone() -> impl Strategy<Value = Gone> {
    (vector(), tick(), proptest::option::of(0_u8..2)).prop_map(|(seen, tick, into)| Gone {
        seen,
        merged_into: into.map(|into| FileId::from_bytes([into; 16])),
        tick,
        at: Time(0),
        carried: None,
        signature: Signature::from_bytes([0; 64]),
    })
}

/// States as they are once they were joined with themselves: as every hive stores them.
fn node() -> impl Strategy<Value = Node> {
    let versions = proptest::collection::vec(version(), 1..4);
    let removals = proptest::collection::vec(gone(), 0..3);
    (versions, removals, tick(), 0_u8..3).prop_map(|(versions, gone, tick, name)| {
        let place = Place {
            parent: FileId::from_bytes([7; 16]),
            name: Name::new(&format!("{name}")).unwrap(),
            tick,
            at: Time(0),
            carried: None,
            signature: Signature::from_bytes([0; 64]),
        };
        let node = Node { id: FileId::from_bytes([8; 16]), place, versions, gone };
        join(&node, &node)
    })
}

proptest! {
    #[test]
    fn states_join_alike_in_any_order(a in node(), b in node(), c in node()) {
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        let joined = join(&a, &b);
        prop_assert_eq!(join(&joined, &a), joined);
    }

    #[test]
    fn what_somebody_removed_stays_removed(a in node(), b in node()) {
        let seen = a.gone.iter().fold(Vector::new(), |seen, gone| seen.join(&gone.seen));
        let joined = join(&a, &b);
        if let Some(standing) = standing(&joined) {
            prop_assert!(!seen.has_seen(&standing.version.vector));
            prop_assert!(standing.vector.has_seen(&standing.version.vector));
        }
        prop_assert_eq!(is_alive(&joined), standing(&joined).is_some());
    }
}
