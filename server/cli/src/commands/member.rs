//! Shares with friends: `skep share --with`, `offers`, `join`, `members`, `leave`.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::arguments::{Join, Share};
use crate::failure::Failure;
use crate::find::{self, Named};
use crate::print;

/// The share that stands at this path, made if need be.
pub(crate) async fn shared_path(client: &Client, path: &Path) -> Result<wire::Share, Failure> {
    let body = json!({ "path": path });
    let share: wire::Share = client.call(Method::POST, "/shares", &body).await?;
    let is_whole = share.kind == "file" || share.root.as_deref().map(Path::new) == Some(path);
    if is_whole {
        return Ok(share);
    }
    Err(Failure::failed(format!(
        "{} lies in the share {}, and friends share a folder as a whole. Share {} with them, or \
         make a link to this part: skep share PATH --edit",
        path.display(),
        share.name,
        share.name
    )))
}

pub(crate) async fn share_with(
    client: &Client,
    path: &Path,
    wanted: &Share,
) -> Result<(), Failure> {
    // Nothing is shared before everybody is known.
    let mut all = Vec::new();
    for named in &wanted.with {
        all.push(find::friend_or_group(client, named).await?);
    }
    let share = shared_path(client, path).await?;
    let right = super::share::right(&wanted.right);
    let body = wire::GiveRight { right };
    let mut names = Vec::new();
    for one in &all {
        client.send(Method::PUT, &place(&share, one), &body).await?;
        names.push(name(one));
    }
    if wanted.json {
        let members: Vec<wire::Member> = client.get(&members_path(&share)).await?;
        let shown = json!({ "share": share.id, "name": share.name, "right": right,
            "members": members });
        return Ok(print::json(&shown)?);
    }
    let words =
        format!("{} is held out to {}, who may {}.", share.name, names.join(", "), word(right));
    Ok(print::line(&words)?)
}

pub(crate) async fn unshare_with(
    client: &Client,
    share: &wire::Share,
    with: &[String],
) -> Result<(), Failure> {
    for named in with {
        let one = find::friend_or_group(client, named).await?;
        client.send(Method::DELETE, &place(share, &one), &Value::Null).await?;
        let words =
            format!("{} is no longer shared with {}. Nothing was deleted.", share.name, name(&one));
        print::line(&words)?;
    }
    Ok(())
}

fn place(share: &wire::Share, one: &Named) -> String {
    match one {
        Named::Friend(friend) => format!("{}/{}", members_path(share), friend.hive),
        Named::Group(group) => format!("/shares/{}/groups/{}", share.id, group.id),
    }
}

fn members_path(share: &wire::Share) -> String {
    format!("/shares/{}/members", share.id)
}

fn name(one: &Named) -> String {
    match one {
        Named::Friend(friend) => friend.name.clone(),
        Named::Group(group) => group.name.clone(),
    }
}

fn word(right: wire::Right) -> &'static str {
    match right {
        wire::Right::View => "look",
        wire::Right::Comment => "comment",
        wire::Right::Edit => "edit",
        wire::Right::Manage => "manage it",
    }
}

pub(crate) async fn list(home: Option<&Path>, named: &str, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    let members: Vec<wire::Member> = client.get(&members_path(&share)).await?;
    if json {
        return Ok(print::json(&members)?);
    }
    let row = |member: &wire::Member| {
        let what = match member.state.as_str() {
            "member" => format!("may {}", word(member.right)),
            "offered" => format!("may {}, has not joined yet", word(member.right)),
            other => other.to_owned(),
        };
        let taking_part = member.state == "member";
        let lag = if taking_part { lag(&member.lag) } else { String::new() };
        let lag = format!("{lag}{}", super::friend::by_way(member.path));
        let who = if member.is_self { "you".to_owned() } else { member.name.clone() };
        vec![who, what, lag, member.device.clone()]
    };
    Ok(print::table(&members.iter().map(row).collect::<Vec<_>>())?)
}

/// How far a hive is, in words.
pub(crate) fn lag(lag: &wire::Lag) -> String {
    let speed = lag.speed.map(|speed| format!(", {}/s", print::size(speed))).unwrap_or_default();
    if let Some(at) = lag.known_at {
        let now = wire::Lag { known_at: None, in_sync: Some(lag.files_to_go == Some(0)), ..*lag };
        return format!("{} at {}", self::lag(&now), print::moment(at));
    }
    match (lag.in_sync, lag.files_to_go, lag.bytes_to_go) {
        (Some(true), ..) => "in step".to_owned(),
        (_, Some(1), bytes) => format!("1 file, {} to go{speed}", print::size(bytes.unwrap_or(0))),
        (_, Some(files), bytes) if files > 0 => {
            format!("{files} files, {} to go{speed}", print::size(bytes.unwrap_or(0)))
        }
        (Some(false), ..) => "not in step".to_owned(),
        (None, ..) => "not known".to_owned(),
    }
}

pub(crate) async fn leave(
    home: Option<&Path>,
    named: &str,
    delete_local: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    let body = wire::LeaveShare { delete_local };
    client.send(Method::POST, &format!("/shares/{}/leave", share.id), &body).await?;
    let copy = if delete_local { "The copy here was deleted." } else { "The copy here stays." };
    Ok(print::line(&format!("You left {}. {copy}", share.name))?)
}

pub(crate) async fn offers(home: Option<&Path>, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let offers: Vec<wire::Offer> = client.get("/offers").await?;
    if json {
        return Ok(print::json(&offers)?);
    }
    if offers.is_empty() {
        return Ok(print::line("Nothing is held out to you at present.")?);
    }
    let row = |offer: &wire::Offer| {
        vec![
            offer.name.clone(),
            format!("from {}", offer.from.name),
            format!("you may {}", word(offer.right)),
            format!("{} files", offer.files),
            print::size(offer.bytes),
            offer.folders.iter().map(|one| format!("{}/", one.path)).collect::<Vec<_>>().join(" "),
        ]
    };
    print::table(&offers.iter().map(row).collect::<Vec<_>>())?;
    Ok(print::line("Next: skep join NAME FOLDER")?)
}

pub(crate) async fn join(home: Option<&Path>, join: Join) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let what = join.what.trim();
    let offers: Vec<wire::Offer> = client.get("/offers").await?;
    let named: Vec<&wire::Offer> =
        offers.iter().filter(|offer| offer.share == what || offer.name == what).collect();
    let is_invitation = what.starts_with("skep:") || what.split_whitespace().count() == 3;
    let (friend, taken) = match named.as_slice() {
        [offer] => (None, vec![(*offer).clone()]),
        [] if is_invitation => {
            let made = super::friend::answer(&client, what).await?;
            (Some(made.friend), made.offers)
        }
        [] => {
            let names: Vec<_> = offers.iter().map(|offer| offer.name.as_str()).collect();
            let known = match names.is_empty() {
                true => "Nothing is held out to you at present.".to_owned(),
                false => format!("Held out are: {}.", names.join(", ")),
            };
            return Err(Failure::not_there(format!("Nobody holds {what} out to you. {known}")));
        }
        _ => {
            let words = format!(
                "Several friends hold {what} out to you. Use the id of one: skep offers --json"
            );
            return Err(Failure::usage(words));
        }
    };
    if !join.json
        && let Some(friend) = &friend
    {
        super::friend::welcome(friend)?;
    }
    let mut shares = Vec::new();
    for offer in &taken {
        let share = accept(&client, &join, offer, taken.len() == 1).await?;
        if !join.json {
            let root = share.root.clone().unwrap_or_default();
            print::line(&format!("{} from {} stands in {root}.", share.name, offer.from.name))?;
        }
        shares.push(share);
    }
    if join.json {
        return Ok(print::json(&json!({ "friend": friend, "shares": shares }))?);
    }
    if shares.is_empty() {
        print::line("Nothing is held out to you with it.")?;
    }
    Ok(())
}

/// Takes up an offer. Several of one invitation each get a folder of their own inside.
async fn accept(
    client: &Client,
    join: &Join,
    offer: &wire::Offer,
    alone: bool,
) -> Result<wire::Share, Failure> {
    let path = match &join.folder {
        Some(folder) => {
            let folder = std::path::absolute(folder)?;
            Some(if alone { folder } else { folder.join(&offer.name) })
        }
        None => None,
    };
    let body = wire::AcceptOffer {
        path: path.map(|path| path.display().to_string()),
        name: join.name.clone().filter(|_| alone),
        folders: (!join.only.is_empty()).then(|| join.only.clone()),
    };
    Ok(client.call(Method::POST, &format!("/offers/{}/accept", offer.share), &body).await?)
}
