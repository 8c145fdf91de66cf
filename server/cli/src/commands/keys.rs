//! `skep keys list` and `skep keys revoke`.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::print;

pub(crate) async fn list(home: Option<&Path>, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let keys: Vec<wire::Key> = client.get("/keys").await?;
    if json {
        return Ok(print::json(&keys)?);
    }
    if keys.is_empty() {
        return Ok(print::line("Nobody else is let in. Make a link: skep share PATH")?);
    }
    let mut rows = vec![
        ["ID", "KIND", "RIGHT", "OPENS", "NAME", "LAST USED", "FROM"].map(str::to_owned).to_vec(),
    ];
    for key in &keys {
        rows.push(vec![
            key.id.clone(),
            key.kind.clone(),
            json!(key.right).as_str().unwrap_or_default().to_owned(),
            key.what.clone(),
            key.name.clone(),
            key.used_at.map_or_else(|| "never".to_owned(), print::moment),
            key.used_from.clone().unwrap_or_default(),
        ]);
    }
    Ok(print::table(&rows)?)
}

pub(crate) async fn revoke(home: Option<&Path>, ids: &[String]) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let keys: Vec<wire::Key> = client.get("/keys").await?;
    for id in ids {
        // A whole link names its key: the part between `/l/` and `#`.
        let named = id.split("/l/").last().and_then(|rest| rest.split('#').next()).unwrap_or(id);
        let Some(key) = keys.iter().find(|key| key.id == named) else {
            let words = format!("There is no key {id}. See them all: skep keys list");
            return Err(Failure::not_there(words));
        };
        let call = format!("/keys/{}/{}", key.kind, key.id);
        client.send(Method::DELETE, &call, &Value::Null).await?;
        print::line(&format!("The {} {} opens nothing any more.", key.kind, key.id))?;
    }
    Ok(())
}
