//! `skep versions`, `skep restore`, `skep trash` and `skep put-back`.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{Span, Timestamp, Zoned};
use serde_json::json;

use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn versions(home: Option<&Path>, named: &str, json: bool) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let (_, versions) = versions_of(&client, named).await?;
    if json {
        return Ok(print::json(&versions)?);
    }
    Ok(print::table(&versions.iter().map(version_row).collect::<Vec<_>>())?)
}

fn version_row(version: &wire::Version) -> Vec<String> {
    let state = match version {
        wire::Version { current: true, .. } => "current",
        wire::Version { kept: false, .. } => "not kept",
        wire::Version { pinned: true, .. } => "pinned",
        _ => "",
    };
    vec![
        version.id.to_string(),
        print::moment(version.at),
        print::size(version.size),
        version.verb.clone(),
        who(version.guest.as_deref(), version.by.as_ref(), &version.device),
        state.to_owned(),
        version.name.clone().unwrap_or_default(),
    ]
}

fn who(guest: Option<&str>, by: Option<&wire::Person>, device: &str) -> String {
    let name = guest.or(by.map(|by| by.name.as_str())).unwrap_or("-");
    if device.is_empty() { name.to_owned() } else { format!("{name} ({device})") }
}

/// Brings a version back: the one named, the one of a moment, or the one before the current.
pub(crate) async fn restore(
    home: Option<&Path>,
    named: &str,
    id: Option<u64>,
    at: Option<&str>,
    (as_copy, json): (bool, bool),
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let (file, versions) = versions_of(&client, named).await?;
    let at = at.map(moment).transpose()?;
    let found = match (id, at) {
        (Some(id), _) => versions.iter().find(|version| version.id == id),
        (None, Some(at)) => versions.iter().find(|version| version.at <= at),
        (None, None) => versions.iter().find(|version| !version.current),
    };
    let Some(version) = found else {
        let words = format!("There is no such version of {named}. See: skep versions {named}");
        return Err(Failure::not_there(words));
    };
    let call = format!("/files/{file}/versions/{}/restore", version.id);
    let restored: wire::File =
        client.call(Method::POST, &call, &json!({ "as_copy": as_copy })).await?;
    if json {
        return Ok(print::json(&restored)?);
    }
    Ok(print::line(&restored.path)?)
}

async fn versions_of(
    client: &Client,
    named: &str,
) -> Result<(String, Vec<wire::Version>), Failure> {
    let details = find::file(client, named).await?;
    let file = details.file.id;
    let versions = client.get(&format!("/files/{file}/versions")).await?;
    Ok((file, versions))
}

/// Lists what was removed, or brings it back.
pub(crate) async fn trash(
    home: Option<&Path>,
    named: &str,
    restore: bool,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let place = find::place(&client, named).await?;
    let call = format!("/shares/{}/trash", place.share.id);
    let mut trash: Vec<wire::Trashed> = client.get(&call).await?;
    let inside = |one: &wire::Trashed| {
        let rest = one.path.strip_prefix(&place.path);
        rest.is_some_and(|rest| place.path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    trash.retain(inside);
    if !restore {
        if json {
            return Ok(print::json(&trash)?);
        }
        return Ok(print::table(&trash.iter().map(trash_row).collect::<Vec<_>>())?);
    }
    let Some(one) = trash.iter().find(|one| one.path == place.path) else {
        let words = format!(
            "{named} is not in the trash. See: skep trash {:?}, and name one of these",
            place.share.name
        );
        return Err(Failure::not_there(words));
    };
    let call = format!("/trash/{}/restore", one.file);
    let restored: wire::File = client.call(Method::POST, &call, &json!({})).await?;
    if json {
        return Ok(print::json(&restored)?);
    }
    Ok(print::line(&restored.path)?)
}

fn trash_row(one: &wire::Trashed) -> Vec<String> {
    let folder = one.kind == "folder";
    let left = if one.days_left == 1 { "1 day left" } else { "days left" };
    vec![
        print::moment(one.gone_at),
        print::size(one.size),
        who(None, one.by.as_ref(), &one.device),
        if one.days_left == 1 { left.to_owned() } else { format!("{} {left}", one.days_left) },
        if folder { format!("{}/", one.path) } else { one.path.clone() },
    ]
}

pub(crate) async fn put_back(
    home: Option<&Path>,
    named: Option<&str>,
    at: Option<&str>,
    undo: Option<u64>,
    json: bool,
) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let done: wire::DidPutBack = match (named, at, undo) {
        (_, _, Some(id)) => {
            client.call(Method::POST, &format!("/put-back/{id}/undo"), &json!({})).await?
        }
        (Some(named), Some(at), None) => {
            let at = moment(at)?;
            let place = find::place(&client, named).await?;
            let call = format!("/shares/{}/put-back", place.share.id);
            let body = json!({ "folder": place.path, "at": at });
            client.call(Method::POST, &call, &body).await?
        }
        _ => {
            let words = "Name a folder and a moment: skep put-back ~/Trip --at \"tuesday 14:00\"";
            return Err(Failure::usage(words));
        }
    };
    if json {
        return Ok(print::json(&done)?);
    }
    let wire::DidPutBack { id, restored, removed, missing } = done;
    print::line(&format!("{restored} restored, {removed} removed."))?;
    if missing > 0 {
        print::warning(&format!(
            "{missing} stay as they are: their bytes of that moment are no longer kept."
        ));
    }
    if undo.is_none() {
        print::line(&format!("To undo it: skep put-back --undo {id}"))?;
    }
    Ok(())
}

/// A moment in the past: `14:00`, `yesterday 9:30`, `tuesday 14:00`, `2026-11-20 14:00`, `2h` ago.
pub(crate) fn moment(text: &str) -> Result<i64, Failure> {
    parsed(text.trim(), &Zoned::now()).map(|time| time.as_millisecond()).ok_or_else(|| {
        Failure::usage(format!(
            "{text:?} is no moment. Write it as 14:00, \"tuesday 14:00\", \"2026-11-20 14:00\", or \
             2h for two hours ago."
        ))
    })
}

fn parsed(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: f64 = seconds.parse().ok()?;
        // As exact as moments are told, whatever a fraction becomes in binary.
        let milliseconds = (seconds * 1_000.0).round();
        return Timestamp::from_millisecond(milliseconds as i64).ok();
    }
    if let Ok(time) = text.parse::<DateTime>() {
        return Some(time.to_zoned(now.time_zone().clone()).ok()?.timestamp());
    }
    if let Ok(span) = text.parse::<Span>() {
        return Some(now.checked_sub(span.abs()).ok()?.timestamp());
    }
    let (day, time) = text.rsplit_once(' ').unwrap_or(("", text));
    let padded = if time.find(':') == Some(1) { format!("0{time}") } else { time.to_owned() };
    let time: Time = padded.parse().ok()?;
    let at = |day: Date| {
        let time = day.to_datetime(time).to_zoned(now.time_zone().clone()).ok()?;
        Some(time.timestamp())
    };
    let day = match day.trim().to_lowercase().as_str() {
        "" | "today" => now.date(),
        "yesterday" => now.date().yesterday().ok()?,
        name => now.date().tomorrow().ok()?.nth_weekday(-1, weekday(name)?).ok()?,
    };
    let found = at(day)?;
    if found <= now.timestamp() {
        return Some(found);
    }
    let week = now.date() != day || !text.contains(':') || text.contains(' ');
    at(day.checked_sub(Span::new().days(if week { 7 } else { 1 })).ok()?)
}

fn weekday(name: &str) -> Option<Weekday> {
    let days = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let long_enough = name.len() >= 3;
    days.into_iter().find(|(day, _)| long_enough && day.starts_with(name)).map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_lie_in_the_past() {
        let now: Zoned = "2026-11-21T13:00:00[UTC]".parse().expect("a moment");
        let told = |text: &str| parsed(text, &now).map(|time| time.to_string());
        let is = |text: &str, wanted: &str| assert_eq!(told(text).as_deref(), Some(wanted));
        is("12:30", "2026-11-21T12:30:00Z");
        is("14:00", "2026-11-20T14:00:00Z");
        is("yesterday 9:30", "2026-11-20T09:30:00Z");
        is("Tuesday 14:00", "2026-11-17T14:00:00Z");
        is("saturday 14:00", "2026-11-14T14:00:00Z");
        is("sat 12:00", "2026-11-21T12:00:00Z");
        is("2026-11-01 08:00", "2026-11-01T08:00:00Z");
        is("2h", "2026-11-21T11:00:00Z");
        is("@1763700000.5", "2025-11-21T04:40:00.5Z");
        assert_eq!(told("soon"), None);
        assert_eq!(told("someday 14:00"), None);
    }
}
