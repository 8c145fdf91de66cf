//! `skep group`: friends under one name.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::arguments::GroupCommand;
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, command: GroupCommand) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    match command {
        GroupCommand::List { json } => list(&client, json).await,
        GroupCommand::Members { group, json } => members(&client, &group, json).await,
        GroupCommand::Add { group, friends, json } => add(&client, &group, &friends, json).await,
        GroupCommand::Remove { group, friends } => remove(&client, &group, &friends).await,
        GroupCommand::Rename { group, name } => rename(&client, &group, &name).await,
    }
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let groups: Vec<wire::Group> = client.get("/groups").await?;
    if json {
        return Ok(print::json(&groups)?);
    }
    if groups.is_empty() {
        return Ok(print::line("There is no group yet. Make one: skep group add NAME FRIEND")?);
    }
    let friends: Vec<wire::Friend> = client.get("/friends").await?;
    let row = |group: &wire::Group| {
        let shares = match group.shares.len() {
            1 => "1 share".to_owned(),
            count => format!("{count} shares"),
        };
        vec![group.name.clone(), shares, names(group, &friends).join(", ")]
    };
    Ok(print::table(&groups.iter().map(row).collect::<Vec<_>>())?)
}

fn names(group: &wire::Group, friends: &[wire::Friend]) -> Vec<String> {
    let within = friends.iter().filter(|friend| group.friends.contains(&friend.hive));
    within.map(|friend| friend.name.clone()).collect()
}

async fn members(client: &Client, named: &str, json: bool) -> Result<(), Failure> {
    let group = find::group(client, named).await?;
    let mut friends: Vec<wire::Friend> = client.get("/friends").await?;
    friends.retain(|friend| group.friends.contains(&friend.hive));
    if json {
        return Ok(print::json(&friends)?);
    }
    if friends.is_empty() {
        let words = format!("Nobody is in {0} yet: skep group add \"{0}\" FRIEND", group.name);
        return Ok(print::line(&words)?);
    }
    friends.iter().try_for_each(|friend| Ok(print::line(&friend.name)?))
}

/// Puts friends into a group, which is made if there is none of this name.
async fn add(client: &Client, named: &str, friends: &[String], json: bool) -> Result<(), Failure> {
    // Nothing is made before everybody is known.
    let mut all = Vec::new();
    for named in friends {
        all.push(find::friend(client, named).await?);
    }
    let mut group = match find::group_if_any(client, named).await? {
        Some(group) => group,
        None => client.call(Method::POST, "/groups", &json!({ "name": named })).await?,
    };
    for friend in &all {
        let call = format!("/groups/{}/members/{}", group.id, friend.hive);
        group = client.call(Method::PUT, &call, &Value::Null).await?;
    }
    if json {
        return Ok(print::json(&group)?);
    }
    let friends: Vec<wire::Friend> = client.get("/friends").await?;
    let names = names(&group, &friends).join(", ");
    let who = if names.is_empty() { "nobody yet".to_owned() } else { names };
    Ok(print::line(&format!("{}: {who}.", group.name))?)
}

/// Takes friends out of a group; without any, dissolves it.
async fn remove(client: &Client, named: &str, friends: &[String]) -> Result<(), Failure> {
    let group = find::group(client, named).await?;
    if friends.is_empty() {
        client.send(Method::DELETE, &format!("/groups/{}", group.id), &Value::Null).await?;
        return Ok(print::line(&format!(
            "The group {} is no more. What was shared with it ends; nothing was deleted.",
            group.name
        ))?);
    }
    for named in friends {
        let friend = find::friend(client, named).await?;
        if !group.friends.contains(&friend.hive) {
            let words = format!("{} is not in the group {}.", friend.name, group.name);
            return Err(Failure::not_there(words));
        }
        let call = format!("/groups/{}/members/{}", group.id, friend.hive);
        client.send(Method::DELETE, &call, &Value::Null).await?;
        print::line(&format!("{} is no longer in {}.", friend.name, group.name))?;
    }
    Ok(())
}

async fn rename(client: &Client, named: &str, name: &str) -> Result<(), Failure> {
    let group = find::group(client, named).await?;
    let call = format!("/groups/{}", group.id);
    let renamed: wire::Group = client.call(Method::PATCH, &call, &json!({ "name": name })).await?;
    Ok(print::line(&format!("{} is called {} now.", group.name, renamed.name))?)
}
