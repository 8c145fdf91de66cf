//! `skep reach` and `skep relay`: how hives that are apart find each other.

use std::net::SocketAddr;
use std::path::Path;

use hive::wire::ReachChoice;
use hive::{Client, Config, Places, Relay, wire};
use hyper::Method;
use serde_json::json;

use super::serve::Interrupted;
use crate::failure::Failure;
use crate::print;

pub(crate) async fn run(
    home: Option<&Path>,
    reach: Option<String>,
    yes: bool,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let choices: Vec<ReachChoice> = client.get("/reach").await?;
    let Some(word) = reach else {
        let now = client.status().await?.reach;
        if json {
            return Ok(print::json(&json!({ "reach": now, "choices": choices }))?);
        }
        for choice in &choices {
            let mark = if choice.reach == now { "*" } else { " " };
            print::line(&format!("{mark} {}: {}", word_of(choice)?, choice.detail))?;
        }
        return Ok(());
    };
    let chosen = find(&choices, &word)?;
    if word == "internet" && !yes {
        tell(chosen)?;
        return Ok(print::line("Nothing was opened yet. Next: skep reach internet --yes")?);
    }
    let body = wire::SetReach { reach: chosen.reach };
    let status: wire::Status = client.call(Method::PUT, "/reach", &body).await?;
    if json {
        return Ok(print::json(&json!({ "reach": status.reach, "visible": status.visible }))?);
    }
    tell(chosen)
}

/// What a reach makes visible to whom, before it does.
pub(super) fn explain(config: &Config, word: &str) -> Result<(), Failure> {
    tell(find(&hive::reach_choices(config), word)?)
}

pub(crate) async fn relay(listen: SocketAddr, json: bool) -> Result<(), Failure> {
    let mut interrupted = Interrupted::new()?;
    let relay = Relay::open(listen).await.map_err(|error| {
        let words =
            format!("The relay cannot listen on {listen}: {error}. Choose another address:");
        Failure::failed(format!("{words} skep relay --listen ADDRESS"))
    })?;
    let address = relay.address();
    let url = format!("http://{address}");
    if json {
        print::json(&json!({ "ready": true, "url": url, "pid": std::process::id() }))?;
    } else {
        print::line(&format!("ready {url}"))?;
        print::line(
            "It sees which hives talk and how much, never what. Others reach it through a proxy \
             that speaks TLS.",
        )?;
        print::line("On each hive: skep config set peers.relays https://NAME")?;
    }
    interrupted.wait().await;
    relay.close().await;
    Ok(())
}

fn find<'a>(choices: &'a [ReachChoice], word: &str) -> Result<&'a ReachChoice, Failure> {
    for choice in choices {
        if word_of(choice)? == word {
            return Ok(choice);
        }
    }
    Err(Failure::usage(format!("There is no reach {word}.")))
}

fn word_of(choice: &ReachChoice) -> Result<String, Failure> {
    let word = serde_json::to_value(choice.reach)?;
    Ok(word.as_str().unwrap_or_default().to_owned())
}

fn tell(choice: &ReachChoice) -> Result<(), Failure> {
    print::line(&format!("{}: {}", choice.title, choice.detail))?;
    for line in &choice.visible {
        print::line(&format!("  {line}"))?;
    }
    Ok(())
}
