//! The hive without window and tray: says where to open it and serves until it is told to stop.

use std::io::Write;

use hive::{Client, Error, Hive, Options};

pub(crate) async fn run() -> anyhow::Result<()> {
    match Hive::start(Options::default()).await {
        Ok(hive) => {
            let url = hive.client().sign_in_url().await?;
            say(&format!(
                "Skep runs at {}. Open it once with this address:\n{url}",
                hive.address()
            ))?;
            stop_signal().await;
            hive.stop().await;
            Ok(())
        }
        Err(Error::AlreadyRunning { .. }) => {
            let url = Client::attach(None).await?.sign_in_url().await?;
            Ok(say(&format!("Skep runs already. Open it with this address:\n{url}"))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns when the session or the person ends the process.
pub(crate) async fn stop_signal() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl+C is not heard");
            std::future::pending::<()>().await;
        }
    };
    tokio::select! { () = interrupted => {} () = terminated() => {} }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(error) => {
            tracing::warn!(%error, "SIGTERM is not heard");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

fn say(words: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{words}")
}
