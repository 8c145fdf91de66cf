//! The hive that this app shows: its own, or one that was running already.

use std::time::Duration;

use hive::{Client, Error, Hive, Options};
use tokio::sync::watch;

const STOP_TIME_MAX: Duration = Duration::from_millis(2_500);

pub(crate) struct HiveLink {
    pub(crate) client: Client,
    /// Counts pages that told that they work; unknown of a hive in another process.
    pub(crate) pages_ready: Option<watch::Receiver<u64>>,
    own: Option<Hive>,
}

impl HiveLink {
    /// Starts a hive, or attaches to the one that holds the same data folder.
    pub(crate) async fn start() -> Result<Self, Error> {
        match Hive::start(Options::default()).await {
            Ok(hive) => Ok(Self {
                client: hive.client(),
                pages_ready: Some(hive.pages_ready()),
                own: Some(hive),
            }),
            Err(Error::AlreadyRunning { .. }) => {
                let client = Client::attach(None).await?;
                Ok(Self { client, pages_ready: None, own: None })
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops the own hive; one that ran before goes on running.
    pub(crate) async fn stop(self) {
        let Some(hive) = self.own else { return };
        if tokio::time::timeout(STOP_TIME_MAX, hive.stop()).await.is_err() {
            tracing::warn!("the hive took too long to stop; what was saved stays saved");
        }
    }
}
