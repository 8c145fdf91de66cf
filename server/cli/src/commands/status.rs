//! `skep status`, and `skep` alone.

use std::path::Path;

use hive::{Client, Places, wire};
use serde_json::json;

use crate::failure::Failure;
use crate::print;

pub(crate) async fn run(home: Option<&Path>, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let status = client.status().await?;
    let shares = client.shares().await?;
    if json {
        let mut all = serde_json::to_value(&status)?;
        all["share_list"] = json!(shares);
        return Ok(print::json(&all)?);
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
    Ok(print::table(&shares.iter().map(row).collect::<Vec<_>>())?)
}

fn row(share: &wire::Share) -> Vec<String> {
    vec![
        share.name.clone(),
        share.reason.clone().unwrap_or_else(|| share.state.replace('_', " ")),
        match share.files {
            1 => "1 file".to_owned(),
            files => format!("{files} files"),
        },
        print::size(share.bytes),
        share.root.clone().unwrap_or_default(),
    ]
}
