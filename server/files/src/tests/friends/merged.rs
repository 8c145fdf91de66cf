//! Several files that come to stand under one name become one.

use super::*;

/// Hands over all that one knows, records and contents.
async fn tell_all(from: &Home, to: &Home, share: ShareId) {
    let all = from.store.read_blocking(|view| store::records_since(view, share, 0, usize::MAX));
    let all = all.expect("records").into_iter();
    let nodes = all.map(|record| postcard::from_bytes(&record.body).expect("a node")).collect();
    to.handle.take_nodes(share, nodes, true).await.expect("taken");
    bring(from, to, share).await;
}

async fn meet(homes: &[Home], share: ShareId) {
    let start = Instant::now();
    loop {
        for home in homes {
            home.rescan(share).await;
        }
        for (at, from) in homes.iter().enumerate() {
            for (_, to) in homes.iter().enumerate().filter(|(other, _)| *other != at) {
                tell_all(from, to, share).await;
            }
        }
        let mut calm = homes.iter().all(|home| tree_of(home) == tree_of(&homes[0]));
        for home in homes {
            calm &= home.handle.progress(share).await.expect("progress").in_step;
        }
        if calm {
            return;
        }
        if start.elapsed() > PATIENCE {
            homes.iter().for_each(|home| home.explain(share));
            panic!("they stay apart: {:?}", homes.iter().map(tree_of).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_files_that_become_one_on_three_hives_hold_nothing_up() {
    let one = Home::new().await;
    let share = one.share().await;
    let mut homes = vec![one];
    for _ in 0..2 {
        let home = Home::new().await;
        let accepted = home.handle.accept_share(share, home.path(""), "Trip".to_owned(), vec![]);
        accepted.await.expect("it is accepted");
        home.in_step(share).await;
        homes.push(home);
    }
    // Which of them the others become is chance.
    for round in 0..8 {
        let (before, after) = (format!("{round} a.bin"), format!("{round} c.bin"));
        homes[0].put(&before, "\0 a");
        meet(&homes, share).await;
        fs::rename(homes[0].path(&before), homes[0].path(&after)).expect("moved");
        homes[1].put(&after, "\0 by two");
        homes[2].put(&after, "\0 by three");
        meet(&homes, share).await;
        assert_eq!(tree_of(&homes[1]).len(), round + 1);
    }
}
