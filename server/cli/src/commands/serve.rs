//! `skep init` and `skep serve`.

use std::net::SocketAddr;
use std::path::Path;

use hive::{Hive, Options};
use serde_json::json;

use crate::failure::Failure;
use crate::print;

pub(crate) async fn init(home: Option<&Path>, name: &str) -> Result<(), Failure> {
    let places = hive::init(home, name).await?;
    print::line(&format!("The hive of {name} is set up in {}.", places.data.display()))?;
    Ok(print::line("Start it: skep serve")?)
}

pub(crate) async fn run(
    home: Option<&Path>,
    listen: Option<SocketAddr>,
    json: bool,
) -> Result<(), Failure> {
    let options = Options { home: home.map(Path::to_owned), listen };
    let mut interrupted = Interrupted::new()?;
    let hive = Hive::start(options).await?;
    let address = hive.address();
    if json {
        print::json(&json!({ "state": "ready", "url": address, "pid": std::process::id() }))?;
    } else {
        print::line(&format!("ready {address}"))?;
        print::line("Open it, signed in: skep open")?;
    }
    interrupted.wait().await;
    hive.stop().await;
    Ok(())
}

/// Ctrl+C, or the system's wish that the program ends.
struct Interrupted {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Interrupted {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
