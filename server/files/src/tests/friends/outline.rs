//! Of what is too large to be kept, both hives know where it was cut.

use super::*;
use crate::history;

fn noise(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 3_000_000];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_large_file_was_cut_outlives_its_bytes() {
    let mut pair = Pair::new().await;
    for home in [&pair.one, &pair.two] {
        let limit = |tx: &mut Tx| store::set_setting(tx, history::FILE_MB, Some("1"));
        home.store.write(limit).await.expect("it is set");
    }
    let (first, second) = (noise(1), noise(2));
    let (old, new) = (Hash::of(&first), Hash::of(&second));
    fs::write(pair.one.path("large"), &first).expect("it is written");
    pair.meet().await;
    fs::write(pair.one.path("large"), &second).expect("it is written");
    pair.meet().await;
    assert!(pair.one.handle.content(pair.share, old).await.is_err(), "its bytes are gone");
    for hash in [old, new] {
        let cuts = pair.one.store.outline(hash).expect("it reads").expect("it is known");
        assert_eq!(cuts.iter().map(|cut| cut.size).sum::<u32>(), 3_000_000);
        let asked = pair.one.handle.outline(pair.share, hash).await.expect("it reads");
        assert_eq!(asked.as_ref(), Some(&cuts));
        // The other one cut it while it came.
        assert_eq!(pair.two.store.outline(hash).expect("it reads").as_ref(), Some(&cuts));
    }
    let store = pair.one.store.clone();
    let forgotten = tokio::task::spawn_blocking(move || {
        let forget = |tx: &mut Tx| -> Result<(), Error> {
            tx.execute("DELETE FROM files_version", [])?;
            Ok(())
        };
        store.write_blocking(forget)?;
        history::tend::tidy_up(&store, &[])?;
        store.outline(old).map_err(Error::from)
    });
    assert_eq!(forgotten.await.expect("it ends").expect("it is tidied"), None);
    assert!(pair.one.handle.outline(pair.share, old).await.expect("it reads").is_none());
}
