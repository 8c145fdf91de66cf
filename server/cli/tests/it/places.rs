//! Starting, stopping and what can be in the way of it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use checks::Page;
use rustix::process::Signal;

use crate::world::{Home, eventually, holds, is_root, note, type_and_store};

/// The longest that a stop may take.
const STOP_MAX: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hive_for_one_home_is_refused() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    home.skep(&["serve", "--listen", "127.0.0.1:0"]).is(1, "running already");
    assert!(hive.is_running());
    home.skep(&["status"]).is(0, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let mut home = Home::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let fixed = home.skep(&["serve", "--listen", &taken.to_string()]);
    fixed.is(1, &taken.to_string());
    home.variables = vec![("SKEP_LISTEN_PORT".to_owned(), taken.port().to_string())];
    let configured = home.skep(&["serve"]);
    configured.is(1, &taken.to_string());
    configured.is(1, "skep config set listen.port");
    assert!(!home.hive.join("skep.sock").exists());
    drop(other);
    home.variables.clear();
    drop(home.serve());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_may_stop_a_hive_at_any_time() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    page.type_at_end("last words\n").await;
    page.until("they are stored", Page::is_saved).await;
    let (code, took) = hive.stop();
    assert_eq!(code, Some(0), "{}", home.log_text());
    assert!(took < STOP_MAX, "it took {took:?}");
    assert_eq!(home.text("Trip/plan.md"), "plan\nlast words\n");
    assert!(!home.hive.join("skep.sock").exists());
    page.until("the page is told", |page| page.closed.is_some()).await;
    assert_eq!(page.closed.as_ref().map(|(code, _)| *code), Some(1012));
    home.skep(&["status"]).is(3, "skep serve");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_a_file_that_cannot_be_written() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    let room = home.room("Trip/plan.md");
    let mut page = Page::join(1, &room).await;
    fs::rename(home.path("Trip"), home.path("Away")).unwrap();
    page.type_at_end("kept\n").await;
    page.until("it is stored", Page::is_saved).await;
    page.until("the page is told", |page| page.condition() != "live").await;
    let (code, took) = hive.stop();
    assert_eq!(code, Some(0));
    assert!(took < STOP_MAX, "it took {took:?}");
    fs::rename(home.path("Away"), home.path("Trip")).unwrap();
    let _hive = home.serve();
    holds(&home.path("Trip/plan.md"), "plan\nkept\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_come_early_or_twice_do_no_harm() {
    let home = Home::with_plan("plan\n");
    for round in 0..5 {
        let mut hive = home.serve();
        hive.signal(if round % 2 == 0 { Signal::INT } else { Signal::TERM });
        hive.signal(Signal::TERM);
        let ended = async || !hive.is_running();
        eventually("it stops", ended).await;
        assert!(!home.hive.join("skep.sock").exists());
    }
    assert!(!home.log_text().contains("panicked"), "{}", home.log_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_killed_hive_does_no_harm() {
    let home = Home::with_plan("plan\n");
    home.serve().kill();
    assert!(home.hive.join("skep.sock").exists());
    home.skep(&["status"]).is(3, "skep serve");
    home.skep(&["init", "--name", "Ada"]).is(0, "Ada");
    let _hive = home.serve();
    home.skep(&["status"]).is(0, "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_with_a_very_long_name_works() {
    let mut home = Home::with_plan("plan\n");
    home.hive = home.path(&format!("{}/{}", "long name ".repeat(20), "ü".repeat(100)));
    let hive = home.serve();
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    type_and_store(&mut page, "more\n").await;
    home.skep(&["status"]).is(0, "Trip");
    assert_eq!(hive.stop().0, Some(0));
    home.skep(&["status"]).is(3, "");
    home.hive = home.path(&"x/".repeat(3_000));
    let refused = home.skep(&["serve", "--listen", "127.0.0.1:0"]);
    refused.is(1, "cannot be written");
    home.skep(&["status"]).is(3, "skep serve");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_written_is_named() {
    let home = Home::with_plan("plan\n");
    fs::write(&home.hive, "a file in the way").unwrap();
    home.skep(&["serve", "--listen", "127.0.0.1:0"]).is(1, "SKEP_HOME");
    home.skep(&["config", "set", "listen.port", "1"]).is(1, "config.toml");
    fs::remove_file(&home.hive).unwrap();

    let Some(home) = as_nobody(home) else { return };
    drop(home.serve());
    let data = home.hive.join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    let refused = home.skep(&["serve", "--listen", "127.0.0.1:0"]);
    refused.is(1, data.to_str().unwrap());
    refused.is(1, "cannot be written");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(data.join("hive.db"), fs::Permissions::from_mode(0o400)).unwrap();
    home.skep(&["serve", "--listen", "127.0.0.1:0"]).is(1, "cannot be written");
    fs::set_permissions(data.join("hive.db"), fs::Permissions::from_mode(0o600)).unwrap();
    let kept: Vec<_> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("damaged"))
        .collect();
    assert!(kept.is_empty(), "what cannot be written is not damaged: {kept:?}");
    drop(home.serve());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_is_kept_out() {
    let home = Home::with_plan("plan\n");
    let Some(through) = nobody() else { return };
    for place in [home.path(""), home.path("person")] {
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut hive = home.serve();
    fs::set_permissions(&home.hive, fs::Permissions::from_mode(0o755)).unwrap();
    home.skep_through(&through, &["status"]).is(4, "another account");
    home.skep(&["status"]).is(0, "");
    assert!(hive.is_running());
    let mode =
        |path: &str| fs::metadata(home.hive.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("skep.sock"), mode("data"), mode("data/hive.key")), (0o600, 0o700, 0o600));
}

/// Words that run a program as an account that may do nothing, if that can be done here.
fn nobody() -> Option<Vec<String>> {
    if !is_root() {
        note("not tested: only root can run a program as another account");
        return None;
    }
    let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    Some(words.map(str::to_owned).into())
}

/// The same home for an account that is bound by permissions.
pub(crate) fn as_nobody(mut home: Home) -> Option<Home> {
    if is_root() {
        home.through = nobody()?;
        let output = std::process::Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(home.path(""))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    Some(home)
}
