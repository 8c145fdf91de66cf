//! `skep why`, `conflicts`, `pause`, `resume` and `log`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::arguments::{ConflictsCommand, Keep};
use crate::failure::Failure;
use crate::find::Named;
use crate::{find, print};

pub(crate) async fn why(home: Option<&Path>, named: &OsStr, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let place = find::place_of_any_name(&client, named).await?;
    let call = match (place.path.is_empty(), &place.share.file) {
        (true, Some(file)) => format!("/why?file={file}"),
        _ => format!("/why?share={}&path={}", place.share.id, Client::in_query(&place.path)),
    };
    let why: wire::Why = client.get(&call).await?;
    if json {
        return Ok(print::json(&why)?);
    }
    Ok(print::line(format!("{} {}", why.detail, why.hint).trim())?)
}

pub(crate) async fn conflicts(
    home: Option<&Path>,
    share: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let call = match share {
        Some(named) => format!("/two-versions?share={}", find::share(&client, &named).await?.id),
        None => "/two-versions".to_owned(),
    };
    let apart: Vec<wire::TwoVersions> = client.get(&call).await?;
    if json {
        return Ok(print::json(&apart)?);
    }
    if apart.is_empty() {
        return Ok(print::line("No file has two versions.")?);
    }
    let side = |side: &wire::Side| {
        let by = side.by.as_ref().map_or("somebody", |by| by.name.as_str());
        let by = side.guest.as_deref().unwrap_or(by);
        format!("{by}, {}, {}", print::moment(side.at), print::size(side.size))
    };
    let row = |one: &wire::TwoVersions| {
        let place = format!("{}/{}", one.share_name, one.path);
        std::iter::once(place).chain(one.sides.iter().map(side)).collect()
    };
    print::table(&apart.iter().map(row).collect::<Vec<Vec<_>>>())?;
    Ok(print::line("Next: skep conflicts resolve FILE --first (or --second, --both, --text FILE)")?)
}

pub(crate) async fn resolve(home: Option<&Path>, command: ConflictsCommand) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    match command {
        ConflictsCommand::Resolve { files, keep, json } => {
            let body = choice(&keep)?;
            let mut done = Vec::new();
            for named in &files {
                let file = find::file(&client, named).await?.file;
                let call = format!("/files/{}/two-versions", file.id);
                let undo: wire::Undo = client.call(Method::POST, &call, &body).await?;
                if !json {
                    let back = format!("skep conflicts undo {named} {}", undo.undo);
                    print::line(&format!("{named} has one version now. To undo: {back}"))?;
                }
                done.push(json!({ "file": file.id, "path": file.path, "undo": undo.undo }));
            }
            if json { Ok(print::json(&done)?) } else { Ok(()) }
        }
        ConflictsCommand::Undo { file: named, undo } => {
            let file = find::file(&client, &named).await?.file;
            let call = format!("/files/{}/two-versions/undo", file.id);
            client.send(Method::POST, &call, &wire::Undo { undo }).await?;
            Ok(print::line(&format!("{named} has its versions again."))?)
        }
    }
}

fn choice(keep: &Keep) -> Result<wire::Resolve, Failure> {
    let (word, text) = match &keep.text {
        Some(path) => {
            let read = std::fs::read_to_string(path);
            let text = read.map_err(|error| {
                Failure::not_there(format!("{} cannot be read: {error}.", path.display()))
            })?;
            ("text", Some(text))
        }
        None if keep.second => ("second", None),
        None if keep.both => ("both", None),
        None => ("first", None),
    };
    Ok(wire::Resolve { keep: word.to_owned(), text })
}

/// Tells how many removals wait, lets them pass, or takes them back.
pub(crate) async fn deletions(
    home: Option<&Path>,
    named: &str,
    agreed: Option<bool>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    let sync: wire::Sync = client.get(&format!("/shares/{}/sync", share.id)).await?;
    let waiting = sync.held_back.as_ref().map_or(0, |held| held.deletions);
    if waiting > 0
        && let Some(agreed) = agreed
    {
        let word = if agreed { "confirm" } else { "take-back" };
        let call = format!("/shares/{}/sync/{word}", share.id);
        client.send(Method::POST, &call, &Value::Null).await?;
    }
    if json {
        let held = json!({ "waiting": waiting, "held_back": sync.held_back, "agreed": agreed });
        return Ok(print::json(&held)?);
    }
    let words = match (&sync.held_back, agreed) {
        (None, _) => format!("No deletions of {} wait for your word.", share.name),
        (Some(_), Some(true)) => format!("{waiting} deletions pass."),
        (Some(_), Some(false)) => format!("{waiting} deletions are taken back."),
        (Some(held), None) => format!(
            "{} were removed here, {} by friends. Next: skep deletions {named} --confirm, or \
             --take-back",
            held.own, held.friends
        ),
    };
    Ok(print::line(&words)?)
}

/// What can be paused, with its path in the API and its name.
async fn target(client: &Client, what: Option<String>) -> Result<(String, String), Failure> {
    let Some(named) = what else { return Ok(("/pause".to_owned(), "Sharing".to_owned())) };
    let not_shared = match find::share(client, &named).await {
        Ok(share) => return Ok((format!("/shares/{}/pause", share.id), share.name)),
        Err(failure) => failure,
    };
    match find::friend_or_group(client, &named).await {
        Ok(Named::Friend(friend)) => Ok((format!("/friends/{}/pause", friend.hive), friend.name)),
        Ok(Named::Group(group)) => Err(Failure::usage(format!(
            "{} is a group. Pause its friends or its shares one by one.",
            group.name
        ))),
        Err(_) => Err(not_shared.and_also("It is none of your friends either.")),
    }
}

pub(crate) async fn pause(
    home: Option<&Path>,
    what: Option<String>,
    time: Option<jiff::Span>,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let until_at = time.map(|span| super::share::ends_at(span, "--for")).transpose()?;
    let (path, name) = target(&client, what).await?;
    client.send(Method::PUT, &path, &wire::Pause { until_at }).await?;
    let until = match until_at {
        Some(at) => format!("until {}", print::moment(at)),
        None => "until you resume".to_owned(),
    };
    Ok(print::line(&format!("{name} is paused {until}."))?)
}

pub(crate) async fn resume(home: Option<&Path>, what: Option<String>) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let (path, name) = target(&client, what).await?;
    client.send(Method::DELETE, &path, &Value::Null).await?;
    Ok(print::line(&format!("{name} goes on."))?)
}

pub(crate) async fn log(
    home: Option<&Path>,
    follow: bool,
    limit: usize,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    // Heard from before the first look, so that nothing falls between.
    let mut changes = client.changes();
    let mut told = HashSet::new();
    let mut recent: Vec<wire::Recent> = client.get(&format!("/recent?limit={limit}")).await?;
    if json && !follow {
        return Ok(print::json(&recent)?);
    }
    loop {
        recent.reverse();
        for change in recent {
            if told.insert((change.file.clone(), change.at, change.verb.clone())) {
                tell(&change, json)?;
            }
        }
        if !follow {
            return Ok(());
        }
        // A burst of changes is one look.
        match changes.recv().await {
            Ok(()) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return Ok(()),
        }
        while changes.try_recv().is_ok() {}
        recent = client.get("/recent?limit=500").await?;
    }
}

fn tell(change: &wire::Recent, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(print::json(change)?);
    }
    let by = change.by.as_ref().map(|by| format!(" by {}", by.name)).unwrap_or_default();
    let (at, place) = (print::moment(change.at), format!("{}/{}", change.share_name, change.path));
    Ok(print::line(&format!("{at}  {}  {place}{by}", change.verb))?)
}
