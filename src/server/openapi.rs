//! What can be asked of the server, as an OpenAPI document made from the code that answers.

use crate::record::json_schema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// The document, as JSON.
#[must_use]
pub fn document() -> String {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    // What a record is the log itself says.
    let record = serde_json::from_str(&json_schema()).unwrap_or_default();
    if let Some(components) = document
        .pointer_mut("/components")
        .and_then(|value| value.as_object_mut())
    {
        let schemas = components.entry("schemas").or_insert_with(|| serde_json::json!({}));
        if let Some(schemas) = schemas.as_object_mut() {
            schemas.insert("Record".to_owned(), record);
        }
    }
    let reference = serde_json::json!({ "$ref": "#/components/schemas/Record" });
    for (kind, schema) in [
        (
            "application~1json",
            serde_json::json!({ "oneOf": [reference, { "type": "array", "items": reference }] }),
        ),
        ("application~1x-ndjson", serde_json::json!({ "type": "string" })),
    ] {
        let place = format!("/paths/~1v1~1records/post/requestBody/content/{kind}");
        if let Some(content) = document.pointer_mut(&place).and_then(|value| value.as_object_mut()) {
            content.insert("schema".to_owned(), schema);
        }
    }
    document.to_string()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "auditdb",
        description = "Records of what agents decide: in, and found again. Agents that speak OpenTelemetry send to `/v1/traces` and `/v1/logs`."
    ),
    paths(
        super::records::append,
        super::records::get,
        super::ask::query,
        super::ask::trace,
        super::ask::checkpoint,
        super::otlp::traces,
        super::otlp::logs,
        super::otlp::metrics,
        super::health::healthz,
        super::health::readyz,
        super::health::metrics,
        super::health::openapi,
    ),
    modifiers(&Bearer),
    security(("bearer" = []), ())
)]
struct Api;

/// Tokens, which are needed from the first one on.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", scheme);
    }
}
