//! The hive as a whole: status, reach, pause, what happened last, who is here.

use axum::extract::{Query, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::gate::Caller;
use crate::routes::Json;
use crate::{Error, State, live, view, wire};

const RECENT_DEFAULT: u32 = 20;
const RECENT_MAX: u32 = 500;

pub(super) async fn status(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<axum::Json<wire::Status>, Error> {
    status_of(&state, &caller).await.map(axum::Json)
}

async fn status_of(state: &State, caller: &Caller) -> Result<wire::Status, Error> {
    let people_here = live::here(state, &caller.who).await?;
    let hive = state.control.hive();
    let files = state.files.clone();
    let (facts, onboarded, paused, shares) = state
        .store
        .read(move |view| {
            let shares = files::shares(view)?;
            let is_well = |share: &&files::Share| {
                !matches!(
                    files.state(share.id),
                    files::State::Missing { .. } | files::State::Unreadable { .. }
                )
            };
            let well = shares.iter().filter(is_well).count();
            let counts = wire::ShareCounts {
                count: shares.len() as u64,
                problems: (shares.len() - well) as u64,
            };
            let facts = view::hive_facts(view, &hive)?;
            Ok::<_, Error>((facts, view::onboarded(view)?, view::paused(view)?, counts))
        })
        .await?;
    let hive = state.control.hive();
    let reach = state.control.reach();
    let choice = state.control.reach_choices().into_iter().find(|one| one.reach == reach);
    let visible = choice.map(|choice| choice.visible).unwrap_or_default();
    Ok(wire::Status {
        hive: facts,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: hive.started_at,
        onboarded,
        paused,
        reach,
        visible,
        addresses: state.control.addresses(),
        doors: state.control.doors(),
        shares,
        people_here,
        open_documents: state.documents.open_documents() as u64,
        memory_bytes: memory_bytes(),
        free_bytes: free_bytes(&hive.data_folder),
        data_folder: hive.data_folder,
        warnings: state.control.warnings(),
    })
}

pub(super) async fn reaches(Extract(state): Extract<State>) -> axum::Json<Vec<wire::ReachChoice>> {
    axum::Json(state.control.reach_choices())
}

pub(super) async fn set_reach(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(chosen): Json<wire::SetReach>,
) -> Result<axum::Json<wire::Status>, Error> {
    state.control.set_reach(chosen.reach).await?;
    status_of(&state, &caller).await.map(axum::Json)
}

pub(super) async fn set_doors(
    Extract(state): Extract<State>,
    caller: Caller,
    Json(doors): Json<wire::Doors>,
) -> Result<axum::Json<wire::Status>, Error> {
    state.control.set_doors(doors).await?;
    status_of(&state, &caller).await.map(axum::Json)
}

pub(super) async fn test_reach(Extract(state): Extract<State>) -> axum::Json<Vec<wire::Address>> {
    axum::Json(state.control.test_addresses().await)
}

pub(super) async fn pause(
    Extract(state): Extract<State>,
    Json(pause): Json<wire::Pause>,
) -> Result<StatusCode, Error> {
    let pause = super::friends::pause_until(&state, &pause)?;
    state.store.write(move |tx| people::pause_hive(tx, Some(pause))).await?;
    state.files.pause(true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn resume(Extract(state): Extract<State>) -> Result<StatusCode, Error> {
    state.store.write(|tx| people::pause_hive(tx, None)).await?;
    state.files.pause(false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(super) struct Limit {
    limit: Option<u32>,
}

pub(super) async fn recent(
    Extract(state): Extract<State>,
    Query(query): Query<Limit>,
) -> Result<axum::Json<Vec<wire::Recent>>, Error> {
    let limit = query.limit.unwrap_or(RECENT_DEFAULT).min(RECENT_MAX);
    let recent = state.store.read(move |view| {
        let mut names = view::Names::default();
        let mut recent = Vec::new();
        for change in files::recent(view, limit)? {
            let entry = change.entry;
            recent.push(wire::Recent {
                share: entry.share.to_string(),
                share_name: files::share(view, entry.share)?.name,
                file: entry.id.to_string(),
                path: entry.path.to_string(),
                name: entry.name.to_string(),
                at: entry.seen_at.0,
                by: names.of(view, entry.changed_by),
                verb: match change.verb {
                    files::Verb::Added => "added",
                    files::Verb::Changed => "changed",
                    files::Verb::Removed => "removed",
                }
                .to_owned(),
            });
        }
        Ok::<_, Error>(recent)
    });
    recent.await.map(axum::Json)
}

pub(super) async fn here(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<axum::Json<Vec<wire::Here>>, Error> {
    live::here(&state, &caller.who).await.map(axum::Json)
}

/// Resident memory of this process, where the system tells.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(unix)]
fn free_bytes(folder: &str) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &str) -> Option<u64> {
    None
}
