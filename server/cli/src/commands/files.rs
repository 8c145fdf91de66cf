//! `skep ls` and `skep cat`.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::Value;

use crate::failure::Failure;
use crate::{find, print};

const FILES_PER_CALL: u32 = 5_000;

pub(crate) async fn list(
    home: Option<&Path>,
    place: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let Some(named) = place else {
        let shares = client.shares().await?;
        if json {
            return Ok(print::json(&shares)?);
        }
        let row =
            |share: &wire::Share| vec![share.name.clone(), share.root.clone().unwrap_or_default()];
        return Ok(print::table(&shares.iter().map(row).collect::<Vec<_>>())?);
    };
    let place = find::place(&client, &named).await?;
    let files = all_in(&client, &place).await?;
    if json {
        return Ok(print::json(&files)?);
    }
    Ok(print::table(&files.iter().map(row).collect::<Vec<_>>())?)
}

/// What a folder holds, or the one file.
async fn all_in(client: &Client, place: &find::Place) -> Result<Vec<wire::File>, Failure> {
    let (share, path) = (&place.share.id, Client::in_query(&place.path));
    if !place.path.is_empty() {
        let call = format!("/files/by-path?share={share}&path={path}");
        let details: wire::FileDetails = client.get(&call).await?;
        if details.file.kind != "folder" {
            return Ok(vec![details.file]);
        }
    }
    let mut files = Vec::new();
    loop {
        let call = format!(
            "/shares/{share}/files?folder={path}&limit={FILES_PER_CALL}&offset={}",
            files.len()
        );
        let listing: wire::Listing = client.get(&call).await?;
        let got = listing.entries.len();
        files.extend(listing.entries);
        if got == 0 || files.len() as u64 >= listing.total {
            return Ok(files);
        }
    }
}

fn row(file: &wire::File) -> Vec<String> {
    let folder = file.kind == "folder";
    vec![
        if folder { "-".to_owned() } else { print::size(file.size) },
        print::moment(file.modified_at),
        if folder { format!("{}/", file.name) } else { file.name.clone() },
    ]
}

pub(crate) async fn show(home: Option<&Path>, named: &str) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let details = find::file(&client, named).await?;
    let how = match details.live {
        wire::Live::Yes => "text",
        wire::Live::No(_) => "raw",
    };
    let call = format!("/files/{}/{how}", details.file.id);
    let bytes = client.send(Method::GET, &call, &Value::Null).await?;
    Ok(print::bytes(&bytes)?)
}
