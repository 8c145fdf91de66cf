//! `skep scrub`: whether the disk still gives back what was saved.

use std::path::Path;
use std::time::Duration;

use hive::{Client, Places, wire};
use hyper::Method;

use crate::failure::Failure;
use crate::{find, print};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long what is being mended is waited for.
const MENDING: Duration = Duration::from_secs(5);

pub(crate) async fn run(
    home: Option<&Path>,
    share: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let share = match share {
        Some(named) => Some(find::share(&client, &named).await?.id),
        None => None,
    };
    let which = wire::BeginScrub { share };
    let mut scrub: wire::Scrub = client.call(Method::POST, "/scrub", &which).await?;
    let mut mending = Duration::ZERO;
    while scrub.running || (mending < MENDING && scrub.damaged.iter().any(|one| !one.healed)) {
        if !scrub.running {
            mending += LOOK_EVERY;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        scrub = client.get("/scrub").await?;
    }
    if json {
        print::json(&scrub)?;
    } else {
        tell(&scrub)?;
    }
    let left = scrub.damaged.iter().filter(|one| !one.healed).count();
    if left == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{left} could not be mended yet. That happens by itself as soon as a friend's hive that \
         has them is online; skep status tells."
    )))
}

fn tell(scrub: &wire::Scrub) -> Result<(), Failure> {
    for one in &scrub.damaged {
        let what = if one.earlier { "an earlier version of " } else { "" };
        let now = if one.healed { "whole again" } else { "still damaged" };
        print::line(&format!("{what}{}/{}: {now}", one.share_name, one.path))?;
    }
    let (files, bytes) = (scrub.files, print::size(scrub.bytes));
    let spoilt = match scrub.damaged.len() {
        0 => "all are whole".to_owned(),
        1 => "one was damaged by the disk".to_owned(),
        many => format!("{many} were damaged by the disk"),
    };
    let skipped = match scrub.skipped {
        0 => String::new(),
        skipped => format!(" {skipped} were just being changed and could not be judged."),
    };
    Ok(print::line(&format!("{files} files ({bytes}) looked at: {spoilt}.{skipped}"))?)
}
