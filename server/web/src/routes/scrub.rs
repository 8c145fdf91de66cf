//! Whether the disk still gives back what was saved.

use axum::extract::State as Extract;
use types::ShareId;

use crate::routes::Json;
use crate::{Error, State, wire};

pub(super) async fn begin(
    Extract(state): Extract<State>,
    Json(which): Json<wire::BeginScrub>,
) -> Result<axum::Json<wire::Scrub>, Error> {
    let share: Option<ShareId> = which.share.map(|share| share.parse()).transpose()?;
    state.files.scrub(share).await?;
    show(Extract(state)).await
}

pub(super) async fn show(Extract(state): Extract<State>) -> Result<axum::Json<wire::Scrub>, Error> {
    let scrubbed = state.files.scrubbed().await?;
    let shares = state.store.read(files::shares).await?;
    let damaged = scrubbed.damaged.into_iter().map(|one| {
        let share = shares.iter().find(|share| share.id == one.share);
        wire::Damaged {
            share: one.share.to_string(),
            share_name: share.map(|share| share.name.clone()).unwrap_or_default(),
            file: one.file.to_string(),
            path: one.path.to_string(),
            hash: one.hash.to_string(),
            earlier: one.earlier,
            healed: one.healed,
        }
    });
    Ok(axum::Json(wire::Scrub {
        running: scrubbed.running,
        began_at: scrubbed.began_at.map(|at| at.0),
        ended_at: scrubbed.ended_at.map(|at| at.0),
        files: scrubbed.files,
        bytes: scrubbed.bytes,
        of_files: scrubbed.of_files,
        of_bytes: scrubbed.of_bytes,
        skipped: scrubbed.skipped,
        pieces: scrubbed.pieces,
        damaged: damaged.collect(),
    }))
}
