//! What every handler may use: handles, nothing else.

use std::sync::{Arc, Mutex};

use store::Store;
use tokio::sync::watch;
use types::LinkId;

use crate::control::Control;
use crate::friends::Friends;
use crate::keyring::KeyRing;
use crate::limits::Limits;
use crate::live::Online;
use crate::mobwrite::Desk;
use crate::wire;

#[derive(Clone)]
pub struct State {
    pub store: Store,
    pub files: files::Handle,
    pub documents: documents::Handle,
    pub control: Arc<dyn Control>,
    pub friends: Arc<dyn Friends>,
    pub(crate) keyring: KeyRing,
    pub(crate) limits: Arc<Limits>,
    pub(crate) online: Online,
    /// The newest link with its secret, which is not kept anywhere else.
    pub(crate) last_link: Arc<Mutex<Option<(LinkId, wire::LastLink)>>>,
    /// The views of MobWrite's clients.
    pub(crate) mobwrite: Desk,
    pages_ready: Arc<watch::Sender<u64>>,
}

impl State {
    /// Must be called inside a tokio runtime: it starts the task that watches over revoked keys.
    pub fn new(
        store: Store,
        files: files::Handle,
        documents: documents::Handle,
        control: Arc<dyn Control>,
        friends: Arc<dyn Friends>,
    ) -> Self {
        let state = Self {
            keyring: KeyRing::start(store.clone()),
            limits: Arc::default(),
            online: Online::default(),
            last_link: Arc::default(),
            mobwrite: Desk::default(),
            pages_ready: Arc::new(watch::Sender::new(0)),
            store,
            files,
            documents,
            control,
            friends,
        };
        state.mobwrite.start(&state);
        state
    }

    /// Counts the pages that told that they work.
    pub fn pages_ready(&self) -> watch::Receiver<u64> {
        self.pages_ready.subscribe()
    }

    pub(crate) fn page_is_ready(&self) {
        self.pages_ready.send_modify(|count| *count += 1);
    }

    /// Who is here, changes only.
    pub fn online(&self) -> watch::Receiver<Vec<crate::live::OnlinePerson>> {
        self.online.watch()
    }
}
