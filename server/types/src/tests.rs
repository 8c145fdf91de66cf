//! Ids, paths and rights survive being written and read; what is not allowed is refused.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

#[test]
fn ids_survive_being_written_and_read() {
    let mut chance = StdRng::seed_from_u64(7);
    for _ in 0..100 {
        let id = FileId::draw(&mut chance);
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        let link = LinkId::draw(&mut chance);
        assert_eq!(link.as_str().len(), LINK_ID_CHARS);
        assert_eq!(link.to_string().parse(), Ok(link));
    }
}

#[test]
fn text_that_is_no_id_is_refused() {
    for text in ["", "a", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaaaaaaaaaa/..", "ä"] {
        assert!(text.parse::<FileId>().is_err(), "{text:?}");
        assert!(text.parse::<LinkId>().is_err(), "{text:?}");
    }
}

#[test]
fn paths_that_lead_out_are_refused() {
    for text in ["/", "/etc", "..", "a/../b", "a//b", "./a", "a/.", "a/", "a\0b", "a/..", "../x"] {
        assert!(text.parse::<RelPath>().is_err(), "{text:?}");
    }
    assert!("a/".repeat(PATH_BYTES_MAX).parse::<RelPath>().is_err());
}

#[test]
fn paths_know_their_folder_and_name() {
    let path: RelPath = "a/b/c.md".parse().expect("a path");
    assert_eq!(path.parent().expect("a folder").as_str(), "a/b");
    assert_eq!(path.name().expect("a name").as_str(), "c.md");
    assert_eq!(path.name().expect("a name").extension().as_deref(), Some("md"));
    assert!(path.is_within(&"a".parse().expect("a path")));
    assert!(path.is_within(&RelPath::root()));
    assert!(!path.is_within(&"a/b/c".parse().expect("a path")));
    assert!(!"ab/c".parse::<RelPath>().expect("a path").is_within(&"a".parse().expect("a path")));
}

#[test]
fn new_names_must_suit_every_system() {
    for text in
        ["CON", "con.txt", "COM1", "LPT9.md", "COM¹", "a:b", "a?", "x.", "y ", ".skep-share"]
    {
        assert!(Name::new_for_all_systems(text).is_err(), "{text:?}");
    }
    for text in ["plan.md", "CONtext", "COM", ".gitignore", "Ωmega.txt", "a b"] {
        assert!(Name::new_for_all_systems(text).is_ok(), "{text:?}");
    }
}

#[test]
fn rights_are_ordered() {
    assert!(Right::View < Right::Comment && Right::Comment < Right::Edit);
    assert!(Right::Edit < Right::Manage);
    for right in Right::ALL {
        assert_eq!(right.as_str().parse(), Ok(right));
    }
    assert!("write".parse::<Right>().is_err());
}
