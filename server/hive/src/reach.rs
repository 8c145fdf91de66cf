//! How far a hive can be open, and what becomes visible to whom: the words that the pages, the
//! command line and the API share. Pure.

use crate::Config;
use crate::wire::{Reach, ReachChoice};

/// How far a hive with this configuration can be open, and what each makes visible.
pub fn reach_choices(config: &Config) -> Vec<ReachChoice> {
    choices(&config.list("peers.relays"))
}

/// As the configuration writes it.
pub(crate) const fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Computer => "computer",
        Reach::Network => "network",
        Reach::Internet => "internet",
    }
}

pub(crate) fn of_word(word: &str) -> Reach {
    match word {
        "network" => Reach::Network,
        "internet" => Reach::Internet,
        _ => Reach::Computer,
    }
}

/// The narrowest first; `relays` are the owner's own.
fn choices(relays: &[String]) -> Vec<ReachChoice> {
    vec![
        choice(
            Reach::Computer,
            "This computer",
            "Only you, on this computer. Nothing listens on the network.",
            Vec::new(),
        ),
        choice(
            Reach::Network,
            "This network",
            "People on the same Wi-Fi or cable who have a link, and friends' hives there. Your \
             system's firewall may ask once.",
            on_the_network(relays),
        ),
        choice(
            Reach::Internet,
            "The internet",
            "Friends' hives anywhere, without opening a port by hand. Links for browsers go on \
             working on this network alone.",
            on_the_internet(relays),
        ),
    ]
}

fn choice(reach: Reach, title: &str, detail: &str, visible: Vec<String>) -> ReachChoice {
    ReachChoice { reach, title: title.to_owned(), detail: detail.to_owned(), visible }
}

fn on_the_network(relays: &[String]) -> Vec<String> {
    let mut lines = vec![
        "Everybody on this network can see that a hive is here, its name and its id.".to_owned(),
        "Without a certificate, others on the network could read along what browsers are shown. \
         What friends' hives send to each other is always encrypted."
            .to_owned(),
    ];
    if !relays.is_empty() {
        lines.push(own_relays(relays));
    }
    lines
}

fn on_the_internet(relays: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if relays.is_empty() {
        lines.push(
            "Public servers of the makers of iroh (n0, at iroh.link) learn your hive's id and \
             your internet address, so that friends can find your hive: a directory, and relays. \
             With a relay of your own (`skep relay`, `peers.relays`) none of them is asked."
                .to_owned(),
        );
        lines.push(
            "Where no direct way is found, a relay passes on what hives send. It sees which hives \
             talk and how much, never what: everything is encrypted from hive to hive."
                .to_owned(),
        );
    } else {
        lines.push(own_relays(relays));
        lines.push("No public server is asked.".to_owned());
    }
    lines.push(
        "Your router is asked to open a port for Skep (UPnP, NAT-PMP or PCP), and every address \
         of this computer listens for friends' hives."
            .to_owned(),
    );
    lines.push(
        "Friends learn your addresses. A stranger who finds the port learns that a hive is there, \
         and is let in only with an invitation."
            .to_owned(),
    );
    lines
}

fn own_relays(relays: &[String]) -> String {
    format!(
        "Your relay {} learns your hive's id and its address. It sees which hives talk and how \
         much, never what: everything is encrypted from hive to hive.",
        relays.join(", ")
    )
}
