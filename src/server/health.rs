//! How it is: for whoever keeps the process running, and for Prometheus.

use super::State;
use super::caller::Caller;
use super::records::json;
use super::refused::Refused;
use crate::database::Database;
use crate::log::Status;
use crate::record::parse_time;
use axum::Extension;
use axum::extract::{MatchedPath, Request, State as Given};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;
use std::sync::Arc;

/// Whether the process is there
#[utoipa::path(get, path = "/healthz", tag = "Health", security(()), responses((status = 200, description = "It is")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether records are taken
#[utoipa::path(get, path = "/readyz", tag = "Health", security(()), responses(
    (status = 200, description = "They are"), (status = 503, description = "They are not, since a write failed: restart it when the disk is well"),
))]
pub(super) async fn readyz(Given(state): Given<Arc<State>>) -> Result<&'static str, Refused> {
    // Whoever asks need not show who they are: what is wrong stands in the operator's own output.
    let why = |_| Refused::new(StatusCode::SERVICE_UNAVAILABLE, "no records are taken");
    state.db.is_writable().map(|()| "ok\n").map_err(why)
}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "Health", responses((status = 200, description = "In Prometheus's text format", content_type = "text/plain", body = String)))]
pub(super) async fn metrics(
    Given(state): Given<Arc<State>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Refused> {
    super::asked(state, caller, move |state, caller| {
        let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
        Ok((kind, figures(state, caller)).into_response())
    })
    .await
}

/// What can be asked here
///
/// This document (OpenAPI 3.1).
#[utoipa::path(get, path = "/v1/openapi.json", tag = "Health", security(()), responses((status = 200, description = "This document", body = serde_json::Value)))]
pub(super) async fn openapi() -> Response {
    (json(), super::openapi::document()).into_response()
}

/// Counts an answer.
pub(super) async fn counted(Given(state): Given<Arc<State>>, request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let answered = (path.unwrap_or_default(), response.status().as_u16());
    *state.answers.lock().entry(answered).or_default() += 1;
    response
}

/// Figures in Prometheus's text format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
fn figures(state: &State, caller: &Caller) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "auditdb_http_requests_total",
        "counter",
        "Requests by path and status.",
    );
    for ((path, status), count) in &*state.answers.lock() {
        let _ = writeln!(
            out,
            "auditdb_http_requests_total{{path={path:?},status=\"{status}\"}} {count}"
        );
    }
    let served = *state.served.lock();
    for (name, help, value) in [
        (
            "auditdb_records_taken_total",
            "Records taken, also those that were there already.",
            served.records,
        ),
        (
            "auditdb_records_refused_total",
            "Records, spans and events refused.",
            served.refused,
        ),
    ] {
        head(&mut out, name, "counter", help);
        let _ = writeln!(out, "{name} {value}");
    }
    head(&mut out, "auditdb_writable", "gauge", "Whether the log takes records.");
    let _ = writeln!(out, "auditdb_writable {}", u8::from(state.db.is_writable().is_ok()));
    let logs: Vec<Status> = statuses(&state.db, caller);
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&Status) -> Option<f64>| {
        head(&mut out, name, "gauge", help);
        for log in &logs {
            if let Some(value) = value(log) {
                let _ = writeln!(out, "{name}{{log={:?}}} {value}", log.log);
            }
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus has nothing but floating-point numbers"
    )]
    let whole = |value: u64| Some(value as f64);
    gauge("auditdb_log_records", "Records, the log's own included.", &|log| {
        whole(log.records)
    });
    gauge("auditdb_log_segments", "Sealed segments.", &|log| whole(log.segments));
    gauge(
        "auditdb_log_journals",
        "Journals that wait to be sealed or are written.",
        &|log| whole(log.journals),
    );
    gauge(
        "auditdb_log_damaged_segments",
        "Segments with a directory that cannot be read.",
        &|log| whole(log.damaged_segments),
    );
    gauge("auditdb_log_text_bytes", "The records' text.", &|log| {
        whole(log.text_bytes)
    });
    gauge("auditdb_log_disk_bytes", "What the log's files take.", &|log| {
        whole(log.disk_bytes)
    });
    gauge(
        "auditdb_log_newest_timestamp_seconds",
        "When the last record was logged.",
        &|log| {
            let newest = parse_time(log.newest.as_deref()?).ok()?;
            whole(u64::try_from(newest / 1_000_000_000).ok()?)
        },
    );
    out
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// The figures of all logs; one that cannot be read has none.
fn statuses(db: &Database, caller: &Caller) -> Vec<Status> {
    let of = |log: &String| match log == db.identity().name() {
        true => db.status().ok(),
        false => Database::open_log(db.path(), log).and_then(|db| db.status()).ok(),
    };
    let logs = db.asked_logs();
    logs.iter()
        .filter(|log| caller.may_see_log(log))
        .filter_map(of)
        .collect()
}
