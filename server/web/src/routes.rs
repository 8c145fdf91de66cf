//! Every route of the API in one table: who may call it, how it counts, what it takes and gives.

mod documents;
mod files;
mod folders;
mod friends;
mod groups;
mod guests;
mod hive;
mod keys;
mod links;
mod me;
mod members;
mod offers;
mod past;
mod programs;
mod query;
mod scrub;
mod shares;
mod sync;
mod two_versions;
mod versions;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, any, get, on};

use crate::gate::{self, Callers, Policy};
use crate::limits::Rate;
use crate::openapi::{self, Shape};
use crate::{Error, State, hocuspocus, live, mobwrite, page, raw, socket, wire};

pub use me::onboard;

const BODY_BYTES_MAX: usize = 64 * 1_024;
/// A new text file may be as large as what is open live, and JSON may double it.
const TEXT_BYTES_MAX: usize = 11 * 1_024 * 1_024;

/// One route. Without a summary it is left out of the OpenAPI document.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) policy: Policy,
    pub(crate) query: &'static [&'static str],
    pub(crate) takes: Option<Shape>,
    pub(crate) gives: (u16, Option<Shape>),
    pub(crate) body_bytes_max: usize,
    handler: MethodRouter<State>,
}

impl Route {
    fn new<H, T>(
        method: Method,
        path: &'static str,
        callers: Callers,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("the method must be routable");
        Self {
            method,
            path,
            summary,
            policy: Policy { callers, rate: Rate::Call, token_in_query: false, key_inside: false },
            query: &[],
            takes: None,
            gives: (204, None),
            body_bytes_max: BODY_BYTES_MAX,
            handler: on(filter, handler),
        }
    }

    fn takes<T: utoipa::ToSchema>(mut self) -> Self {
        self.takes = Some(Shape::of::<T>());
        self
    }

    fn gives<T: utoipa::ToSchema>(mut self, status: u16) -> Self {
        self.gives = (status, Some(Shape::of::<T>()));
        self
    }

    fn lists<T: utoipa::ToSchema>(mut self) -> Self {
        self.gives = (200, Some(Shape::list_of::<T>()));
        self
    }

    fn gives_bytes(mut self) -> Self {
        self.gives = (200, None);
        self
    }

    fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = names;
        self
    }

    fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    fn guessable(mut self) -> Self {
        self.policy.rate = Rate::Guess;
        self
    }

    fn key_inside(mut self) -> Self {
        self.policy.key_inside = true;
        self
    }

    fn token_in_query(mut self) -> Self {
        self.policy.token_in_query = true;
        self
    }
}

/// The whole API. Guests call the same paths under `/l/{link}`.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Route> {
    use Callers::{Anyone, Keyholders, Owner};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    vec![
        // Coming and going.
        Route::new(GET, "/api/v1/welcome", Anyone, "Whose link this is", guests::welcome).gives::<wire::Welcome>(200),
        Route::new(POST, "/api/v1/session", Anyone, "Sign in, or come by a link", guests::sign_in).takes::<wire::Come>().gives::<wire::Me>(200).guessable(),
        Route::new(DELETE, "/api/v1/session", Keyholders, "Sign this browser out", guests::sign_out),
        Route::new(POST, "/api/v1/sign-in", Owner, "Make a one-time sign-in address", guests::make_sign_in).gives::<wire::SignInSecret>(201),
        Route::new(GET, "/api/v1/me", Keyholders, "Who I am and what I may do", me::show).gives::<wire::Me>(200),
        Route::new(PUT, "/api/v1/me", Keyholders, "Change my name or colour", me::change).takes::<wire::Rename>().gives::<wire::Me>(200),
        Route::new(PUT, "/api/v1/onboarding", Owner, "Set the hive up", me::onboarding).takes::<wire::Onboarding>().gives::<wire::Me>(200),
        Route::new(POST, "/api/v1/ready", Keyholders, "Tell that the page works", me::ready),
        // The hive.
        Route::new(GET, "/api/v1/status", Owner, "How the hive is", hive::status).gives::<wire::Status>(200),
        Route::new(GET, "/api/v1/reach", Owner, "How far the hive can be open, and what that makes visible", hive::reaches).lists::<wire::ReachChoice>(),
        Route::new(PUT, "/api/v1/reach", Owner, "Open or close the hive to the network", hive::set_reach).takes::<wire::SetReach>().gives::<wire::Status>(200),
        Route::new(PUT, "/api/v1/doors", Owner, "Name further addresses and relays for friends' hives", hive::set_doors).takes::<wire::Doors>().gives::<wire::Status>(200),
        Route::new(POST, "/api/v1/reach/test", Owner, "Call each address of the hive", hive::test_reach).lists::<wire::Address>(),
        Route::new(PUT, "/api/v1/pause", Owner, "Pause sharing", hive::pause).takes::<wire::Pause>(),
        Route::new(DELETE, "/api/v1/pause", Owner, "Resume sharing", hive::resume),
        Route::new(GET, "/api/v1/recent", Owner, "What changed last", hive::recent).query(&["limit"]).lists::<wire::Recent>(),
        Route::new(GET, "/api/v1/folders", Owner, "Folders of this computer, to choose from", folders::choices).query(&["path"]).gives::<wire::FolderChoices>(200),
        Route::new(GET, "/api/v1/here", Keyholders, "Who is here", hive::here).lists::<wire::Here>(),
        Route::new(GET, "/api/v1/events", Keyholders, "What happens, as it happens (server-sent events)", live::events).query(&["since"]).gives_bytes(),
        // Shares and files.
        Route::new(GET, "/api/v1/shares", Keyholders, "What is shared", shares::list).lists::<wire::Share>(),
        Route::new(POST, "/api/v1/shares", Owner, "Share a folder or file where it stands", shares::add).takes::<wire::NewShare>().gives::<wire::Share>(201),
        Route::new(PATCH, "/api/v1/shares/{share}", Owner, "Rename a share", shares::rename).takes::<wire::ShareName>().gives::<wire::Share>(200),
        Route::new(DELETE, "/api/v1/shares/{share}", Owner, "Stop sharing; deletes nothing on disk", shares::remove),
        Route::new(GET, "/api/v1/shares/{share}/files", Keyholders, "What a folder holds", files::list).query(&["folder", "sort", "order", "offset", "limit", "begins"]).gives::<wire::Listing>(200),
        Route::new(PUT, "/api/v1/shares/{share}/files", Keyholders, "Put a new file there; the body is its bytes", files::put).query(&["path"]).gives::<wire::File>(201),
        Route::new(POST, "/api/v1/shares/{share}/files", Keyholders, "Make a text file", files::create).takes::<wire::NewFile>().gives::<wire::File>(201).body_bytes_max(TEXT_BYTES_MAX),
        Route::new(GET, "/api/v1/shares/{share}/search", Keyholders, "Find files by name", files::search).query(&["q", "limit"]).lists::<wire::File>(),
        Route::new(GET, "/api/v1/shares/{share}/query", Owner, "Ask the JSON documents of a share (RFC 9535)", query::ask).query(&["path", "files"]).gives::<wire::Answers>(200),
        Route::new(GET, "/api/v1/files/by-path", Keyholders, "A file by its path", files::by_path).query(&["share", "path"]).gives::<wire::FileDetails>(200),
        Route::new(GET, "/api/v1/files/{file}", Keyholders, "A file, and whether it can be edited live", files::show).gives::<wire::FileDetails>(200),
        Route::new(GET, "/api/v1/files/{file}/raw", Keyholders, "A file's bytes", raw::bytes).query(&["download"]).gives_bytes(),
        Route::new(GET, "/api/v1/files/{file}/text", Keyholders, "A document's text as it is now", documents::text).gives_bytes(),
        Route::new(POST, "/api/v1/files/{file}/document", Keyholders, "Open a document live", documents::open).takes::<wire::OpenDocument>().gives::<wire::Document>(200),
        // Friends.
        Route::new(GET, "/api/v1/friends", Owner, "My friends", friends::list).lists::<wire::Friend>(),
        Route::new(POST, "/api/v1/friends", Owner, "Answer a friend's invitation", friends::add).takes::<wire::NewFriend>().gives::<wire::Befriended>(201),
        Route::new(PATCH, "/api/v1/friends/{hive}", Owner, "Rename or mute a friend, or take up all that they share", friends::change).takes::<wire::ChangeFriend>().gives::<wire::Friend>(200),
        Route::new(DELETE, "/api/v1/friends/{hive}", Owner, "End a friendship; what is shared with them ends at once", friends::remove),
        Route::new(PUT, "/api/v1/friends/{hive}/pause", Owner, "Pause everything with a friend", friends::pause).takes::<wire::Pause>(),
        Route::new(DELETE, "/api/v1/friends/{hive}/pause", Owner, "Resume with a friend", friends::resume),
        Route::new(GET, "/api/v1/nearby", Owner, "Hives on this network", friends::nearby).lists::<wire::Nearby>(),
        Route::new(POST, "/api/v1/invitations", Owner, "Invite a friend; the link appears only here", friends::invite).takes::<wire::NewInvitation>().gives::<wire::MadeInvitation>(201),
        Route::new(GET, "/api/v1/invitations", Owner, "Invitations that were not answered yet", friends::invitations).lists::<wire::Invitation>(),
        Route::new(DELETE, "/api/v1/invitations/{id}", Owner, "Take an invitation back", friends::uninvite),
        Route::new(GET, "/api/v1/groups", Owner, "Groups of friends", groups::list).lists::<wire::Group>(),
        Route::new(POST, "/api/v1/groups", Owner, "Make a group", groups::make).takes::<wire::GroupName>().gives::<wire::Group>(201),
        Route::new(PATCH, "/api/v1/groups/{id}", Owner, "Rename a group", groups::rename).takes::<wire::GroupName>().gives::<wire::Group>(200),
        Route::new(DELETE, "/api/v1/groups/{id}", Owner, "Dissolve a group", groups::remove),
        Route::new(PUT, "/api/v1/groups/{id}/members/{hive}", Owner, "Put a friend into a group", groups::add).gives::<wire::Group>(200),
        Route::new(DELETE, "/api/v1/groups/{id}/members/{hive}", Owner, "Take a friend out of a group", groups::take).gives::<wire::Group>(200),
        // Shares with friends.
        Route::new(GET, "/api/v1/shares/{share}/members", Owner, "Who is in a share, and how far they are", members::list).lists::<wire::Member>(),
        Route::new(PUT, "/api/v1/shares/{share}/members/{hive}", Owner, "Share with a friend, or change their right", members::give).takes::<wire::GiveRight>().gives::<wire::Member>(200),
        Route::new(DELETE, "/api/v1/shares/{share}/members/{hive}", Owner, "Stop sharing with a friend; deletes nothing", members::take),
        Route::new(PUT, "/api/v1/shares/{share}/groups/{group}", Owner, "Share with a group", members::give_group).takes::<wire::GiveRight>(),
        Route::new(DELETE, "/api/v1/shares/{share}/groups/{group}", Owner, "Stop sharing with a group", members::take_group),
        Route::new(POST, "/api/v1/shares/{share}/leave", Owner, "Leave a friend's share", members::leave).takes::<wire::LeaveShare>(),
        Route::new(GET, "/api/v1/shares/{share}/chosen", Owner, "Which folders of a share stand on this hive", members::chosen).gives::<wire::Chosen>(200),
        Route::new(PUT, "/api/v1/shares/{share}/chosen", Owner, "Choose the folders of a share that stand on this hive", members::choose).takes::<wire::Choose>().gives::<wire::Chosen>(200),
        Route::new(PUT, "/api/v1/shares/{share}/pause", Owner, "Pause a share with all friends", members::pause).takes::<wire::Pause>(),
        Route::new(DELETE, "/api/v1/shares/{share}/pause", Owner, "Resume a share", members::resume),
        Route::new(GET, "/api/v1/offers", Owner, "What friends hold out", offers::list).lists::<wire::Offer>(),
        Route::new(POST, "/api/v1/offers/{share}/accept", Owner, "Take up what a friend holds out", offers::accept).takes::<wire::AcceptOffer>().gives::<wire::Share>(201),
        Route::new(POST, "/api/v1/offers/{share}/decline", Owner, "Decline what a friend holds out", offers::decline),
        Route::new(GET, "/api/v1/shares/{share}/sync", Owner, "How far a share is, here and at friends", sync::show).gives::<wire::Sync>(200),
        Route::new(POST, "/api/v1/shares/{share}/sync/confirm", Owner, "Let held-back deletions pass", sync::confirm),
        Route::new(POST, "/api/v1/shares/{share}/sync/take-back", Owner, "Take held-back deletions back", sync::take_back),
        Route::new(GET, "/api/v1/limits", Owner, "How fast contents may go, and over which networks", sync::limits).gives::<wire::Limits>(200),
        Route::new(PATCH, "/api/v1/limits", Owner, "Change how fast contents may go, and over which networks", sync::set_limits).takes::<wire::ChangeLimits>().gives::<wire::Limits>(200),
        Route::new(GET, "/api/v1/why", Owner, "Why a file is in step, or not", sync::why).query(&["file", "share", "path"]).gives::<wire::Why>(200),
        Route::new(POST, "/api/v1/scrub", Owner, "Look whether the disk still gives back what was saved", scrub::begin).takes::<wire::BeginScrub>().gives::<wire::Scrub>(200),
        Route::new(GET, "/api/v1/scrub", Owner, "How the last look at all contents went, or how far it is", scrub::show).gives::<wire::Scrub>(200),
        Route::new(GET, "/api/v1/shares/{share}/ignore", Owner, "What is ignored in a share", sync::ignore).gives::<wire::Ignore>(200),
        Route::new(PUT, "/api/v1/shares/{share}/ignore", Owner, "Change what is ignored", sync::set_ignore).takes::<wire::IgnoreText>().gives::<wire::Ignore>(200),
        Route::new(POST, "/api/v1/shares/{share}/ignore/preview", Owner, "What rules would ignore", sync::preview).takes::<wire::IgnoreText>().lists::<wire::Caught>(),
        Route::new(GET, "/api/v1/two-versions", Owner, "Files that hives changed apart", two_versions::list).query(&["share"]).lists::<wire::TwoVersions>(),
        Route::new(GET, "/api/v1/files/{file}/two-versions/{side}/raw", Owner, "The bytes of one side, or of what both were made from", two_versions::bytes).query(&["download"]).gives_bytes(),
        Route::new(POST, "/api/v1/files/{file}/two-versions", Owner, "Choose between two versions", two_versions::resolve).takes::<wire::Resolve>().gives::<wire::Undo>(200).body_bytes_max(TEXT_BYTES_MAX),
        Route::new(POST, "/api/v1/files/{file}/two-versions/undo", Owner, "Undo that choice", two_versions::undo).takes::<wire::Undo>(),
        // Earlier versions.
        Route::new(GET, "/api/v1/files/{file}/versions", Owner, "The versions of a file, newest first", versions::list).lists::<wire::Version>(),
        Route::new(GET, "/api/v1/files/{file}/versions/{id}/raw", Owner, "The bytes of a version", versions::bytes).query(&["download"]).gives_bytes(),
        Route::new(POST, "/api/v1/files/{file}/versions/{id}/restore", Owner, "Bring a version back, or a copy of it", versions::restore).takes::<wire::RestoreVersion>().gives::<wire::File>(200),
        Route::new(PATCH, "/api/v1/files/{file}/versions/{id}", Owner, "Name or pin a version", versions::change).takes::<wire::ChangeVersion>().gives::<wire::Version>(200),
        Route::new(GET, "/api/v1/files/{file}/past", Keyholders, "All that a text held, and who wrote it when", past::show).gives::<wire::Past>(200),
        Route::new(PATCH, "/api/v1/files/{file}/past", Keyholders, "Name a moment of a text", past::name).takes::<wire::NameMoment>(),
        Route::new(POST, "/api/v1/files/{file}/past/restore", Keyholders, "Bring the text of a moment back, or a copy of it", past::restore).takes::<wire::RestoreMoment>().gives::<wire::File>(200),
        Route::new(GET, "/api/v1/shares/{share}/changes", Keyholders, "What changed in a folder since a moment", past::changes).query(&["path", "since"]).lists::<wire::Changed>(),
        Route::new(GET, "/api/v1/shares/{share}/trash", Owner, "What was removed and can be brought back", versions::trash).lists::<wire::Trashed>(),
        Route::new(GET, "/api/v1/trash/{file}", Owner, "What was removed with a folder", versions::trash_inside).lists::<wire::Trashed>(),
        Route::new(GET, "/api/v1/shares/{share}/stood", Owner, "How a file or folder stood at a moment", versions::stood).query(&["path", "at"]).lists::<wire::Stood>(),
        Route::new(POST, "/api/v1/trash/{file}/restore", Owner, "Bring back what was removed", versions::restore_trashed).gives::<wire::File>(200),
        Route::new(DELETE, "/api/v1/trash/{file}", Owner, "Forget what was removed, for good", versions::forget),
        Route::new(POST, "/api/v1/shares/{share}/put-back", Owner, "Put a folder back to how it stood", versions::put_back).takes::<wire::PutBack>().gives::<wire::DidPutBack>(200),
        Route::new(POST, "/api/v1/put-back/{id}/undo", Owner, "Undo that", versions::undo).gives::<wire::DidPutBack>(200),
        Route::new(GET, "/api/v1/history", Owner, "What the history keeps", versions::limits).gives::<wire::History>(200),
        Route::new(PATCH, "/api/v1/history", Owner, "Change what the history keeps", versions::set_limits).takes::<wire::ChangeHistory>().gives::<wire::History>(200),
        // Links and other keys.
        Route::new(POST, "/api/v1/links", Owner, "Make a link; its secret appears only here", links::make).takes::<wire::NewLink>().gives::<wire::MadeLink>(201),
        Route::new(GET, "/api/v1/links", Owner, "The links there are", links::list).query(&["share", "file"]).lists::<wire::Link>(),
        Route::new(POST, "/api/v1/links/last", Owner, "The last link again, to copy it", links::last).gives::<wire::LastLink>(200),
        Route::new(PATCH, "/api/v1/links/{id}", Owner, "Change a link", links::change).takes::<wire::ChangeLink>().gives::<wire::Link>(200),
        Route::new(DELETE, "/api/v1/links/{id}", Owner, "Take a link back", links::remove),
        Route::new(GET, "/api/v1/keys", Owner, "Everything that lets somebody in", keys::list).lists::<wire::Key>(),
        Route::new(DELETE, "/api/v1/keys/{kind}/{id}", Owner, "Take a key back", keys::remove),
        Route::new(POST, "/api/v1/tokens", Owner, "Make an API token; it appears only here", keys::make_token).takes::<wire::NewToken>().gives::<wire::MadeToken>(201),
        Route::new(GET, "/api/v1/programs", Owner, "Programs that are let into a document", programs::list).query(&["file"]).lists::<wire::Key>(),
        Route::new(POST, "/api/v1/programs", Owner, "Let another program into a document or a share; its token appears only here", programs::make).takes::<wire::NewProgram>().gives::<wire::MadeProgram>(201),
        Route::new(GET, "/api/v1/openapi.json", Anyone, "", openapi_document).gives_bytes(),
        // The document's socket, as y-websocket clients call it.
        Route::new(GET, "/yjs/{room}", Keyholders, "", socket::open).query(&["generation", "stored", "token"]).token_in_query().gives_bytes(),
        // Several documents on one socket, as Hocuspocus's clients call it.
        Route::new(GET, "/hocuspocus", Anyone, "", hocuspocus::open).key_inside().gives_bytes(),
        // MobWrite's clients, who send their key as the name of a file.
        Route::new(GET, "/mobwrite", Anyone, "", mobwrite::by_query).key_inside().gives_bytes(),
        Route::new(POST, "/mobwrite", Anyone, "", mobwrite::by_form).key_inside().gives_bytes().body_bytes_max(TEXT_BYTES_MAX),
    ]
}

/// The OpenAPI document, as it is served and kept in the repository.
pub fn openapi_json() -> String {
    let document = openapi::document(&table());
    document.to_pretty_json().expect("the document must be JSON")
}

pub(crate) fn router(state: &State) -> Router {
    let mut router = Router::new();
    for route in table() {
        let (state, policy) = (state.clone(), route.policy);
        let pass = from_fn(move |request: Request, next: Next| {
            gate::pass(state.clone(), policy, request, next)
        });
        let limit = DefaultBodyLimit::max(route.body_bytes_max);
        router = router.route(route.path, route.handler.layer(limit).layer(pass));
    }
    router
        .route("/", get(page::app))
        .route("/open", get(page::app))
        .route("/app", get(page::app))
        .route("/app/{*page}", get(page::app))
        .route("/l/{link}", get(page::guest))
        .route("/l/{link}/", get(page::guest))
        .route("/l/{link}/{*page}", get(page::guest))
        .route("/assets/{*file}", get(page::asset))
        .route("/favicon.svg", get(page::shell))
        .route("/manifest.webmanifest", get(page::shell))
        .route("/sw.js", get(page::shell))
        .route("/healthz", get(healthy))
        .fallback(any(nothing))
        .method_not_allowed_fallback(wrong_method)
        .with_state(state.clone())
        .layer(from_fn(with_common_headers))
}

async fn with_common_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    page::common_headers(response.headers_mut());
    response
}

async fn healthy(
    axum::extract::State(state): axum::extract::State<State>,
    headers: axum::http::HeaderMap,
) -> Result<&'static str, Error> {
    std::future::ready(gate::check_host(&state, &headers).map(|()| "ok\n")).await
}

async fn openapi_document() -> Response {
    let json = [("content-type", "application/json")];
    std::future::ready((json, openapi_json()).into_response()).await
}

async fn nothing(
    axum::extract::State(state): axum::extract::State<State>,
    headers: axum::http::HeaderMap,
) -> Error {
    let known = gate::check_host(&state, &headers).err();
    std::future::ready(known.unwrap_or_else(|| Error::gone("there is nothing at this address")))
        .await
}

async fn wrong_method() -> Error {
    std::future::ready(Error::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "wrong_method",
        "That address cannot be called in that way",
        "See /api/v1/openapi.json for what can be called and how",
    ))
    .await
}

/// JSON bodies, with our own words for what cannot be read.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Error::new(
                    axum::http::StatusCode::PAYLOAD_TOO_LARGE,
                    "too_large",
                    "The request is larger than this call may be",
                    "Send less at once",
                ))
            }
            Err(rejection) => Err(Error::bad_input(
                rejection.body_text(),
                "See /api/v1/openapi.json for what this call takes",
            )),
        }
    }
}
