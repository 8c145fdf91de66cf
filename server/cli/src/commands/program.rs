//! `skep program`: lets another program into a document.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::json;

use crate::arguments::Program;
use crate::commands::share::{ends_at, right};
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, wanted: Program) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    if wanted.right.manage {
        return Err(Failure::usage("A program is given at most the right to edit."));
    }
    let place = find::place(&client, &wanted.place).await?;
    let file = match place.path.is_empty() && place.share.file.is_none() {
        true => None,
        false => Some(file(&client, &place).await?),
    };
    let new = wire::NewProgram {
        share: file.is_none().then(|| place.share.id.clone()),
        file,
        name: wanted.name,
        right: Some(right(&wanted.right)),
        expires_at: wanted.expires.map(|span| ends_at(span, "--expires")).transpose()?,
    };
    let made: wire::MadeProgram = client.call(Method::POST, "/programs", &json!(new)).await?;
    if wanted.json {
        return Ok(print::json(&made)?);
    }
    let room = made.room.as_deref().unwrap_or("the file's id, as `skep ls --json` shows it");
    let yjs = format!("{}  room {room}  token {}", made.yjs.url, made.token);
    let hocuspocus = format!("{}  name {room}  token {}", made.hocuspocus.url, made.token);
    let mobwrite = format!("{}  file {}", made.mobwrite.url, made.mobwrite.file);
    let rows = [("y-websocket", yjs), ("Hocuspocus", hocuspocus), ("MobWrite", mobwrite)];
    print::table(&rows.map(|(name, words)| vec![name.to_owned(), words]))?;
    let words = "The token is shown only here. Take it back with: skep keys revoke";
    Ok(print::line(&format!("{words} {}", made.key.id))?)
}

async fn file(client: &Client, place: &find::Place) -> Result<String, Failure> {
    if let Some(file) = place.share.file.as_ref().filter(|_| place.path.is_empty()) {
        return Ok(file.clone());
    }
    let query = Client::in_query(&place.path);
    let call = format!("/files/by-path?share={}&path={query}", place.share.id);
    let details: wire::FileDetails = client.get(&call).await?;
    Ok(details.file.id)
}
