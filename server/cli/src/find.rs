//! Finds what a person names: a share by id, name or folder, a file by `NAME/PATH` or on disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hive::{Client, wire};

use crate::failure::Failure;

/// A share and a path in it, empty for its root.
pub(crate) struct Place {
    pub(crate) share: wire::Share,
    pub(crate) path: String,
}

pub(crate) async fn share(client: &Client, named: &str) -> Result<wire::Share, Failure> {
    let place = place(client, named).await?;
    if place.path.is_empty() {
        return Ok(place.share);
    }
    let words = format!("{named} lies in the share {} and is none itself.", place.share.name);
    Err(Failure::not_there(words))
}

pub(crate) async fn place(client: &Client, named: &str) -> Result<Place, Failure> {
    let shares = client.shares().await?;
    let on_disk = Client::on_disk(Path::new(named));
    let mut best: Option<(usize, Place)> = None;
    if let Some(path) = on_disk {
        for share in &shares {
            let Some((depth, path)) = inside(client, share, &path).await? else { continue };
            if best.as_ref().is_none_or(|(deepest, _)| depth >= *deepest) {
                best = Some((depth, Place { share: share.clone(), path }));
            }
        }
    }
    if let Some((_, place)) = best {
        return Ok(place);
    }
    let (name, path) = named.split_once('/').unwrap_or((named, ""));
    let known = shares.iter().find(|share| share.id == name || share.name == name);
    match known {
        Some(share) => {
            Ok(Place { share: share.clone(), path: path.trim_end_matches('/').to_owned() })
        }
        None => {
            let names: Vec<_> = shares.iter().map(|share| share.name.as_str()).collect();
            let shared = match names.is_empty() {
                true => "Nothing is shared yet: skep share PATH".to_owned(),
                false => format!("Shared are: {}.", names.join(", ")),
            };
            Err(Failure::not_there(format!("{named} is not shared. {shared}")))
        }
    }
}

/// [`place`], for names that are not written in UTF-8 as well: the hive tells of these with their
/// bytes as numbers.
pub(crate) async fn place_of_any_name(client: &Client, named: &OsStr) -> Result<Place, Failure> {
    if let Some(named) = named.to_str() {
        return place(client, named).await;
    }
    let mut folder = PathBuf::new();
    let mut rest: Vec<String> = Vec::new();
    for part in Path::new(named) {
        match part.to_str() {
            Some(_) if rest.is_empty() => folder.push(part),
            _ => rest.push(escaped(part)),
        }
    }
    let folder = folder.to_str().filter(|folder| !folder.is_empty()).unwrap_or(".");
    let mut place = place(client, folder).await?;
    let above = (!place.path.is_empty()).then(|| place.path.clone());
    place.path = above.into_iter().chain(rest).collect::<Vec<_>>().join("/");
    Ok(place)
}

fn escaped(name: &OsStr) -> String {
    let chunks = name.as_encoded_bytes().utf8_chunks().map(|chunk| {
        let numbers: Vec<String> =
            chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect();
        chunk.valid().to_owned() + &numbers.concat()
    });
    chunks.collect()
}

/// How deep the share lies and the path in it, if it holds what lies there on disk. A share of one
/// file holds nothing of its folder but that file.
async fn inside(
    client: &Client,
    share: &wire::Share,
    path: &Path,
) -> Result<Option<(usize, String)>, Failure> {
    let Some(root) = share.root.as_deref().map(Path::new) else { return Ok(None) };
    let Ok(inside) = path.strip_prefix(root) else { return Ok(None) };
    let depth = root.components().count();
    let Some(file) = &share.file else { return Ok(Some((depth, inside.display().to_string()))) };
    let only: wire::FileDetails = client.get(&format!("/files/{file}")).await?;
    let named = inside == Path::new(&only.file.path);
    Ok(named.then(|| (depth + 1, String::new())))
}

/// The file that a place names.
pub(crate) async fn file(client: &Client, named: &str) -> Result<wire::FileDetails, Failure> {
    let place = place(client, named).await?;
    let path = match (place.path.is_empty(), &place.share.file) {
        (true, Some(file)) => format!("/files/{file}"),
        _ => format!(
            "/files/by-path?share={}&path={}",
            place.share.id,
            Client::in_query(&place.path)
        ),
    };
    Ok(client.get(&path).await?)
}

/// Whom a person names: a friend by name or hive, or a group.
pub(crate) enum Named {
    Friend(Box<wire::Friend>),
    Group(wire::Group),
}

/// The friend of this name, whatever its case, or of this hive.
pub(crate) async fn friend(client: &Client, named: &str) -> Result<wire::Friend, Failure> {
    match friend_or_group(client, named).await? {
        Named::Friend(friend) => Ok(*friend),
        Named::Group(group) => {
            Err(Failure::not_there(format!("{} is a group and no friend.", group.name)))
        }
    }
}

pub(crate) async fn group(client: &Client, named: &str) -> Result<wire::Group, Failure> {
    match group_if_any(client, named).await? {
        Some(group) => Ok(group),
        None => {
            let groups: Vec<wire::Group> = client.get("/groups").await?;
            let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
            let known = match names.is_empty() {
                true => "There is none yet: skep group add NAME FRIEND".to_owned(),
                false => format!("Your groups are: {}.", names.join(", ")),
            };
            Err(Failure::not_there(format!("{named} is none of your groups. {known}")))
        }
    }
}

/// The group of this name, whatever its case, or of this id.
pub(crate) async fn group_if_any(
    client: &Client,
    named: &str,
) -> Result<Option<wire::Group>, Failure> {
    let groups: Vec<wire::Group> = client.get("/groups").await?;
    let lower = named.to_lowercase();
    let is_named = |group: &wire::Group| group.id == named || group.name.to_lowercase() == lower;
    Ok(groups.into_iter().find(is_named))
}

pub(crate) async fn friend_or_group(client: &Client, named: &str) -> Result<Named, Failure> {
    let mut friends: Vec<wire::Friend> = client.get("/friends").await?;
    let groups: Vec<wire::Group> = client.get("/groups").await?;
    let lower = named.to_lowercase();
    let same = |name: &str| name.to_lowercase() == lower;
    let is_named = |friend: &wire::Friend| friend.hive == named || same(&friend.name);
    let found: Vec<usize> = friends
        .iter()
        .enumerate()
        .filter(|(_, friend)| is_named(friend))
        .map(|(at, _)| at)
        .collect();
    let group = groups.into_iter().find(|group| group.id == named || same(&group.name));
    match (found.as_slice(), group) {
        ([at], None) => Ok(Named::Friend(Box::new(friends.swap_remove(*at)))),
        ([], Some(group)) => Ok(Named::Group(group)),
        ([], None) => {
            let names: Vec<_> = friends.iter().map(|friend| friend.name.as_str()).collect();
            let known = match names.is_empty() {
                true => "You have no friends yet: skep friend invite".to_owned(),
                false => format!("Your friends are: {}.", names.join(", ")),
            };
            Err(Failure::not_there(format!("{named} is none of your friends. {known}")))
        }
        _ => Err(Failure::usage(format!(
            "Several are called {named}. Use the id of one: skep friend list --json"
        ))),
    }
}
