//! `skep open`: the hive's window in the browser, signed in.

use std::path::Path;
use std::process::{Command, Stdio};

use hive::{Client, Places};

use crate::failure::Failure;
use crate::print;

pub(crate) async fn run(home: Option<&Path>, only_print: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let url = client.sign_in_url().await?;
    if only_print || !start_browser(&url) {
        return Ok(print::line(&url)?);
    }
    Ok(print::line("Skep opens in your browser.")?)
}

/// Whether the system took the address. Without a display there is no browser to open.
fn start_browser(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else if ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|key| std::env::var_os(key).is_some()) {
        "xdg-open"
    } else {
        return false;
    };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
