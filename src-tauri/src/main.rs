//! The tray app: runs a hive in this process and shows it in a window, or serves headless.

mod app;
mod arguments;
mod headless;
mod hive_link;
mod notice;
mod remembered;
mod start_error;
mod tray;
#[cfg(target_os = "linux")]
mod tray_host;
mod window;

use std::env;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::read(env::args().skip(1), &env::current_dir().unwrap_or_default());
    let headless = arguments.headless || !has_display();
    if !headless {
        avoid_blank_windows();
    }
    let filter =
        EnvFilter::try_from_env("SKEP_LOG").unwrap_or_else(|_| EnvFilter::new("warn,notify=error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = Runtime::new().expect("the system must grant a few threads");
    let outcome =
        if headless { runtime.block_on(headless::run()) } else { app::run(arguments, &runtime) };
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Without a display no GUI code may run: it would end the process.
fn has_display() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// WebKit's way of sharing buffers leaves windows blank with some graphics drivers.
#[expect(unsafe_code, reason = "the only thread so far is this one")]
fn avoid_blank_windows() {
    const DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    if cfg!(target_os = "linux") && env::var_os(DMABUF).is_none() {
        // SAFETY: no other thread exists that could read the environment at the same time.
        unsafe { env::set_var(DMABUF, "1") };
    }
}
