//! The one gate: Host, Origin, rate, who, may. Every request to the API passes here.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use people::{Means, Who};
use types::LinkId;

use crate::limits::Rate;
use crate::{Error, State, view};

/// Where a connection came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// A program of the owner's own account, checked by the operating system.
    Local,
    Network {
        address: IpAddr,
        secure: bool,
    },
}

impl Peer {
    pub(crate) fn address(self) -> IpAddr {
        match self {
            Self::Local => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::Network { address, .. } => address.to_canonical(),
        }
    }

    /// As a person reads it on the keys page.
    pub(crate) fn words(self) -> String {
        let address = self.address();
        if address.is_loopback() { "this computer".to_owned() } else { address.to_string() }
    }
}

/// Whose pages a request came from: the owner's, or those of a guest under `/l/{link}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mount {
    Owner,
    Guest(LinkId),
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Anyone, also without a key.
    Anyone,
    /// Anyone with a key; what it opens is checked against the thing that is asked for.
    Keyholders,
    /// The owner alone.
    Owner,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) callers: Callers,
    pub(crate) rate: Rate,
    /// Whether a token may stand in the query, as y-websocket clients send it.
    pub(crate) token_in_query: bool,
    /// The key comes in frames or in the body, never by itself as a cookie does, so that it does
    /// not matter whose page sent it.
    pub(crate) key_inside: bool,
}

/// The key a request came with, kept so that a long connection can look again.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Local,
    Cookie { secret: String, mount: Mount },
    Token(String),
}

/// Who a request comes from. An extractor for handlers behind the gate.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) credential: Credential,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let caller = parts.extensions.get::<Self>().cloned();
        std::future::ready(caller.ok_or_else(|| people::Error::SignedOut.into())).await
    }
}

/// Lets a request through to its handler, or answers why not.
pub(crate) async fn pass(
    state: State,
    policy: Policy,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let peer = *request.extensions().get::<Peer>().expect("every connection must have a peer");
    if let Peer::Network { address, secure } = peer {
        check_host(&state, request.headers())?;
        let bearer = policy.key_inside || credential_in_words(&request, policy).is_some();
        check_origin(request.method(), request.headers(), secure, bearer)?;
        state.limits.check(policy.rate, address)?;
    }
    if policy.callers != Callers::Anyone {
        let credential = credential(&state, &request, peer, policy)?;
        let who = who(&state, &credential).await?;
        if policy.callers == Callers::Owner {
            who.may_manage_hive()?;
        }
        note_use(&state, &who, peer);
        request.extensions_mut().insert(Caller { who, credential });
    }
    Ok(next.run(request).await)
}

/// Who holds this key now; also asked again by long connections.
pub(crate) async fn who(state: &State, credential: &Credential) -> Result<Who, Error> {
    let credential = credential.clone();
    state
        .store
        .read(move |view| {
            let who = match &credential {
                Credential::Local => {
                    let owner = people::owner(view)?.ok_or(people::Error::SignedOut)?;
                    Who::owner_by_socket(owner)
                }
                Credential::Cookie { secret, mount: Mount::Owner } => {
                    people::who_by_session(view, secret, None)?
                }
                Credential::Cookie { secret, mount: Mount::Guest(link) } => {
                    people::who_by_session(view, secret, Some(link))?
                }
                Credential::Token(token) => people::who_by_token(view, token).map_err(of_token)?,
            };
            if !matches!(who.means, Means::Socket | Means::Session(_)) {
                view::refuse_while_paused(view)?;
            }
            Ok(who)
        })
        .await
}

fn of_token(error: people::Error) -> Error {
    match error {
        people::Error::SignedOut => Error::new(
            StatusCode::UNAUTHORIZED,
            "signed_out",
            "The hive does not know this token: it was taken back, it ended, or it is mistyped",
            "Make a new one where the document is shared, or with `skep program`",
        ),
        other => other.into(),
    }
}

/// The name of the owner's cookie. Cookies are shared by all ports of a host (RFC 6265, 8.5), so
/// the port is part of it.
pub(crate) fn cookie_name(state: &State, mount: &Mount) -> String {
    match mount {
        Mount::Owner => format!("skep_{}", state.control.hive().port),
        Mount::Guest(_) => format!("skep_guest_{}", state.control.hive().port),
    }
}

/// Refuses names that are not the hive's own, so that no foreign name can be pointed at it.
pub(crate) fn check_host(state: &State, headers: &HeaderMap) -> Result<(), Error> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, further) = (hosts.next(), hosts.next());
    let known = host.filter(|_| further.is_none()).and_then(|host| host.to_str().ok());
    let allowed = state.control.hosts();
    if known.is_some_and(|host| allowed.borrow().contains(&host.to_ascii_lowercase())) {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong_host",
        "The hive does not answer under that name",
        "Use an address that Skep shows, or add the name to `hosts` in the configuration",
    ))
}

/// Refuses what a page of another site sends. A key that stands in the request itself, which no
/// foreign page can know, is proof enough.
fn check_origin(
    method: &Method,
    headers: &HeaderMap,
    secure: bool,
    bearer: bool,
) -> Result<(), Error> {
    if bearer {
        return Ok(());
    }
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = headers.get(header::ORIGIN);
    let own = || {
        let scheme = if secure { "https" } else { "http" };
        text(header::HOST).map(|host| format!("{scheme}://{host}"))
    };
    let origin_is_own =
        origin.is_some_and(|origin| own().is_some_and(|own| origin.as_bytes() == own.as_bytes()));
    let upgrade = headers.contains_key(header::UPGRADE);
    let allowed = match (site, origin) {
        (_, Some(_)) if !origin_is_own => false,
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(_)) => true,
        (None, None) => method.is_safe() && !upgrade,
    };
    if allowed {
        return Ok(());
    }
    Err(Error::new(
        StatusCode::FORBIDDEN,
        "wrong_origin",
        "The request came from a page that is not the hive's own",
        "Open the hive's own address in the browser, or use a token",
    ))
}

fn credential(
    state: &State,
    request: &Request,
    peer: Peer,
    policy: Policy,
) -> Result<Credential, Error> {
    if let Some(token) = credential_in_words(request, policy) {
        return Ok(Credential::Token(token));
    }
    if let Peer::Local = peer {
        return Ok(Credential::Local);
    }
    let mount = request.extensions().get::<Mount>().cloned().unwrap_or(Mount::Owner);
    let name = cookie_name(state, &mount);
    let secret = cookie(request.headers(), &name).ok_or(people::Error::SignedOut)?;
    Ok(Credential::Cookie { secret, mount })
}

/// A token in the `Authorization` header, or in the query where the route allows it.
fn credential_in_words(request: &Request, policy: Policy) -> Option<String> {
    let header = request.headers().get(header::AUTHORIZATION);
    let bearer = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(token) = bearer {
        return Some(token.trim().to_owned());
    }
    let query = request.uri().query().filter(|_| policy.token_in_query)?;
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(str::to_owned)
}

pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// Writes the use down beside the request; the answer does not wait for it.
pub(crate) fn note_use(state: &State, who: &Who, peer: Peer) {
    if matches!(who.means, Means::Socket) || !state.online.first_in_a_minute(who, state.store.now())
    {
        return;
    }
    let (store, who, from) = (state.store.clone(), who.clone(), peer.words());
    tokio::spawn(async move {
        if let Err(error) = store.write(move |tx| people::touch(tx, &who, &from)).await {
            tracing::warn!(%error, "a key's last use was not noted");
        }
    });
}
