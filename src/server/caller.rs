//! Who asks: whoever shows a token, or anybody on this machine as long as the database has none.
//!
//! What must hold: from the first token on, also one that opens nothing any more, nobody is let in without one; so is nobody
//! from another machine.

use super::State;
use super::refused::Refused;
use super::token::{Scope, Token, Tokens, hash};
use crate::database::Pass;
use crate::disk::{Disk as _, RealDisk};
use crate::entry::Entry;
use crate::error::Result;
use crate::policy::line_of;
use crate::record::Writer;
use axum::extract::{Request, State as Given};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::Deserialize;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The files are looked at this often.
const OFTEN: Duration = Duration::from_secs(1);

/// The tokens, or why they cannot be read, as of then.
type Known = (Instant, Result<Vec<Arc<Token>>>);

/// Lets in who may.
#[derive(Debug)]
pub(super) struct Gate {
    tokens: Tokens,
    /// Whether other machines reach it.
    is_open: bool,
    known: Mutex<Option<Known>>,
}

/// Who asks; no token is somebody on this machine.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    token: Option<Arc<Token>>,
}

impl Gate {
    pub(super) fn new(tokens: Tokens, is_open: bool) -> Self {
        Gate {
            tokens,
            is_open,
            known: Mutex::default(),
        }
    }

    /// Whether anybody could be let in by a token.
    pub(super) fn opens_to_somebody(&self) -> Result<bool> {
        let now = RealDisk.now();
        let tokens = self.tokens()?;
        Ok(tokens.iter().any(|token| token.is_valid(now)))
    }

    /// Whether somebody on this machine needs none.
    fn is_for_all(&self, tokens: &[Arc<Token>]) -> bool {
        tokens.is_empty() && !self.is_open
    }

    fn caller(&self, headers: &HeaderMap) -> std::result::Result<Caller, Refused> {
        let tokens = self.tokens()?;
        if self.is_for_all(&tokens) {
            no_page(headers)?;
            return Ok(Caller { token: None });
        }
        let unknown = |why| Refused::new(StatusCode::UNAUTHORIZED, why);
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, secret) = shown
            .and_then(|shown| shown.split_once(' '))
            .ok_or_else(|| unknown("this database wants a token: send the header Authorization: Bearer TOKEN"))?;
        let hash = hash(secret.trim());
        let found = tokens.into_iter().find(|token| token.hash == hash);
        match found.filter(|token| scheme.eq_ignore_ascii_case("bearer") && token.is_valid(RealDisk.now())) {
            Some(token) => Ok(Caller { token: Some(token) }),
            None => Err(unknown(
                "the token is none of this database's, or has expired or been revoked",
            )),
        }
    }

    fn tokens(&self) -> Result<Vec<Arc<Token>>> {
        let mut known = self.known.lock();
        match &*known {
            Some((looked, tokens)) if looked.elapsed() < OFTEN => tokens.clone(),
            _ => {
                let tokens = self.tokens.list();
                let tokens = tokens.map(|tokens| tokens.into_iter().map(Arc::new).collect());
                *known = Some((Instant::now(), tokens.clone()));
                tokens
            }
        }
    }
}

/// Puts who asks beside what is asked, or refuses.
pub(super) async fn let_in(Given(state): Given<Arc<State>>, mut request: Request, next: Next) -> Response {
    match state.gate.caller(request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) => refused.into_response(),
    }
}

/// A page in a browser on this machine could ask here too. The browser says so by an origin or by where the request comes from, and
/// a page that has given this machine a name of its own, by that name.
pub(super) fn no_page(headers: &HeaderMap) -> std::result::Result<(), Refused> {
    let crosses = headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"));
    let is_here = headers
        .get(header::HOST)
        .is_none_or(|host| host.to_str().is_ok_and(is_loopback));
    match is_here && !crosses && !headers.contains_key(header::ORIGIN) {
        true => Ok(()),
        false => Err(Refused::new(
            StatusCode::FORBIDDEN,
            "pages of a browser may not ask here",
        )),
    }
}

/// Whether a host, with its port or without, is an address of this machine alone.
pub(super) fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| match port.parse::<u16>() {
            Ok(_) => name,
            Err(_) => host,
        });
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Caller {
    /// Whether the caller may do that at all.
    pub(super) fn may(&self, scope: Scope) -> std::result::Result<(), Refused> {
        match &self.token {
            Some(token) if !token.is_for(scope) => Err(Refused::new(
                StatusCode::FORBIDDEN,
                format!(
                    "the token {} is not for this: its scope is not {}",
                    token.id,
                    scope.as_str()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// In whose name records are appended.
    pub(super) fn pass(&self) -> Option<Pass> {
        self.token.as_ref().map(|token| Pass {
            writer: Arc::new(Writer::token(&token.id)),
            logs: token.logs.clone(),
        })
    }

    /// Why the caller may not send that record, if that is so: it is of another agent. What cannot be read is not for this to
    /// say.
    pub(super) fn objection(&self, record: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Who<'a> {
            #[serde(borrow)]
            agent: Agent<'a>,
        }
        #[derive(Deserialize)]
        struct Agent<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        let token = self.token.as_ref().filter(|token| !token.agents.is_empty())?;
        let Who { agent } = serde_json::from_str(record).ok()?;
        let is_named = token.agents.iter().any(|named| **named == *agent.id);
        (!is_named).then(|| format!("the token {} is not for the agent {:?}", token.id, agent.id))
    }

    /// The token's id.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.id.as_str())
    }

    /// Whether there is anything that the caller may not see.
    pub(super) fn is_bound(&self) -> bool {
        !self.agents().is_empty() || !self.logs().is_empty()
    }

    /// The agents that the caller may see; all if none is named.
    pub(super) fn agents(&self) -> &[String] {
        self.token.as_ref().map_or(&[], |token| &token.agents)
    }

    /// The logs that the caller may see; all if none is named.
    pub(super) fn logs(&self) -> &[String] {
        self.token.as_ref().map_or(&[], |token| &token.logs)
    }

    /// Whether the caller may see anything of that log.
    pub(super) fn may_see_log(&self, log: &str) -> bool {
        self.logs().is_empty() || self.logs().iter().any(|named| named == line_of(log))
    }

    /// Whether the caller may see that record.
    pub(super) fn may_see(&self, entry: &Entry) -> bool {
        self.may_see_log(entry.log()) && (self.agents().is_empty() || self.objection(entry.text()).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_only_looks_like_this_machine_is_another() {
        for host in [
            "localhost",
            "LOCALHOST:4318",
            "127.0.0.1:4318",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.evil.com:4318",
            "127.evil.com",
            "evil.com",
            "localhost.evil.com",
            "10.0.0.1:80",
            "",
            ":80",
            "[::1].x",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
