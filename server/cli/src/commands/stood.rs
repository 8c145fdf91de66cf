//! `skep versions-of --at`: how a file or folder stood at a moment, and a copy of that.

use std::fs;
use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(
    home: Option<&Path>,
    named: &str,
    at: &str,
    to: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let place = find::place(&client, named).await?;
    let moment = super::history::moment(at)?;
    let (share, path) = (&place.share, Client::in_query(&place.path));
    let call = format!("/shares/{}/stood?path={path}&at={moment}", share.id);
    let stood: Vec<wire::Stood> = match client.get(&call).await {
        Err(hive::Error::Problem { status: 404, .. }) => {
            let words = format!("{named} did not stand there at {}.", print::moment(moment));
            return Err(Failure::not_there(words));
        }
        other => other?,
    };
    let Some(folder) = to else {
        if json {
            return Ok(print::json(&stood)?);
        }
        return Ok(print::table(&stood.iter().map(row).collect::<Vec<_>>())?);
    };
    let (mut copied, mut missing) = (Vec::new(), Vec::new());
    for one in &stood {
        // A file lies in the folder by its name, a folder's things as they lay in it.
        let within = match one.path.strip_prefix(&place.path) {
            Some("") => one.path.rsplit('/').next().unwrap_or(&one.path),
            Some(rest) if !place.path.is_empty() => rest.trim_start_matches('/'),
            _ => &one.path,
        };
        if one.path == place.path && one.kind == "folder" {
            continue;
        }
        match copy(&client, one, &folder.join(within)).await? {
            true => copied.push(within),
            false => missing.push(within),
        }
    }
    if json {
        let shown = json!({ "to": folder, "copied": copied, "missing": missing });
        return Ok(print::json(&shown)?);
    }
    for path in &missing {
        print::warning(&format!("{path}: its bytes of that moment are no longer kept."));
    }
    Ok(print::line(&format!("{} copied into {}.", copied.len(), folder.display()))?)
}

fn row(one: &wire::Stood) -> Vec<String> {
    let is_folder = one.kind == "folder";
    vec![
        print::moment(one.at),
        if is_folder { String::new() } else { print::size(one.size) },
        if one.kept { String::new() } else { "not kept".to_owned() },
        if is_folder { format!("{}/", one.path) } else { one.path.clone() },
    ]
}

/// Copies one thing; nothing that is there already is written over. False: its bytes are gone.
async fn copy(client: &Client, one: &wire::Stood, to: &Path) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| {
        Failure::failed(format!(
            "{} cannot be written: {error}. Name a folder that is empty or not there.",
            to.display()
        ))
    };
    if one.kind == "folder" {
        fs::create_dir_all(to).map_err(failed)?;
        return Ok(true);
    }
    let Some(version) = one.version.filter(|_| one.kept) else { return Ok(false) };
    let call = format!("/files/{}/versions/{version}/raw", one.file);
    let bytes = client.send(Method::GET, &call, &Value::Null).await?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::File::create_new(to).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(failed)?;
    Ok(true)
}
