//! The embedded UI: two pages and their assets, with headers that keep everything else out.

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::{Error, State, gate};

/// What `npm run build` made of `ui/`.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
#[allow_missing = true]
struct Pages;

/// Everything comes from the hive itself; styles that widgets set on elements are allowed, scripts
/// in the page are not; nobody may frame it.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' ws: wss:; media-src 'self' blob:; \
    frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

const NOT_BUILT: &str = "The pages of Skep were not built into this program. \
    Run `npm ci` and `npm run build` in the folder `ui`, then build Skep again.";

/// The owner's page.
pub(crate) async fn app(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    std::future::ready(page(&state, &headers, "app.html")).await
}

/// A guest's page.
pub(crate) async fn guest(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    std::future::ready(page(&state, &headers, "guest.html")).await
}

/// Scripts, styles and pictures. Their names hold their hash, so they may be kept for good.
pub(crate) async fn asset(Extract(state): Extract<State>, request: Request) -> Response {
    let answer = gate::check_host(&state, request.headers()).and_then(|()| {
        let path = request.uri().path().trim_start_matches('/');
        file(path).ok_or_else(|| Error::gone("there is no such page"))
    });
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    if response.status() == StatusCode::OK {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
    }
    std::future::ready(response).await
}

/// What stands under a name of its own: asked for anew each time, as a page is.
pub(crate) async fn shell(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    uri: axum::http::Uri,
) -> Response {
    let name = uri.path().trim_start_matches('/');
    std::future::ready(page(&state, &headers, name)).await
}

fn page(state: &State, headers: &HeaderMap, name: &str) -> Response {
    if let Err(error) = gate::check_host(state, headers) {
        return error.into_response();
    }
    let mut response =
        file(name).unwrap_or_else(|| (StatusCode::NOT_FOUND, NOT_BUILT).into_response());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn file(path: &str) -> Option<Response> {
    let file = Pages::get(path)?;
    let mime = match path.rsplit_once('.') {
        Some((_, "webmanifest")) => "application/manifest+json".to_owned(),
        _ => mime_guess::from_path(path).first_or_octet_stream().to_string(),
    };
    let mut response = Response::new(Body::from(file.data));
    let value = HeaderValue::from_str(&mime).ok()?;
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    Some(response)
}

/// Set on every answer of the hive.
pub(crate) fn common_headers(headers: &mut HeaderMap) {
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("cache-control", "no-store");
}
