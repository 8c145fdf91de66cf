//! On what the figures were taken.

use std::fs;

/// One line: processor, kernel, versions, moment, and how busy the machine was already.
pub(crate) fn words() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1)).unwrap_or("processor").to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let moment = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M");
    format!(
        "{moment}, {processors} × {model}, Linux {}, load average at the start {}",
        kernel.trim(),
        load()
    )
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}
