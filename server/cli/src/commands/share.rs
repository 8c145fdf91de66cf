//! `skep share` and `skep unshare`.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use crate::arguments::{Right, Share};
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, wanted: Share) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let path = wanted.path.canonicalize().map_err(|error| {
        Failure::not_there(format!("{} cannot be shared: {error}.", wanted.path.display()))
    })?;
    if !wanted.with.is_empty() {
        return super::member::share_with(&client, &path, &wanted).await;
    }
    if wanted.right.manage {
        let words =
            "A link gives at most the right to edit. Managing is for friends: --with FRIEND";
        return Err(Failure::usage(words));
    }
    let new = wire::NewLink {
        path: Some(path.display().to_string()),
        right: Some(right(&wanted.right)),
        expires_at: wanted.expires.map(|span| ends_at(span, "--expires")).transpose()?,
        password: password(wanted.password)?,
        uses_max: wanted.once.then_some(1),
        name: wanted.name,
        ..wire::NewLink::default()
    };
    let made = client.make_link(&new).await?;
    let document = document(&client, &made).await?;
    if wanted.json {
        return Ok(print::json(&shown(&made, document.as_ref()))?);
    }
    print::line(&made.url)?;
    if let Some(address) = made.urls.first() {
        print::line(&address.note)?;
    }
    if wanted.qr
        && let Ok(code) = fast_qr::QRBuilder::new(made.url.as_str()).build()
    {
        print::line(&code.to_str())?;
    }
    Ok(())
}

pub(crate) async fn stop(home: Option<&Path>, named: &str, with: &[String]) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    if !with.is_empty() {
        return super::member::unshare_with(&client, &share, with).await;
    }
    client.send(Method::DELETE, &format!("/shares/{}", share.id), &Value::Null).await?;
    let words = format!("{} is no longer shared. Nothing on disk was deleted.", share.name);
    Ok(print::line(&words)?)
}

pub(crate) fn right(wanted: &Right) -> wire::Right {
    if wanted.manage {
        wire::Right::Manage
    } else if wanted.edit {
        wire::Right::Edit
    } else if wanted.comment {
        wire::Right::Comment
    } else {
        wire::Right::View
    }
}

/// The end of a time that begins now and was given under this name.
pub(crate) fn ends_at(span: jiff::Span, name: &str) -> Result<i64, Failure> {
    let end = Zoned::now().checked_add(span);
    let end = end.map_err(|error| Failure::usage(format!("{name}: {error}.")))?;
    match end.timestamp() > Timestamp::now() {
        true => Ok(end.timestamp().as_millisecond()),
        false => Err(Failure::usage(format!("{name}: that moment has passed already."))),
    }
}

/// An empty password on the command line asks for it here, so that it stays out of the history.
fn password(given: Option<String>) -> Result<Option<String>, Failure> {
    match given {
        Some(given) if given.is_empty() => {
            Ok(Some(rpassword::prompt_password("Password of the link: ")?))
        }
        other => Ok(other),
    }
}

/// How a Yjs client opens the link's file, if it is a text that can be edited live.
async fn document(
    client: &Client,
    made: &wire::MadeLink,
) -> Result<Option<wire::Document>, Failure> {
    if made.link.kind != wire::LinkKind::File {
        return Ok(None);
    }
    let place = format!(
        "/files/by-path?share={}&path={}",
        made.link.share,
        Client::in_query(&made.link.path)
    );
    let details: wire::FileDetails = client.get(&place).await?;
    if !matches!(details.live, wire::Live::Yes) {
        return Ok(None);
    }
    let call = format!("/files/{}/document", details.file.id);
    let body = json!({ "token": true, "link": made.link.id });
    Ok(Some(client.call(Method::POST, &call, &body).await?))
}

fn shown(made: &wire::MadeLink, document: Option<&wire::Document>) -> Value {
    let mut shown = json!({
        "link": made.url,
        "links": made.urls,
        "id": made.link.id,
        "share": made.link.share,
        "path": made.link.path,
        "right": made.link.right,
        "expires_at": made.link.expires_at,
    });
    if let Some(document) = document {
        let base = made.url.split("/l/").next().unwrap_or_default();
        let server = format!("{}{}", base.replacen("http", "ws", 1), document.url);
        shown["document"] = json!(document.file);
        shown["yjs"] = json!({
            "url": server,
            "room": document.room,
            "params": document.params,
            "text": document.text,
        });
    }
    shown
}
