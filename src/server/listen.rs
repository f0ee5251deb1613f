//! Taking connections, and leading each request to who answers it. A connection is bounded in how long its handshake and its
//! headers may take, and in how many there are.

use super::caller::let_in;
use super::health::counted;
use super::refused::Refused;
use super::{State, ask, health, otlp, records};
use crate::error::{Error, Result};
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// So many connections at once; another waits in the system's queue.
const CONNECTIONS: usize = 256;

/// So long may a handshake take, or the headers of a request, and so long does a connection stay that asks nothing.
const HEADERS: Duration = Duration::from_secs(15);

/// So long may a client take to make room for the next piece of an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What is left then is not waited for any longer than this.
const REST: Duration = Duration::from_secs(1);

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Serves until the flag is set, and then for so long as what has begun takes, but no longer than it may.
pub(super) fn run(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    routes: &Router,
    stop: &AtomicBool,
    drain: Duration,
) -> Result<()> {
    let io = |error| Error::io("serving on", "the listener", error);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("auditdb-serve")
        .build()
        .map_err(io)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(io)?;
        let (open, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
        while !stop.load(Ordering::Relaxed) {
            let Ok(Ok(permit)) = tokio::time::timeout(LOOK, Arc::clone(&open).acquire_owned()).await else {
                continue;
            };
            let stream = match tokio::time::timeout(LOOK, listener.accept()).await {
                Ok(Ok((stream, _))) => stream,
                // Such as too many open files: it is over when others end.
                Ok(Err(_)) => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                Err(_) => continue,
            };
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(ANSWER));
            let stream = Box::pin(stream);
            let (routes, tls, watcher) = (routes.clone(), tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, routes, watcher).await,
                    // A handshake that fails is the client's to notice.
                    Some(tls) => {
                        if let Ok(Ok(stream)) = tokio::time::timeout(HEADERS, tls.accept(stream)).await {
                            serve(stream, routes, watcher).await;
                        }
                    }
                }
                drop(permit);
            });
        }
        drop(listener);
        let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
        Ok::<(), Error>(())
    })?;
    runtime.shutdown_timeout(REST);
    Ok(())
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, routes: Router, watcher: Watcher) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // So is a connection that breaks.
    let _ = watcher.watch(connection).await;
}

/// Who answers what.
pub(super) fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/records", post(records::append))
        .route("/v1/records/{*id}", get(records::get))
        .route("/v1/query", get(ask::query))
        .route("/v1/trace/{*id}", get(ask::trace))
        .route("/v1/checkpoint", get(ask::checkpoint))
        .route("/metrics", get(health::metrics))
        .route_layer(from_fn_with_state(Arc::clone(&state), let_in))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/v1/openapi.json", get(health::openapi))
        .route_layer(from_fn_with_state(Arc::clone(&state), counted))
        .fallback(async || {
            Refused::new(
                StatusCode::NOT_FOUND,
                "there is nothing here; /v1/openapi.json says what there is",
            )
        })
        .layer(map_response(hardened))
        .with_state(state)
}

/// Whatever an answer holds, no browser takes it for a page of its own.
async fn hardened(mut response: Response) -> Response {
    use axum::http::{HeaderValue, header};
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
