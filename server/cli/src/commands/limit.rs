//! `skep limit`: how fast contents may go to and from friends, and over which networks.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::json;

use crate::arguments::Limit;
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, wanted: Limit) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    match &wanted.friend {
        Some(named) => of_friend(&client, named, &wanted).await,
        None => of_all(&client, &wanted).await,
    }
}

async fn of_all(client: &Client, wanted: &Limit) -> Result<(), Failure> {
    let change = wire::ChangeLimits {
        up_kb: wanted.up,
        down_kb: wanted.down,
        only_unmetered: wanted.only_unmetered.map(Into::into),
    };
    let changes =
        change.up_kb.is_some() || change.down_kb.is_some() || change.only_unmetered.is_some();
    let limits: wire::Limits = match changes {
        true => client.call(Method::PATCH, "/limits", &change).await?,
        false => client.get("/limits").await?,
    };
    if wanted.json {
        return Ok(print::json(&limits)?);
    }
    print::line(&format!("All friends: {}.", words(limits.up_kb, limits.down_kb)))?;
    if limits.only_unmetered {
        let network = match limits.network.as_deref() {
            Some("metered") => "this one is metered, so friends wait for another",
            Some("unmetered") => "this one is",
            _ => "whether this one is, the system does not tell, so it counts as one",
        };
        print::line(&format!("Only on unmetered networks: {network}."))?;
    }
    let friends: Vec<wire::Friend> = client.get("/friends").await?;
    for friend in friends.iter().filter(|friend| friend.up_kb > 0 || friend.down_kb > 0) {
        print::line(&format!("{}: {}.", friend.name, words(friend.up_kb, friend.down_kb)))?;
    }
    Ok(())
}

async fn of_friend(client: &Client, named: &str, wanted: &Limit) -> Result<(), Failure> {
    let mut friend = find::friend(client, named).await?;
    if wanted.up.is_some() || wanted.down.is_some() {
        let body = json!({ "up_kb": wanted.up, "down_kb": wanted.down });
        let call = format!("/friends/{}", friend.hive);
        friend = client.call(Method::PATCH, &call, &body).await?;
    }
    if wanted.json {
        let limits = json!({ "hive": friend.hive, "name": friend.name, "up_kb": friend.up_kb,
            "down_kb": friend.down_kb });
        return Ok(print::json(&limits)?);
    }
    Ok(print::line(&format!("{}: {}.", friend.name, words(friend.up_kb, friend.down_kb)))?)
}

fn words(up_kb: u32, down_kb: u32) -> String {
    let one = |kb: u32| match kb {
        0 => "no limit".to_owned(),
        kb => format!("{kb} kB/s"),
    };
    format!("{} up, {} down", one(up_kb), one(down_kb))
}
