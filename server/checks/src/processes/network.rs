//! Network namespaces that stand for machines of their own, wired to each other. Needs root.

use std::process::Command;

use super::note;

/// Machines, each with the network interfaces that it was wired with; gone when dropped.
pub struct Network {
    machines: Vec<String>,
}

impl Network {
    /// So many machines without any wire; `None`, with a word, where that is not allowed.
    ///
    /// # Panics
    /// If only some of them can be made.
    pub fn new(machines: usize) -> Option<Self> {
        let number: u32 = rand::random();
        let name = |at| format!("skep-{number:08x}-{at}");
        let mut network = Self { machines: Vec::new() };
        for at in 0..machines {
            let name = name(at);
            if let Err(why) = ip(&["netns", "add", &name]) {
                note(&format!("skipped: no network namespace can be made here: {why}"));
                return None;
            }
            network.machines.push(name);
            network.of(at, &["link", "set", "lo", "up"]);
        }
        Some(network)
    }

    /// Wires two machines, each with an address such as `10.77.0.1/24`.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn wire(&self, one: (usize, &str), two: (usize, &str)) {
        let (first, second) = (wire_name(two.0), wire_name(one.0));
        let there = &self.machines[two.0];
        let words = ["link", "add", &first, "type", "veth", "peer", "name", &second, "netns"];
        self.of(one.0, &[&words[..], &[there]].concat());
        for (at, name, address) in [(one.0, &first, one.1), (two.0, &second, two.1)] {
            self.of(at, &["address", "add", address, "dev", name]);
            self.of(at, &["link", "set", name, "up"]);
        }
    }

    /// Pulls the wire between two machines out at the first one, or puts it in again.
    ///
    /// # Panics
    /// If there is none.
    pub fn plug(&self, at: usize, other: usize, is_in: bool) {
        self.of(at, &["link", "set", &wire_name(other), if is_in { "up" } else { "down" }]);
    }

    /// Runs `ip` on one machine.
    ///
    /// # Panics
    /// If it fails.
    pub fn of(&self, at: usize, words: &[&str]) {
        let done = ip(&[&["-n", &self.machines[at]][..], words].concat());
        assert_eq!(done, Ok(()), "ip {words:?}");
    }

    /// What to put before a command so that it runs on a machine.
    pub fn through(&self, at: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.machines[at]].map(str::to_owned).into()
    }

    /// Makes what goes from one machine to another late and some of it vanish, as `tc netem` says.
    /// `false`, with a word, where that is not possible.
    pub fn disturb(&self, at: usize, other: usize, how: &str) -> bool {
        let wire = wire_name(other);
        let words = ["qdisc", "replace", "dev", &wire, "root", "netem"].into_iter();
        let mut tc = Command::new("tc");
        tc.args(["-n", &self.machines[at]]).args(words.chain(how.split(' ')));
        let done = said(&mut tc);
        if let Err(why) = &done {
            note(&format!("not tested: wires cannot be disturbed here: {why}"));
        }
        done.is_ok()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.machines {
            if let Err(why) = ip(&["netns", "delete", name]) {
                note(&format!("{name} stays: {why}"));
            }
        }
    }
}

/// How a machine calls its wire to another one.
fn wire_name(other: usize) -> String {
    format!("to{other}")
}

fn ip(words: &[&str]) -> Result<(), String> {
    said(Command::new("ip").args(words))
}

fn said(command: &mut Command) -> Result<(), String> {
    let done = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    if done.status.success() { Ok(()) } else { Err(said) }
}
