//! `skep folders`: which folders of a share come to this computer.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;

use crate::failure::Failure;
use crate::{find, print};

/// Shows them, or chooses: an empty choice is all of them. Removes what is not chosen, if asked.
pub(crate) async fn run(
    home: Option<&Path>,
    named: &str,
    (wanted, remove_copies): (Option<Vec<String>>, bool),
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = find::share(&client, named).await?;
    let call = format!("/shares/{}/chosen", share.id);
    let known: wire::Chosen = client.get(&call).await?;
    let folders = match &wanted {
        None => known.folders.clone(),
        Some(only) => {
            check(&share, &known, only)?;
            Some(only.clone()).filter(|only| !only.is_empty())
        }
    };
    if remove_copies && folders.is_none() {
        return Err(Failure::usage(format!(
            "All folders of {} are chosen, so no copies are to be removed. Say which are to stay: \
             skep folders \"{}\" --only FOLDER --remove-copies",
            share.name, share.name
        )));
    }
    let chosen: wire::Chosen = match wanted.is_some() || remove_copies {
        true => client.call(Method::PUT, &call, &wire::Choose { folders, remove_copies }).await?,
        false => known,
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
    print::table(&chosen.all.iter().map(row).collect::<Vec<_>>())?;
    let wire::LeftOver { files, bytes } = chosen.left_over;
    let many = match files {
        0 => return Ok(()),
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let (size, name) = (print::size(bytes), &share.name);
    let words = match remove_copies {
        true => format!(
            "{many} ({size}) outside of them still here: not in step, or in use. Ask: skep why PATH"
        ),
        false => format!(
            "{many} ({size}) outside of them still here, and following changes. Remove from this \
             computer alone: skep folders \"{name}\" --remove-copies"
        ),
    };
    Ok(print::line(&words)?)
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
