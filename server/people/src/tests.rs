//! Keys open what they were made for, for as long as they were made for, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Folder, Store};
use types::{DAY_MS, FileId, Right, ShareId, Time};

use super::*;

mod farewell;
mod friends;
mod hive;
mod members;
mod world;

struct Hive {
    store: Store,
    clock: Arc<AtomicI64>,
    _home: tempfile::TempDir,
}

fn hive() -> Hive {
    let home = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let hands = clock.clone();
    let (store, _) = Store::open(
        Folder::open(home.path()).expect("it opens"),
        Arc::new(move || Time(hands.load(Ordering::Relaxed))),
        Box::new(StdRng::seed_from_u64(3)),
    )
    .expect("it opens");
    store.write_blocking(|tx| ensure_owner(tx, "Ada")).expect("an owner");
    Hive { store, clock, _home: home }
}

impl Hive {
    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut store::Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.write_blocking(change)
    }

    fn link(&self, right: Right, change: impl FnOnce(&mut NewLink)) -> (Link, Secret) {
        let mut new = NewLink {
            name: None,
            share: SHARE,
            file: None,
            right,
            password: None,
            expires_at: None,
            uses_max: None,
        };
        change(&mut new);
        self.write(move |tx| make_link(tx, new)).expect("a link")
    }

    fn come(&self, link: &Link, secret: &Secret) -> Result<(Who, Secret), Error> {
        let (id, secret) = (link.id.clone(), secret.clone());
        self.write(move |tx| {
            link_opened_by(tx, &id, secret.as_str())?;
            redeem(tx, &id, Some("Bo"), &visit())
        })
    }

    fn who(&self, link: Option<&Link>, cookie: &Secret) -> Result<Who, Error> {
        let link = link.map(|link| link.id.clone());
        self.store.read_blocking(|view| who_by_session(view, cookie.as_str(), link.as_ref()))
    }
}

const SHARE: ShareId = ShareId::from_bytes([1; 16]);
const OTHER: ShareId = ShareId::from_bytes([2; 16]);
const FILE: FileId = FileId::from_bytes([3; 16]);

fn visit() -> Visit {
    Visit { agent: "a browser".to_owned(), from: "127.0.0.1".to_owned() }
}

#[test]
fn a_sign_in_works_once_and_not_after_five_minutes() {
    let hive = hive();
    let secret = hive.write(sign_in_secret).expect("a secret");
    let again = secret.clone();
    let (who, cookie) =
        hive.write(move |tx| sign_in(tx, secret.as_str(), &visit())).expect("signed in");
    assert!(who.may_manage_hive().is_ok());
    assert!(hive.who(None, &cookie).is_ok());
    let twice = hive.write(move |tx| sign_in(tx, again.as_str(), &visit()));
    assert!(matches!(twice, Err(Error::SignedOut)));

    let late = hive.write(sign_in_secret).expect("a secret");
    hive.clock.fetch_add(6 * 60_000, Ordering::Relaxed);
    let late = hive.write(move |tx| sign_in(tx, late.as_str(), &visit()));
    assert!(matches!(late, Err(Error::SignedOut)));
}

#[test]
fn a_link_opens_its_share_with_its_right_alone() {
    let hive = hive();
    let (link, secret) = hive.link(Right::Comment, |_| {});
    let (who, cookie) = hive.come(&link, &secret).expect("let in");
    assert!(who.may_share(Right::Comment, SHARE).is_ok());
    assert!(matches!(who.may_share(Right::Edit, SHARE), Err(Error::Denied { .. })));
    assert!(matches!(who.may_share(Right::View, OTHER), Err(Error::OutOfScope)));
    assert!(who.may_manage_hive().is_err());
    assert!(hive.who(None, &cookie).is_err(), "a guest's cookie must not be the owner's");
    let (other, _) = hive.link(Right::Edit, |_| {});
    assert!(hive.who(Some(&other), &cookie).is_err(), "nor another link's");
}

#[test]
fn a_link_to_a_file_opens_that_file_alone() {
    let hive = hive();
    let (link, secret) = hive.link(Right::Edit, |new| new.file = Some(FILE));
    let (who, _) = hive.come(&link, &secret).expect("let in");
    assert!(who.may_file(Right::Edit, SHARE, |top| top == FILE).is_ok());
    assert!(who.may_file(Right::View, SHARE, |_| false).is_err());
    assert!(who.may_file(Right::View, OTHER, |_| true).is_err());
    assert!(who.may_share(Right::View, SHARE).is_err());
}

#[test]
fn expiry_and_revocation_end_what_was_let_in() {
    let hive = hive();
    let end = Time(1_000_000 + DAY_MS);
    let (link, secret) = hive.link(Right::View, |new| new.expires_at = Some(end));
    let (_, cookie) = hive.come(&link, &secret).expect("let in");
    hive.clock.fetch_add(DAY_MS, Ordering::Relaxed);
    assert!(matches!(hive.who(Some(&link), &cookie), Err(Error::LinkExpired)));
    assert!(matches!(hive.come(&link, &secret), Err(Error::LinkExpired)));

    let (link, secret) = hive.link(Right::View, |_| {});
    let (_, cookie) = hive.come(&link, &secret).expect("let in");
    let id = link.id.clone();
    hive.write(move |tx| remove_link(tx, &id)).expect("taken back");
    assert!(hive.who(Some(&link), &cookie).is_err());
    assert!(matches!(hive.come(&link, &secret), Err(Error::LinkRevoked)));
}

#[test]
fn a_link_for_one_lets_one_in_and_keeps_them() {
    let hive = hive();
    let (link, secret) = hive.link(Right::View, |new| new.uses_max = Some(1));
    let (_, cookie) = hive.come(&link, &secret).expect("let in");
    assert!(matches!(hive.come(&link, &secret), Err(Error::LinkUsedUp)));
    assert!(hive.who(Some(&link), &cookie).is_ok());
}

#[test]
fn a_wrong_secret_says_no_more_than_an_unknown_link() {
    let hive = hive();
    let (link, _) = hive.link(Right::View, |_| {});
    let wrong = Secret::draw(&mut StdRng::seed_from_u64(9));
    assert!(matches!(hive.come(&link, &wrong), Err(Error::LinkRevoked)));
}

#[test]
fn passwords_are_asked_for_and_checked() {
    let password = Password::new("open sesame").expect("hashed");
    assert!(password_fits(None, None).is_ok());
    assert!(password_fits(Some(&password), Some("open sesame")).is_ok());
    assert!(matches!(password_fits(Some(&password), None), Err(Error::PasswordNeeded)));
    assert!(matches!(password_fits(Some(&password), Some("x")), Err(Error::PasswordWrong)));
    assert!(Password::new("").is_err());
}

#[test]
fn tokens_have_their_scope_and_follow_their_link() {
    let hive = hive();
    let (_, text) = hive
        .write(|tx| make_api_token(tx, "backup", Right::View, Some(SHARE), None))
        .expect("a token");
    let who = hive.store.read_blocking(|view| who_by_token(view, &text)).expect("known");
    assert!(who.may_share(Right::View, SHARE).is_ok());
    assert!(who.may_share(Right::View, OTHER).is_err());
    assert!(who.may_manage_hive().is_err());
    let bare = text.trim_start_matches("skep_");
    assert!(hive.store.read_blocking(|view| who_by_token(view, bare)).is_err());

    let (link, _) = hive.link(Right::Edit, |_| {});
    let id = link.id.clone();
    let (_, text) = hive
        .write(move |tx| make_document_token(tx, SHARE, FILE, Right::Edit, Some(id), None))
        .expect("a token");
    let id = link.id.clone();
    let narrower = LinkChange { right: Some(Right::View), ..LinkChange::default() };
    hive.write(move |tx| change_link(tx, &id, narrower)).expect("narrowed");
    let who = hive.store.read_blocking(|view| who_by_token(view, &text)).expect("known");
    assert_eq!(who.right, Right::View);
    hive.write(move |tx| remove_link(tx, &link.id)).expect("taken back");
    assert!(hive.store.read_blocking(|view| who_by_token(view, &text)).is_err());
}

#[test]
fn the_key_ring_lists_every_key_once() {
    let hive = hive();
    let (link, secret) = hive.link(Right::View, |_| {});
    hive.come(&link, &secret).expect("let in");
    hive.write(|tx| make_api_token(tx, "backup", Right::View, None, None)).expect("a token");
    hive.write(sign_in_secret).expect("a secret");
    let keys = hive.store.read_blocking(keys).expect("listed");
    let kinds: Vec<_> = keys.iter().map(|key| key.kind).collect();
    assert_eq!(kinds, [KeyKind::Link, KeyKind::Guest, KeyKind::Token]);
    assert_eq!(keys[1].name, "Bo");
}

#[test]
fn names_that_deceive_or_say_nothing_are_refused() {
    for name in ["", "  ", "a\nb", "\u{202e}evil", &"x".repeat(61)] {
        assert!(name_checked(name).is_err(), "{name:?}");
    }
    assert_eq!(name_checked(" Zoë ").expect("a name"), "Zoë");
}
