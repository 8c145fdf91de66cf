//! `skep status`, and `skep` alone.

use std::path::Path;

use hive::{Client, Places, wire};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::print;

/// How many waiting files of a share are named.
const WAITING_MAX: usize = 5;

pub(crate) async fn run(home: Option<&Path>, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let status = client.status().await?;
    let shares = client.shares().await?;
    let mut progress = Vec::new();
    for share in &shares {
        progress.push(progress_of(&client, share).await?);
    }
    if json {
        return Ok(print::json(&shown(&status, &shares, &progress)?)?);
    }
    let line = client.summary().await?.line;
    print::line(&format!("{}: {line}", status.hive.name))?;
    for address in &status.addresses {
        print::line(&format!("  {}  {}", address.url, address.note))?;
    }
    for warning in &status.warnings {
        print::line(&format!("  {} {}", warning.detail, warning.hint))?;
    }
    if shares.is_empty() {
        print::line("Nothing is shared yet.")?;
        return Ok(print::line("Next: skep share PATH --edit")?);
    }
    let rows = shares.iter().zip(&progress).map(|(share, progress)| row(share, progress.as_ref()));
    print::table(&rows.collect::<Vec<_>>())?;
    let resting = progress.iter().flatten().find_map(|progress| progress.resting.as_ref());
    if let Some(resting) = resting.filter(|resting| resting.code == "metered") {
        print::line(&format!("  {} {}", resting.detail, resting.hint))?;
    }
    for (share, progress) in shares.iter().zip(&progress) {
        let Some(progress) = progress else { continue };
        for waiting in progress.waiting.iter().take(WAITING_MAX) {
            let place = format!("{}/{}", share.name, waiting.path);
            print::line(&format!("  {place}: {} {}", waiting.detail, waiting.hint))?;
        }
        if let Some(held) = &progress.held_back {
            let words = format!(
                "  {}: {} deletions wait for your word: skep deletions {:?}",
                share.name, held.deletions, share.name
            );
            print::line(&words)?;
        }
    }
    Ok(())
}

/// How far a share is; `None` if the hive cannot tell, so that one share keeps no other from
/// being shown.
async fn progress_of(client: &Client, share: &wire::Share) -> Result<Option<wire::Sync>, Failure> {
    match client.get(&format!("/shares/{}/sync", share.id)).await {
        Ok(progress) => Ok(Some(progress)),
        Err(hive::Error::Problem { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The status with every share, and of each how far it is; `null` where that is not known.
fn shown(
    status: &wire::Status,
    shares: &[wire::Share],
    progress: &[Option<wire::Sync>],
) -> Result<Value, Failure> {
    let mut list = Vec::new();
    for (share, progress) in shares.iter().zip(progress) {
        let mut one = serde_json::to_value(share)?;
        let progress = progress.as_ref();
        for (key, value) in [
            ("in_sync", json!(progress.map(|all| all.in_sync))),
            ("files_to_go", json!(progress.map(|all| all.files_to_go))),
            ("bytes_to_go", json!(progress.map(|all| all.bytes_to_go))),
            ("here", json!(progress.map(|all| &all.here))),
            ("friends", json!(progress.map_or(&[][..], |all| &all.friends))),
            ("waiting", json!(progress.map_or(&[][..], |all| &all.waiting))),
            ("held_back", json!(progress.and_then(|all| all.held_back.as_ref()))),
            ("paused", json!(progress.and_then(|all| all.paused.as_ref()))),
            ("resting", json!(progress.and_then(|all| all.resting.as_ref()))),
        ] {
            one[key] = value;
        }
        list.push(one);
    }
    let mut all = serde_json::to_value(status)?;
    all["share_list"] = json!(list);
    Ok(all)
}

/// What a share is doing; with friends, how far it is.
fn standing(share: &wire::Share, progress: Option<&wire::Sync>) -> String {
    if let Some(reason) = &share.reason {
        return reason.clone();
    }
    let Some(progress) = progress else { return share.state.replace('_', " ") };
    if let Some(ended) = progress.resting.as_ref().filter(|resting| resting.code == "ended") {
        return ended.detail.clone();
    }
    if progress.paused.is_some() {
        return "paused with friends".to_owned();
    }
    let with_friends = progress.friends.iter().any(|friend| friend.state == "member");
    if !with_friends || share.state != "in_step" {
        return share.state.replace('_', " ");
    }
    if progress.in_sync {
        return "in step with friends".to_owned();
    }
    match (progress.here.in_sync, progress.files_to_go) {
        (Some(false), _) => super::member::lag(&progress.here),
        (_, 0) => "in step here, friends not known".to_owned(),
        (_, files) => format!("in step here, {files} files to go at friends"),
    }
}

fn row(share: &wire::Share, progress: Option<&wire::Sync>) -> Vec<String> {
    vec![
        share.name.clone(),
        standing(share, progress),
        match share.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        },
        print::size(share.bytes),
        share.root.clone().unwrap_or_default(),
    ]
}
