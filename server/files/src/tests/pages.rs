//! Pages of folders in every order, search, totals, and a scan of many files.

use super::*;

fn page(
    home: &Home,
    share: ShareId,
    sort: Sort,
    descending: bool,
    from: u32,
    limit: u32,
) -> Vec<String> {
    let listing = home
        .store
        .read_blocking(|view| list(view, share, &RelPath::root(), sort, descending, from, limit))
        .expect("a page");
    listing.entries.into_iter().map(|entry| entry.name.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_listed_in_every_order_folders_first() {
    let home = Home::new().await;
    for (name, text) in [
        ("file10.txt", "1"),
        ("File2.txt", "333"),
        ("file1.md", "22"),
        ("a.zip", "4444"),
        ("noext", ""),
        (".hidden", "55555"),
        ("z/x", ""),
        ("A/x", ""),
        ("b10/x", ""),
        ("b9/x", ""),
    ] {
        home.put(name, text);
    }
    let share = home.share().await;
    let by_name =
        ["A", "b9", "b10", "z", ".hidden", "a.zip", "file1.md", "File2.txt", "file10.txt", "noext"];
    assert_eq!(page(&home, share, Sort::Name, false, 0, 100), by_name);
    assert_eq!(page(&home, share, Sort::Name, false, 3, 4), by_name[3..7]);
    assert_eq!(page(&home, share, Sort::Name, false, 9, 4), by_name[9..]);
    assert_eq!(page(&home, share, Sort::Name, false, 10, 4), [""; 0]);
    let backwards = page(&home, share, Sort::Name, true, 0, 100);
    assert_eq!(backwards[..4], ["z", "b10", "b9", "A"]);
    assert_eq!(backwards[4..6], ["noext", "file10.txt"]);
    let by_size = page(&home, share, Sort::Size, true, 4, 100);
    assert_eq!(by_size, [".hidden", "a.zip", "File2.txt", "file1.md", "file10.txt", "noext"]);
    let by_kind = page(&home, share, Sort::Kind, false, 4, 100);
    assert_eq!(by_kind, [".hidden", "noext", "file1.md", "File2.txt", "file10.txt", "a.zip"]);
    let row = |begins, descending| {
        let root = RelPath::root();
        home.store.read_blocking(|view| row_of(view, share, &root, Sort::Name, descending, begins))
    };
    assert!(matches!(row("FILE", false), Ok(Some(6))));
    assert!(matches!(row("file1", true), Ok(Some(5))));
    assert!(matches!(row("b1", false), Ok(Some(2))));
    assert!(matches!(row("ile", false), Ok(None)));
    let missing = home
        .store
        .read_blocking(|view| list(view, share, &rel("file1.md"), Sort::Name, false, 0, 10));
    assert!(matches!(missing, Err(Error::Gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_is_searched_in_names_first_and_then_in_paths() {
    let home = Home::new().await;
    for name in ["Alps/Route plan.md", "Alps/hut.md", "plan.md", "Öl/PLAN.txt", "other/x.md"] {
        home.put(name, "text");
    }
    let share = home.share().await;
    let find = |words: &'static str, limit| {
        let found = home.store.read_blocking(move |view| search(view, share, words, limit));
        let paths = found.expect("found").into_iter().map(|entry| entry.path.to_string());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(find("plan", 10), ["plan.md", "Öl/PLAN.txt", "Alps/Route plan.md"]);
    assert_eq!(find("plan", 1), ["plan.md"]);
    assert_eq!(find("ALPS md", 10), ["Alps/hut.md", "Alps/Route plan.md"]);
    assert_eq!(find("öl", 10), ["Öl", "Öl/PLAN.txt"]);
    assert_eq!(find("  ", 10), [""; 0]);
    assert_eq!(find("no such", 10), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_files_are_scanned_and_a_second_scan_writes_nothing() {
    let home = Home::new().await;
    for number in 0..5_000 {
        home.put(&format!("{:02}/{}/{number}.txt", number % 50, number % 7), "text");
    }
    home.put("top.txt", "top");
    let share = home.share().await;
    let sum = home.store.read_blocking(|view| totals(view, share)).expect("totals");
    assert_eq!(sum, Totals { files: 5_001, bytes: 20_003 });
    home.rescan(share).await;
    let before = home.position();
    home.rescan(share).await;
    assert_eq!(home.position(), before);
    let mut home = home.again().await;
    home.in_step(share).await;
    home.rescan(share).await;
    assert!(home.told_so_far().is_empty());
    let news = home.store.read_blocking(|view| store::changes_since(view, before, 10));
    let news = news.expect("news").into_iter().map(|change| change.kind).collect::<Vec<_>>();
    assert_eq!(news, ["share"], "only that the share is in step");
}
