//! `skep history` and `skep blame`: a text moment by moment, who wrote what, and what changed in a
//! folder.

use std::path::Path;

use hive::{Client, Places, wire};
use hyper::Method;
use jiff::Timestamp;
use serde_json::json;

use crate::arguments::{Blame, History};
use crate::commands::history::moment;
use crate::failure::Failure;
use crate::{find, print};

/// Lines that are shown around what changed.
const CONTEXT: usize = 2;

pub(crate) async fn history(home: Option<&Path>, wanted: &History) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let Some(since) = &wanted.since else { return of_file(&client, wanted).await };
    let since = since_moment(since)?;
    let place = find::place(&client, &wanted.path).await?;
    let path = Client::in_query(&place.path);
    let call = format!("/shares/{}/changes?path={path}&since={since}", place.share.id);
    let changes: Vec<wire::Changed> = match client.get(&call).await {
        Err(hive::Error::Problem { status: 404, .. }) if !place.path.is_empty() => {
            return of_file(&client, wanted).await;
        }
        other => other?,
    };
    if wanted.json {
        return Ok(print::json(&changes)?);
    }
    Ok(print::table(&changes.iter().map(change_row).collect::<Vec<_>>())?)
}

async fn of_file(client: &Client, wanted: &History) -> Result<(), Failure> {
    let details = find::file(client, &wanted.path).await?;
    let file = &details.file.id;
    if details.file.kind == "folder" {
        let words = "Of a folder, say since when: skep history FOLDER --since tuesday";
        return Err(Failure::usage(words));
    }
    let past: wire::Past = client.get(&format!("/files/{file}/past")).await?;
    let since = wanted.since.as_deref().map(since_moment).transpose()?;
    let Some(at) = wanted.at.as_deref() else {
        return list(&past, since.unwrap_or(i64::MIN), wanted.json);
    };
    let place = place_of(&past, at)?;
    let at = past.moments[place].at;
    if let Some(name) = &wanted.name {
        let body = json!({ "at": at, "name": name });
        client.send(Method::PATCH, &format!("/files/{file}/past"), &body).await?;
        return Ok(());
    }
    if wanted.restore || wanted.copy {
        let call = format!("/files/{file}/past/restore");
        let body = json!({ "at": at, "as_copy": wanted.copy });
        let restored: wire::File = client.call(Method::POST, &call, &body).await?;
        if wanted.json {
            return Ok(print::json(&restored)?);
        }
        return Ok(print::line(&restored.path)?);
    }
    let Some(until) = &wanted.diff else {
        let text = text_at(&past, place);
        if wanted.json {
            return Ok(print::json(&json!({ "at": at, "text": text }))?);
        }
        return Ok(print::bytes(text.as_bytes())?);
    };
    let until = match until.as_str() {
        "" => past.moments.len() - 1,
        until => place_of(&past, until)?,
    };
    let lines = difference(&past, place, until);
    if wanted.json {
        let shown = lines.iter().map(|(sign, text)| json!({ "sign": sign, "text": text }));
        return Ok(print::json(&shown.collect::<Vec<_>>())?);
    }
    show_difference(&lines)
}

/// A moment as people say it; a day alone begins at midnight.
fn since_moment(text: &str) -> Result<i64, Failure> {
    moment(text).or_else(|failure| moment(&format!("{text} 00:00")).map_err(|_| failure))
}

/// The moment that ended then, or the last one before. What is told in seconds is meant whole.
fn place_of(past: &wire::Past, text: &str) -> Result<usize, Failure> {
    const REST_OF_SECOND: i64 = 999;
    let at = moment(text)?;
    let until = if at % 1_000 == 0 { at + REST_OF_SECOND } else { at };
    past.moments.iter().rposition(|moment| moment.at <= until).ok_or_else(|| {
        let first = past.moments.first().map_or_else(String::new, |first| seconds(first.at));
        Failure::not_there(format!("The history begins later, at {first}."))
    })
}

fn seconds(milliseconds: i64) -> String {
    let Ok(time) = Timestamp::from_millisecond(milliseconds) else { return "-".to_owned() };
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn who(author: &wire::Author) -> String {
    let by = author.by.as_ref().map(|by| by.name.as_str()).filter(|name| !name.is_empty());
    let name = author.guest.as_deref().or(by).unwrap_or("somebody");
    match author.device.as_str() {
        "" => name.to_owned(),
        device => format!("{name} ({device})"),
    }
}

fn list(past: &wire::Past, since: i64, json: bool) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut shown = Vec::new();
    for (place, moment) in past.moments.iter().enumerate().rev() {
        if moment.at < since {
            break;
        }
        let strokes = past.strokes.iter().filter(|stroke| stroke.moment as usize == place);
        let (mut names, mut added, mut removed) = (Vec::new(), 0, 0);
        for stroke in strokes {
            let name = past.authors.get(stroke.author as usize).map(who).unwrap_or_default();
            if !names.contains(&name) {
                names.push(name);
            }
            added += stroke.added;
            removed += stroke.removed;
        }
        let name = moment.name.clone().unwrap_or_default();
        rows.push(vec![
            seconds(moment.at),
            format!("+{added}"),
            format!("-{removed}"),
            names.join(", "),
            name,
        ]);
        shown.push(json!({
            "at": moment.at, "began": moment.began, "by": names, "added": added,
            "removed": removed, "name": moment.name, "version": moment.version,
        }));
    }
    if json {
        return Ok(print::json(&shown)?);
    }
    Ok(print::table(&rows)?)
}

fn change_row(one: &wire::Changed) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in one.by.iter().map(who) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let path = match &one.was {
        Some(was) => format!("{was} -> {}", one.path),
        None => one.path.clone(),
    };
    vec![seconds(one.at), one.verb.clone(), print::size(one.size), names.join(", "), path]
}

/// Whether a run stood at the end of a moment.
fn stood(past: &wire::Past, run: &wire::Run, moment: usize) -> bool {
    let is_past = |stroke: u32| {
        past.strokes.get(stroke as usize).is_some_and(|stroke| stroke.moment as usize <= moment)
    };
    is_past(run.born) && !run.died.is_some_and(is_past)
}

fn text_at(past: &wire::Past, moment: usize) -> String {
    let stood = past.runs.iter().filter(|run| stood(past, run, moment));
    stood.map(|run| run.text.as_str()).collect()
}

pub(crate) async fn blame(home: Option<&Path>, wanted: &Blame) -> Result<(), Failure> {
    let client = Client::new(Places::find(home)?);
    let details = find::file(&client, &wanted.file).await?;
    let past: wire::Past = client.get(&format!("/files/{}/past", details.file.id)).await?;
    let place = match &wanted.at {
        Some(at) => place_of(&past, at)?,
        None => past.moments.len() - 1,
    };
    let lines = lines(&past, place);
    let of = |stroke: usize| {
        let stroke = &past.strokes[stroke];
        (&past.moments[stroke.moment as usize], past.authors.get(stroke.author as usize))
    };
    if wanted.json {
        let shown = lines.iter().enumerate().map(|(number, (text, stroke))| {
            let (moment, author) = of(*stroke);
            json!({ "line": number + 1, "text": text, "at": moment.at, "author": author })
        });
        return Ok(print::json(&shown.collect::<Vec<_>>())?);
    }
    let rows = lines.iter().enumerate().map(|(number, (text, stroke))| {
        let (moment, author) = of(*stroke);
        let name = author.map(who).unwrap_or_default();
        vec![print::moment(moment.at), name, (number + 1).to_string(), text.clone()]
    });
    Ok(print::table(&rows.collect::<Vec<_>>())?)
}

/// The lines of a text, each with the newest stroke in it.
fn lines(past: &wire::Past, moment: usize) -> Vec<(String, usize)> {
    let mut lines = Vec::new();
    let (mut line, mut newest) = (String::new(), None);
    for run in past.runs.iter().filter(|run| stood(past, run, moment)) {
        let born = run.born as usize;
        for (number, part) in run.text.split('\n').enumerate() {
            if number > 0 {
                let stroke = newest.take().map_or(born, |newest: usize| newest.max(born));
                lines.push((std::mem::take(&mut line), stroke));
            }
            if !part.is_empty() {
                line.push_str(part);
                newest = Some(newest.map_or(born, |newest| newest.max(born)));
            }
        }
    }
    if let Some(newest) = newest {
        lines.push((line, newest));
    }
    lines
}

/// What changed between two moments, by lines: `-`, `+` or a space, and the line.
fn difference(past: &wire::Past, from: usize, to: usize) -> Vec<(char, String)> {
    let mut lines = Vec::new();
    let (mut old, mut new) = (String::new(), String::new());
    let end = |sign: char, line: &mut String, lines: &mut Vec<(char, String)>| {
        lines.push((sign, std::mem::take(line)));
    };
    for run in &past.runs {
        let (before, after) = (stood(past, run, from), stood(past, run, to));
        for (number, part) in run.text.split('\n').enumerate() {
            if number > 0 && before && after && old == new {
                old.clear();
                end(' ', &mut new, &mut lines);
            } else if number > 0 {
                if before {
                    end('-', &mut old, &mut lines);
                }
                if after {
                    end('+', &mut new, &mut lines);
                }
            }
            if before {
                old.push_str(part);
            }
            if after {
                new.push_str(part);
            }
        }
    }
    if old == new && !old.is_empty() {
        lines.push((' ', old));
    } else {
        lines.extend([('-', old), ('+', new)].into_iter().filter(|(_, line)| !line.is_empty()));
    }
    // What went stands before what came in its place.
    for part in lines.chunk_by_mut(|one, next| (one.0 == ' ') == (next.0 == ' ')) {
        part.sort_by_key(|(sign, _)| *sign == '+');
    }
    lines
}

fn show_difference(lines: &[(char, String)]) -> Result<(), Failure> {
    let near = |place: usize| {
        let around = place.saturating_sub(CONTEXT)..=(place + CONTEXT).min(lines.len() - 1);
        lines[around].iter().any(|(sign, _)| *sign != ' ')
    };
    let mut last = None;
    for (place, (sign, line)) in lines.iter().enumerate().filter(|(place, _)| near(*place)) {
        if last.is_some_and(|last| last + 1 != place) {
            print::line("...")?;
        }
        print::line(&format!("{sign}{line}"))?;
        last = Some(place);
    }
    if last.is_none() { Ok(print::line("Nothing differs.")?) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past() -> wire::Past {
        let run = |text: &str, born, died| wire::Run { text: text.to_owned(), born, died };
        let moment = |at| wire::PastMoment { at, began: at, name: None, version: None };
        let stroke = |moment| wire::Stroke { moment, author: 0, added: 0, removed: 0 };
        wire::Past {
            moments: vec![moment(1_000), moment(2_500)],
            strokes: vec![stroke(0), stroke(1)],
            authors: Vec::new(),
            runs: vec![
                run("eins\nzw", 0, None),
                run("ei", 0, Some(1)),
                run("o", 1, None),
                run("\ndrei", 0, None),
                run("\n\nvier", 1, None),
            ],
        }
    }

    #[test]
    fn lines_tell_who_wrote_them_last() {
        let of = |text: &str, stroke| (text.to_owned(), stroke);
        let wanted = [of("eins", 0), of("zwo", 1), of("drei", 1), of("", 1), of("vier", 1)];
        assert_eq!(lines(&past(), 1), wanted);
        assert_eq!(lines(&past(), 0), [of("eins", 0), of("zwei", 0), of("drei", 0)]);
    }

    #[test]
    fn differences_hold_every_line_of_both_sides() {
        let found = difference(&past(), 0, 1);
        let side = |sign: char| {
            let lines = found.iter().filter(|(own, _)| *own == ' ' || *own == sign);
            lines.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(side('-'), text_at(&past(), 0));
        assert_eq!(side('+'), text_at(&past(), 1));
        assert_eq!(found[0], (' ', "eins".to_owned()));
        assert_eq!(found.iter().filter(|(sign, _)| *sign == '-').count(), 2);
    }

    #[test]
    fn a_second_is_meant_whole() {
        assert_eq!(place_of(&past(), "@2").ok(), Some(1));
        assert_eq!(place_of(&past(), "@1.5").ok(), Some(0));
        assert!(place_of(&past(), "@0").is_err());
    }
}
