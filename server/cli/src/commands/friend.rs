//! `skep friend`: invite, add, list, rename, remove, mute.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::arguments::{FriendCommand, Right};
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, command: FriendCommand) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    match command {
        FriendCommand::Invite { share, right, qr, json } => {
            invite(&client, share, &right, qr, json).await
        }
        FriendCommand::Add { invitation, json } => add(&client, &invitation.join(" "), json).await,
        FriendCommand::List { json } => list(&client, json).await,
        FriendCommand::Nearby { json } => nearby(&client, json).await,
        FriendCommand::Rename { friend, name } => rename(&client, &friend, &name).await,
        FriendCommand::Remove { friend } => remove(&client, &friend).await,
        FriendCommand::Mute { friend, off } => mute(&client, &friend, off).await,
    }
}

async fn invite(
    client: &Client,
    share: Option<String>,
    right: &Right,
    qr: bool,
    json: bool,
) -> Result<(), Failure> {
    let share = match share {
        Some(named) => Some(shared(client, &named).await?),
        None => None,
    };
    let new = wire::NewInvitation {
        share: share.as_ref().map(|share| share.id.clone()),
        right: share.is_some().then(|| super::share::right(right)),
    };
    let made: wire::MadeInvitation = client.call(Method::POST, "/invitations", &new).await?;
    if json {
        return Ok(print::json(&made)?);
    }
    print::line(&made.link)?;
    if let Some(words) = &made.invitation.words {
        print::line(&format!("On the same network: {words}"))?;
    }
    let until = print::moment(made.invitation.expires_at);
    print::line(&format!(
        "Good for one friend until {until}. They open it in their Skep, or type:"
    ))?;
    print::line(&format!("  skep join {}", made.link))?;
    if qr && let Ok(code) = fast_qr::QRBuilder::new(made.link.as_str()).build() {
        print::line(&code.to_str())?;
    }
    Ok(())
}

/// A share by name, or a folder or file on disk, which becomes one.
async fn shared(client: &Client, named: &str) -> Result<wire::Share, Failure> {
    match Path::new(named).canonicalize() {
        Ok(path) => super::member::shared_path(client, &path).await,
        Err(_) => find::share(client, named).await,
    }
}

pub(crate) async fn add(client: &Client, invitation: &str, json: bool) -> Result<(), Failure> {
    let made = answer(client, invitation).await?;
    if json {
        return Ok(print::json(&made)?);
    }
    welcome(&made.friend)?;
    for offer in &made.offers {
        let (friend, name) = (&made.friend.name, &offer.name);
        print::line(&format!("{friend} holds {name} out to you: skep join \"{name}\""))?;
    }
    Ok(())
}

/// Answers an invitation, given as its link or as three words.
pub(crate) async fn answer(client: &Client, invitation: &str) -> Result<wire::Befriended, Failure> {
    let is_link = invitation.contains(':');
    let (link, words) = match is_link {
        true => (Some(invitation.to_owned()), None),
        false => (None, Some(invitation.to_owned())),
    };
    let new = wire::NewFriend { link, words };
    Ok(client.call(Method::POST, "/friends", &new).await?)
}

pub(crate) fn welcome(friend: &wire::Friend) -> Result<(), Failure> {
    print::line(&format!("You and {} are friends now.", friend.name))?;
    if !friend.phrase.is_empty() {
        let phrase = friend.phrase.join(" ");
        print::line(&format!("To be sure that it is them: both of you see “{phrase}”."))?;
    }
    Ok(())
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let friends: Vec<wire::Friend> = client.get("/friends").await?;
    if json {
        return Ok(print::json(&friends)?);
    }
    if friends.is_empty() {
        return Ok(print::line("You have no friends yet. Invite one: skep friend invite")?);
    }
    let row = |friend: &wire::Friend| {
        let mut marks = Vec::new();
        if friend.muted {
            marks.push("muted");
        }
        if friend.paused.is_some() {
            marks.push("paused");
        }
        let seen = match (friend.online, friend.last_seen_at) {
            (true, _) => format!("here now{}", by_way(friend.path)),
            (false, Some(at)) => format!("last seen {}", print::moment(at)),
            (false, None) => "never seen".to_owned(),
        };
        vec![friend.name.clone(), seen, friend.device.clone(), marks.join(", ")]
    };
    Ok(print::table(&friends.iter().map(row).collect::<Vec<_>>())?)
}

async fn nearby(client: &Client, json: bool) -> Result<(), Failure> {
    let hives: Vec<wire::Nearby> = client.get("/nearby").await?;
    if json {
        return Ok(print::json(&hives)?);
    }
    if hives.is_empty() {
        let words = "No other hive is seen on this network. Hives are seen while both are open to \
                     it: skep reach network";
        return Ok(print::line(words)?);
    }
    let row = |hive: &wire::Nearby| vec![hive.name.clone(), hive.hive.clone()];
    Ok(print::table(&hives.iter().map(row).collect::<Vec<_>>())?)
}

/// By which way a friend's hive is connected.
pub(super) const fn by_way(way: Option<wire::Way>) -> &'static str {
    match way {
        Some(wire::Way::Lan) => ", on one network",
        Some(wire::Way::Direct) => ", directly",
        Some(wire::Way::Relay) => ", through a relay",
        None => "",
    }
}

async fn rename(client: &Client, named: &str, name: &str) -> Result<(), Failure> {
    let friend = find::friend(client, named).await?;
    let name = (!name.is_empty()).then_some(name);
    let body = json!({ "name": name });
    let changed: wire::Friend = client.call(Method::PATCH, &path(&friend), &body).await?;
    Ok(print::line(&format!("{} is called {} here.", friend.name, changed.name))?)
}

async fn remove(client: &Client, named: &str) -> Result<(), Failure> {
    let friend = find::friend(client, named).await?;
    client.send(Method::DELETE, &path(&friend), &Value::Null).await?;
    let words = format!(
        "{} is no friend any more. What you shared with them ends now; nothing was deleted.",
        friend.name
    );
    Ok(print::line(&words)?)
}

async fn mute(client: &Client, named: &str, off: bool) -> Result<(), Failure> {
    let friend = find::friend(client, named).await?;
    client.send(Method::PATCH, &path(&friend), &json!({ "muted": !off })).await?;
    let words = if off { "is heard again" } else { "is muted" };
    Ok(print::line(&format!("{} {words}.", friend.name))?)
}

fn path(friend: &wire::Friend) -> String {
    format!("/friends/{}", friend.hive)
}
