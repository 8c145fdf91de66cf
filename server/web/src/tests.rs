//! Ranges are read as RFC 9110 says; the OpenAPI document is the route table.

mod fake;
mod friends;

use crate::raw::{Wanted, wanted};
use crate::routes;

#[test]
fn ranges_are_read_as_the_standard_says() {
    let part = |first, last| Wanted::Part { first, last };
    let cases = [
        ("bytes=0-0", part(0, 0)),
        ("bytes=2-", part(2, 9)),
        ("bytes=-3", part(7, 9)),
        ("bytes=-30", part(0, 9)),
        ("bytes=5-900", part(5, 9)),
        ("bytes=10-", Wanted::Nothing),
        ("bytes=-0", Wanted::Nothing),
        ("bytes=5-2", Wanted::Nothing),
        ("bytes=0-1,4-5", Wanted::All),
        ("lines=0-1", Wanted::All),
        ("bytes=a-b", Wanted::All),
    ];
    for (header, expected) in cases {
        assert_eq!(wanted(header, 10), expected, "{header}");
    }
    assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
}

#[test]
fn every_call_of_the_api_is_documented_once() {
    let document: serde_json::Value =
        serde_json::from_str(&routes::openapi_json()).expect("the document must be JSON");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().expect("it must have paths") {
        for (method, operation) in item.as_object().expect("a path must have methods") {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!ids.contains(&id), "{method} {path}: {id} is taken");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{path}");
            ids.push(id);
        }
    }
    assert!(ids.len() > 30, "{ids:?}");
}

#[test]
fn sentences_begin_with_a_capital_and_end_with_a_stop() {
    for (given, expected) in [
        ("the disk is full", "The disk is full."),
        ("Is it there?", "Is it there?"),
        ("élan", "Élan."),
        ("", ""),
    ] {
        assert_eq!(crate::error::sentence(given.to_owned()), expected);
    }
}

/// The document is kept beside the code, so that a change of the API shows in review.
#[test]
fn the_kept_document_is_the_present_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let present = routes::openapi_json() + "\n";
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    if kept != present {
        std::fs::write(path, present).expect("the document must be writable");
        panic!("the API changed: {path} was written anew; look at it and commit it");
    }
}
