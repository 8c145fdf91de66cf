//! `skep init` and `skep serve`.

use std::net::SocketAddr;
use std::path::Path;

use hive::{Config, Hive, Options, Places};
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
    internet: bool,
    json: bool,
) -> Result<(), Failure> {
    let config = Config::load(&Places::find(home)?.config)?;
    super::config::warn_of_unknown(&config);
    if internet && !json {
        super::reach::explain(&config, "internet")?;
    }
    let options = Options { home: home.map(Path::to_owned), listen, internet };
    let mut interrupted = Interrupted::new()?;
    let hive = Hive::start(options).await?;
    let address = hive.address();
    if json {
        print::json(&json!({ "ready": true, "url": address, "pid": std::process::id() }))?;
    } else {
        print::line(&format!("ready {address}"))?;
        print::line("Open it, signed in: skep open")?;
    }
    interrupted.wait().await;
    hive.stop().await;
    Ok(())
}

/// Ctrl+C, the system's wish that the program ends, or the end of its terminal; heard from the
/// start on, so that none comes too early to end in order.
pub(super) struct Interrupted {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Interrupted {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind as Kind, signal};
                [signal(Kind::interrupt())?, signal(Kind::terminate())?, signal(Kind::hangup())?]
            },
        })
    }

    #[cfg(unix)]
    pub(super) async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn wait(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
