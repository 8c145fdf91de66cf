//! Friends' hives as the pages ask for them, before this hive can reach any.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use hyper::StatusCode;
use tokio::sync::watch;
use types::{FileId, HiveId, ShareId, Signer};
use web::friends::{
    Accept, Apart, Caught, Connection, Content, Friends, Ignore, Invited, Keep, Lag, Nearby,
    Progress, Side, Ticket, Why, WhyOf,
};

/// Refuses in words what needs another hive.
pub(crate) struct Unreached {
    signer: Arc<dyn Signer>,
    changes: watch::Sender<u64>,
}

impl Unreached {
    pub(crate) fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer, changes: watch::Sender::new(0) }
    }
}

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, web::Error>> {
    let error = web::Error::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_friends_yet",
        "This Skep cannot reach friends' hives yet",
        "Share with a link instead: it opens in any browser",
    );
    Box::pin(std::future::ready(Err(error)))
}

fn given<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, web::Error>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Friends for Unreached {
    fn signer(&self) -> Arc<dyn Signer> {
        self.signer.clone()
    }

    fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn connections(&self) -> BTreeMap<HiveId, Connection> {
        BTreeMap::new()
    }

    fn phrase(&self, _: HiveId) -> [String; 4] {
        [const { String::new() }; 4]
    }

    fn ticket(&self, _: [u8; 16]) -> BoxFuture<'_, Result<Ticket, web::Error>> {
        refused()
    }

    fn befriend(&self, _: Invited) -> BoxFuture<'_, Result<HiveId, web::Error>> {
        refused()
    }

    fn nearby(&self) -> Vec<Nearby> {
        Vec::new()
    }

    fn accept(&self, _: Accept) -> BoxFuture<'_, Result<(), web::Error>> {
        refused()
    }

    fn leave(&self, _: ShareId, _: bool) -> BoxFuture<'_, Result<(), web::Error>> {
        refused()
    }

    fn sync(&self, _: ShareId) -> BoxFuture<'_, Result<Progress, web::Error>> {
        let here = Lag { in_sync: Some(true), files: Some(0), bytes: Some(0), ..Lag::default() };
        given(Progress { here, ..Progress::default() })
    }

    fn confirm_deletions(&self, _: ShareId) -> BoxFuture<'_, Result<(), web::Error>> {
        given(())
    }

    fn why(&self, _: WhyOf) -> BoxFuture<'_, Result<Why, web::Error>> {
        refused()
    }

    fn two_versions(&self, _: Option<ShareId>) -> BoxFuture<'_, Result<Vec<Apart>, web::Error>> {
        given(Vec::new())
    }

    fn side(&self, _: FileId, _: Side) -> BoxFuture<'_, Result<Content, web::Error>> {
        refused()
    }

    fn resolve(&self, _: FileId, _: Keep) -> BoxFuture<'_, Result<String, web::Error>> {
        refused()
    }

    fn undo_resolve(&self, _: FileId, _: String) -> BoxFuture<'_, Result<(), web::Error>> {
        refused()
    }

    fn ignore(&self, _: ShareId) -> BoxFuture<'_, Result<Ignore, web::Error>> {
        refused()
    }

    fn set_ignore(&self, _: ShareId, _: String) -> BoxFuture<'_, Result<Ignore, web::Error>> {
        refused()
    }

    fn preview_ignore(
        &self,
        _: ShareId,
        _: String,
    ) -> BoxFuture<'_, Result<Vec<Caught>, web::Error>> {
        refused()
    }
}
