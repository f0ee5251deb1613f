//! Taking connections. Each is bounded: in how long its headers may take, in how many there are, and in how many requests are
//! worked on at once; what is above that is told to come again.

use super::{State, otlp};
use crate::error::{Error, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// So many connections at once; another waits in the system's queue.
const CONNECTIONS: usize = 256;

/// So many requests are read and worked on at once; each may take a body's limit of memory.
const AT_ONCE: usize = 8;

/// So long may the headers of a request take, and so long does a connection stay that asks nothing.
const HEADERS: Duration = Duration::from_secs(15);

/// So long may what has begun take at the end.
const DRAIN: Duration = Duration::from_secs(20);

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn run(listener: std::net::TcpListener, state: &Arc<State>, stop: &AtomicBool) -> Result<()> {
    let io = |error| Error::io("serving on", "the listener", error);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("auditdb-serve")
        .build()
        .map_err(io)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(io)?;
        let routes = routes(Arc::clone(state));
        let (open, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
        while !stop.load(Ordering::Relaxed) {
            let Ok(Ok((stream, _))) = tokio::time::timeout(LOOK, listener.accept()).await else {
                continue;
            };
            let Ok(permit) = Arc::clone(&open).acquire_owned().await else {
                break;
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes.clone()));
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // A connection that breaks is the client's to notice.
                let _ = connection.await;
                drop(permit);
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
        Ok(())
    })
}

fn routes(state: Arc<State>) -> Router {
    let free = Arc::new(Semaphore::new(AT_ONCE));
    Router::new()
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .layer(middleware::from_fn(move |request, next| {
            one_of_few(Arc::clone(&free), request, next)
        }))
        .route("/healthz", get(async || "ok\n"))
        .layer(middleware::from_fn(no_page))
        .with_state(state)
}

/// A request that finds too many others is told to come again, before its body is read.
async fn one_of_few(free: Arc<Semaphore>, request: Request, next: Next) -> Response {
    match free.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => {
            let come_again = [(header::RETRY_AFTER, "1")];
            (StatusCode::TOO_MANY_REQUESTS, come_again, "too many requests at once\n").into_response()
        }
    }
}

/// A page in a browser on this machine could send here too, and says so by its origin. No agent is one.
async fn no_page(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let is_here = name.is_none_or(|name| matches!(name, "localhost" | "[::1]") || name.starts_with("127."));
    if !is_here || request.headers().contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "pages of a browser may not write here\n").into_response();
    }
    next.run(request).await
}
