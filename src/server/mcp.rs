//! A proxy before a server of MCP over HTTP ("streamable HTTP"): requests and answers are handed on as they are, also those that
//! are no MCP, and calls are recorded in passing (`ingest::mcp`).

use super::body::{LIMIT, received};
use super::caller::no_page;
use super::listen;
use super::refused::Refused;
use super::room::Room;
use super::sse::Events;
use crate::error::{Error, Result};
use crate::ingest::mcp::{NO_SESSION, Recorder, Tap, Watch, is_readable, refusals};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State as Given};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// A proxy that listens on an address of this machine.
#[derive(Debug)]
pub struct McpProxy {
    listener: std::net::TcpListener,
    between: Arc<Between>,
}

#[derive(Debug)]
struct Between {
    upstream: Uri,
    agent: ureq::Agent,
    tap: Tap,
    room: Room,
    /// Requests that do not say of which session they are get a number.
    requests: AtomicU64,
    /// Each takes a thread, also one whose client has gone, until the server says something.
    exchanges: Arc<Semaphore>,
}

/// So many requests and streams at once.
const EXCHANGES: usize = 400;

/// So long may what has begun take at the end; streams of a server's own messages have none.
const DRAIN: Duration = Duration::from_secs(2);

/// The header by which a server names a session.
const SESSION: &str = "mcp-session-id";

/// What is about a connection and not about what goes over it, and what changes when a body does.
const OF_THE_CONNECTION: [HeaderName; 11] = [
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    // What is packed cannot be read in passing.
    header::ACCEPT_ENCODING,
];

impl McpProxy {
    /// Listens on an address of this machine, before the server at that URL.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing can listen there, other machines reach the address, or the URL is none.
    pub fn bind(address: SocketAddr, upstream: &str, watch: Watch, recorder: Recorder) -> Result<Self> {
        let io = |error| Error::io("listening on", address.to_string(), error);
        if !address.ip().is_loopback() {
            let why = "other machines reach it: name an address of loopback, such as 127.0.0.1:4319";
            return Err(io(std::io::Error::other(why)));
        }
        let none = |why: String| Error::io("asking", upstream, std::io::Error::other(why));
        let url: Uri = upstream.parse().map_err(|error| none(format!("no URL ({error})")))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.authority().is_none() {
            return Err(none("no URL of http or https".to_owned()));
        }
        let listener = std::net::TcpListener::bind(address).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true);
        // One of this machine is not behind a proxy of the network's.
        let is_here = url.host().is_some_and(super::caller::is_loopback);
        let agent = if is_here { agent.proxy(None) } else { agent }.build();
        let between = Between {
            upstream: url,
            agent: agent.into(),
            tap: Tap::new(watch, recorder),
            room: Room::default(),
            requests: AtomicU64::new(0),
            exchanges: Arc::new(Semaphore::new(EXCHANGES)),
        };
        Ok(McpProxy {
            listener,
            between: Arc::new(between),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        let address = self.listener.local_addr();
        address.map_err(|error| Error::io("asking for", "the proxy's address", error))
    }

    /// Hands on until the flag is set; gives how many records were lost.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot begin.
    pub fn run(self, stop: &AtomicBool) -> Result<u64> {
        let routes = Router::new().fallback(pass).with_state(Arc::clone(&self.between));
        listen::run(self.listener, None, &routes, stop, DRAIN)?;
        Ok(self.between.tap.finish())
    }
}

async fn pass(Given(between): Given<Arc<Between>>, request: Request) -> std::result::Result<Response, Refused> {
    no_page(request.headers())?;
    let turn = Arc::clone(&between.exchanges).try_acquire_owned();
    let turn = turn.map_err(|_| Refused::later("too many requests and streams at once"))?;
    let (parts, body) = request.into_parts();
    let (body, share) = received(body, &between.room).await?;
    let (answer, answered) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let _held = (turn, share);
        Exchange::new(between, &parts).run(&parts, &body, answer);
    });
    let gone = |_| Refused::new(StatusCode::BAD_GATEWAY, "the proxy could not ask the server");
    answered.await.map_err(gone)
}

/// One request, and what comes of it.
struct Exchange {
    between: Arc<Between>,
    /// What the session is called, or this request if it belongs to none.
    session: String,
    is_of_a_session: bool,
    /// Whether it is said to the server itself, and not beside it, as where it is asked who may.
    is_mcp: bool,
    /// The ids of what it asks for that is recorded.
    asked: Vec<String>,
}

impl Exchange {
    fn new(between: Arc<Between>, parts: &request::Parts) -> Self {
        let named = parts.headers.get(SESSION).and_then(|name| name.to_str().ok());
        let number = between.requests.fetch_add(1, Ordering::Relaxed);
        let path = parts.uri.path();
        Exchange {
            session: named.map_or_else(|| format!("{NO_SESSION}{number}"), str::to_owned),
            is_of_a_session: named.is_some(),
            is_mcp: is_front(path) || path.trim_end_matches('/') == between.upstream.path().trim_end_matches('/'),
            asked: Vec::new(),
            between,
        }
    }

    fn run(mut self, parts: &request::Parts, body: &[u8], answer: oneshot::Sender<Response>) {
        let text = String::from_utf8_lossy(body);
        if self.is_mcp && parts.method == Method::POST {
            match self.between.tap.asks(&self.session, &text) {
                Ok(asked) => self.asked = asked,
                Err(refusal) => {
                    let _ = answer.send(([(header::CONTENT_TYPE, "application/json")], refusal).into_response());
                    return;
                }
            }
        }
        let is_ended = match self.ask(parts, body) {
            Ok(response) => {
                let is_taken = response.status().is_success();
                if !is_taken {
                    self.fails(&format!("the server answered {}", response.status()));
                }
                self.hand_on(response, answer);
                is_taken && parts.method == Method::DELETE
            }
            Err(error) => {
                let why = format!("the server at {} cannot be asked: {error}", self.between.upstream);
                self.fails(&why);
                let _ = answer.send(Refused::new(StatusCode::BAD_GATEWAY, why).into_response());
                false
            }
        };
        if is_ended || !self.is_of_a_session {
            self.between.tap.ends(Some(&self.session));
        }
    }

    /// What was asked for is not answered.
    fn fails(&self, why: &str) {
        self.between.tap.fails(&self.session, &self.asked, why);
    }

    fn ask(
        &self,
        parts: &request::Parts,
        body: &[u8],
    ) -> std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let mut request = ureq::http::Request::builder()
            .method(parts.method.clone())
            .uri(self.url(&parts.uri));
        for (name, value) in kept(&parts.headers) {
            request = request.header(name, value);
        }
        // The answer is to be read in passing.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        let has_body = !body.is_empty() || parts.method == Method::POST;
        match has_body {
            true => self.between.agent.run(request.body(body)?),
            false => self.between.agent.run(request.body(())?),
        }
    }

    /// What is asked for at the server: its own URL, or beside that what was asked for here.
    fn url(&self, asked: &Uri) -> String {
        let upstream = &self.between.upstream;
        if is_front(asked.path()) {
            return match (asked.query(), upstream.query()) {
                (Some(query), None) => format!("{upstream}?{query}"),
                _ => upstream.to_string(),
            };
        }
        let (scheme, authority) = (upstream.scheme_str(), upstream.authority());
        let beside = asked.path_and_query().map_or("/", |path| path.as_str());
        let authority = authority.map(ToString::to_string).unwrap_or_default();
        format!("{}://{authority}{beside}", scheme.unwrap_or("http"))
    }

    fn hand_on(&mut self, response: ureq::http::Response<ureq::Body>, answer: oneshot::Sender<Response>) {
        let (head, body) = response.into_parts();
        let named = head.headers.get(SESSION).and_then(|name| name.to_str().ok());
        if let Some(named) = named.filter(|_| !self.is_of_a_session) {
            self.between.tap.named(&self.session, named);
            (self.session, self.is_of_a_session) = (named.to_owned(), true);
        }
        let kind = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is_stream = kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/event-stream"));
        let (pieces, to_client) = mpsc::channel(16);
        let mut response = Response::new(Body::new(Pieces(to_client)));
        *response.status_mut() = head.status;
        for (name, value) in kept(&head.headers) {
            let value = match name == header::LOCATION {
                true => self.beside(&value),
                false => value,
            };
            response.headers_mut().append(name, value);
        }
        if answer.send(response).is_err() {
            return;
        }
        let mut from = body.into_with_config().limit(u64::MAX).reader();
        match is_stream {
            true => self.stream(&mut from, &pieces),
            false => self.whole(&mut from, &pieces),
        }
    }

    /// Where a redirect leads, by way of the proxy if it is to the same server.
    fn beside(&self, location: &HeaderValue) -> HeaderValue {
        let to: Option<Uri> = location.to_str().ok().and_then(|text| text.parse().ok());
        let same = to.filter(|to| to.authority().is_some() && to.authority() == self.between.upstream.authority());
        let path = same.and_then(|to| HeaderValue::from_str(to.path_and_query()?.as_str()).ok());
        path.unwrap_or_else(|| location.clone())
    }

    /// Hands on events, each when it is recorded.
    fn stream(&self, from: &mut impl Read, to: &mpsc::Sender<std::io::Result<Bytes>>) {
        let mut events = Events::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let _ = to.blocking_send(Err(error));
                    return;
                }
            };
            events.push(buffer.get(..read).unwrap_or_default());
            while let Some(event) = events.next() {
                let passed = match self.answered(&event.data) {
                    Ok(()) => event.bytes,
                    Err(why) => format!("event: message\ndata: {why}\n\n").into_bytes(),
                };
                if to.blocking_send(Ok(passed.into())).is_err() {
                    return;
                }
            }
            if events.waiting() > LIMIT {
                if let Err(why) = self.too_long() {
                    let _ = to.blocking_send(Err(std::io::Error::other(why)));
                    return;
                }
                let passed = std::mem::take(&mut events).rest();
                if to.blocking_send(Ok(passed.into())).is_err() {
                    return;
                }
            }
        }
        let _ = to.blocking_send(Ok(events.rest().into()));
    }

    /// Hands on an answer that comes at once, when it is recorded.
    fn whole(&self, from: &mut impl Read, to: &mpsc::Sender<std::io::Result<Bytes>>) {
        let mut body = Vec::new();
        if let Err(error) = from.by_ref().take(LIMIT as u64 + 1).read_to_end(&mut body) {
            let _ = to.blocking_send(Err(error));
            return;
        }
        if body.len() > LIMIT {
            if let Err(why) = self.too_long() {
                let _ = to.blocking_send(Err(std::io::Error::other(why)));
                return;
            }
            let mut buffer = std::mem::take(&mut body);
            while !buffer.is_empty() && to.blocking_send(Ok(buffer.into())).is_ok() {
                buffer = Vec::new();
                if from.by_ref().take(1 << 20).read_to_end(&mut buffer).is_err() {
                    return;
                }
            }
            return;
        }
        let passed = match self.answered(&String::from_utf8_lossy(&body)) {
            Ok(()) => body,
            Err(why) => why.into_bytes(),
        };
        let _ = to.blocking_send(Ok(passed.into()));
    }

    /// Records what the server says; or gives what the client is told instead.
    fn answered(&self, text: &str) -> std::result::Result<(), String> {
        if !self.is_mcp {
            return Ok(());
        }
        if self.between.tap.is_closed() && !self.asked.is_empty() && !is_readable(text) {
            return Err(refusals(
                &self.asked,
                false,
                "the answer cannot be read, and may not pass",
            ));
        }
        self.between.tap.answers(&self.session, text)
    }

    /// Records that something passes without a look; or says why it may not.
    fn too_long(&self) -> std::result::Result<(), String> {
        self.between.tap.too_long(&self.session, "an answer of the server's")
    }
}

/// Where a client finds the server, whatever the server's own path is.
fn is_front(path: &str) -> bool {
    matches!(path, "/" | "/mcp")
}

/// The headers that go with what is handed on.
fn kept(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
    let about_it = headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(name));
    about_it.map(|(name, value)| (name.clone(), value.clone()))
}

/// A body that is handed on piece by piece.
struct Pieces(mpsc::Receiver<std::io::Result<Bytes>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
