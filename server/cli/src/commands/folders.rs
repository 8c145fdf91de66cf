//! `skep folders`: which folders of a share come to this computer.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;

use crate::failure::Failure;
use crate::{find, print};

/// Shows them, or chooses: an empty choice is all of them.
pub(crate) async fn run(
    home: Option<&Path>,
    named: &str,
    wanted: Option<Vec<String>>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    let call = format!("/shares/{}/chosen", share.id);
    let chosen: wire::Chosen = match wanted {
        None => client.get(&call).await?,
        Some(only) => {
            let known: wire::Chosen = client.get(&call).await?;
            check(&share, &known, &only)?;
            let body = wire::Choose { folders: (!only.is_empty()).then_some(only) };
            client.call(Method::PUT, &call, &body).await?
        }
    };
    if json {
        return Ok(print::json(&chosen)?);
    }
    if chosen.all.is_empty() {
        return Ok(print::line(&format!("{} holds no folders.", share.name))?);
    }
    let row = |top: &wire::TopFolder| {
        let here = if top.chosen { "here" } else { "with friends alone" };
        vec![top.path.clone(), print::size(top.bytes), here.to_owned()]
    };
    Ok(print::table(&chosen.all.iter().map(row).collect::<Vec<_>>())?)
}

/// A folder that is mistyped would keep everything else away.
fn check(share: &wire::Share, known: &wire::Chosen, only: &[String]) -> Result<(), Failure> {
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let unknown = only.iter().find(|path| !known.all.iter().any(|one| one.path == top(path)));
    let Some(unknown) = unknown else { return Ok(()) };
    let names: Vec<_> = known.all.iter().map(|one| one.path.as_str()).collect();
    Err(Failure::not_there(format!(
        "{} holds no folder {unknown}. Its folders are: {}.",
        share.name,
        names.join(", ")
    )))
}
