//! Somebody who came by a link: signs in by it, and calls what it opens.

use std::path::PathBuf;
use std::time::Duration;

use hive::wire;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use crate::door::Stream;
use crate::link::Link;
use crate::place::{Key, Place};
use crate::tls;

const CALL_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) link: Link,
    name: Option<String>,
    password: Option<String>,
    authority: Option<PathBuf>,
    /// Whose key is used, of a program that works in a folder of the link.
    place: Option<Place>,
    cookie: Mutex<Option<String>>,
}

impl Guest {
    /// Somebody with the whole link.
    pub(crate) fn new(
        link: Link,
        name: Option<String>,
        password: Option<String>,
        authority: Option<PathBuf>,
    ) -> Self {
        Self { link, name, password, authority, place: None, cookie: Mutex::new(None) }
    }

    /// A program in a folder of the link, which goes by the folder's key.
    pub(crate) fn of_place(place: Place) -> Option<(Self, Key)> {
        let key = place.key()?;
        let guest = Self {
            link: Link::read(&format!("{}#-", key.address))?,
            name: None,
            password: None,
            authority: key.authority.clone(),
            place: Some(place),
            cookie: Mutex::new(Some(key.cookie.clone())),
        };
        Some((guest, key))
    }

    /// Goes on with a key of before, as long as it is good.
    pub(crate) async fn go_on_with(&self, cookie: String) {
        *self.cookie.lock().await = Some(cookie);
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, hive::Error> {
        let calling = async {
            let response = self.open(&method, path, body).await?;
            Ok(response.into_body().collect().await.map_err(|error| silent(&error))?.to_bytes())
        };
        let answered = tokio::time::timeout(CALL_TIMEOUT, calling).await;
        answered.unwrap_or_else(|_| Err(silent(&"it took too long")))
    }

    /// An answer that goes on, such as the stream of events.
    pub(crate) async fn open(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, hive::Error> {
        let cookie = self.cookie().await?;
        match self.send(method, path, body.clone(), Some(&cookie)).await {
            Err(hive::Error::Problem { status: 401, .. }) => {
                let mut known = self.cookie.lock().await;
                known.take_if(|known| *known == cookie);
                let cookie = self.sign_in(&mut known, Some(&cookie)).await?;
                drop(known);
                self.send(method, path, body, Some(&cookie)).await
            }
            other => other,
        }
    }

    /// The session's cookie; signs in first if there is none.
    pub(crate) async fn cookie(&self) -> Result<String, hive::Error> {
        let mut known = self.cookie.lock().await;
        self.sign_in(&mut known, None).await
    }

    /// `refused` is the cookie that the hive did not take.
    async fn sign_in(
        &self,
        known: &mut Option<String>,
        refused: Option<&str>,
    ) -> Result<String, hive::Error> {
        if let Some(cookie) = known.as_ref() {
            return Ok(cookie.clone());
        }
        let cookie = match &self.place {
            Some(place) => {
                let key = place.key().map(|key| key.cookie);
                key.filter(|cookie| refused != Some(cookie.as_str())).ok_or_else(key_ended)?
            }
            None => {
                let come = wire::Come {
                    secret: Some(self.link.secret.clone()),
                    name: self.name.clone(),
                    password: self.password.clone(),
                    token: None,
                };
                let body = serde_json::to_vec(&come).map_err(|error| silent(&error))?;
                let answer = self.send(&Method::POST, "/session", body.into(), None).await?;
                let cookie = answer.headers().get(header::SET_COOKIE);
                let cookie = cookie.and_then(|value| value.to_str().ok()?.split(';').next());
                cookie.map(str::to_owned).ok_or_else(|| silent(&"it gave no key"))?
            }
        };
        *known = Some(cookie.clone());
        Ok(cookie)
    }

    /// Whose link it is, before anything is told.
    pub(crate) async fn welcome(&self) -> Result<wire::Welcome, hive::Error> {
        let calling = async {
            let answer = self.send(&Method::GET, "/welcome", Bytes::new(), None).await?;
            let bytes = answer.into_body().collect().await.map_err(|error| silent(&error))?;
            serde_json::from_slice(&bytes.to_bytes()).map_err(|_| {
                silent(&"what answers there is no hive; check the address of the link")
            })
        };
        let answered = tokio::time::timeout(CALL_TIMEOUT, calling).await;
        answered.unwrap_or_else(|_| Err(silent(&"it took too long")))
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
        cookie: Option<&str>,
    ) -> Result<Response<Incoming>, hive::Error> {
        let stream = self.connect().await?;
        let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, connection) = shake.await.map_err(|error| silent(&error))?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/l/{}/api/v1{path}", self.link.id))
            .header(header::HOST, self.link.authority())
            .header(header::ORIGIN, self.link.base())
            .header(header::USER_AGENT, "skep")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Full::new(body)).map_err(|error| silent(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| silent(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let bytes = answer.into_body().collect().await.map_err(|error| silent(&error))?;
        Err(problem(status, &bytes.to_bytes()))
    }

    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, hive::Error> {
        let link = &self.link;
        let place = (link.host.trim_matches(['[', ']']), link.port);
        let stream = tokio::net::TcpStream::connect(place).await.map_err(|error| silent(&error))?;
        drop(stream.set_nodelay(true));
        if !link.secure {
            return Ok(Box::new(stream));
        }
        let secure = tls::connect(&link.host, self.authority.as_deref(), stream).await;
        Ok(Box::new(secure.map_err(|why| silent(&why))?))
    }
}

fn problem(status: StatusCode, bytes: &[u8]) -> hive::Error {
    match serde_json::from_slice::<wire::Problem>(bytes) {
        Ok(problem) => hive::Error::Problem {
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail,
            hint: problem.hint,
        },
        Err(_) if status == StatusCode::NOT_FOUND => hive::Error::Problem {
            status: 404,
            code: "no_hive".to_owned(),
            detail: "What answers at the address of this link knows of no such link.".to_owned(),
            hint: "Check the address, or ask for the link again.".to_owned(),
        },
        Err(_) => silent(&format!("it answered with status {status}")),
    }
}

fn key_ended() -> hive::Error {
    hive::Error::Problem {
        status: 401,
        code: "signed_out".to_owned(),
        detail: "The hive knows the key of this folder no more.".to_owned(),
        hint: "Join by the link again: skep join LINK FOLDER".to_owned(),
    }
}

/// The hive cannot be reached now.
pub(crate) fn silent(why: &dyn std::fmt::Display) -> hive::Error {
    hive::Error::Problem {
        status: 504,
        code: "unreachable".to_owned(),
        detail: format!("The hive of this link does not answer: {why}."),
        hint: "It may be asleep, or you may have no network; ask whose link it is.".to_owned(),
    }
}
