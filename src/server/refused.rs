//! Why a request is refused, and how that is said.

use crate::error::Error;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: String,
    /// Which of the records that were sent it is about, counted from 0.
    pub(super) record: Option<usize>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Refused {
            status,
            why: why.into(),
            record: None,
        }
    }

    pub(super) fn bad(why: impl Into<String>) -> Self {
        Refused::new(StatusCode::BAD_REQUEST, why)
    }

    /// There is too much to do at present.
    pub(super) fn later(why: impl Into<String>) -> Self {
        Refused::new(StatusCode::TOO_MANY_REQUESTS, why)
    }

    /// Says when to come again, and how to show who one is.
    pub(super) fn mark(&self, response: &mut Response) {
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
            StatusCode::SERVICE_UNAVAILABLE => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5")),
            StatusCode::UNAUTHORIZED => headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            _ => None,
        };
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Refused(_) | Error::Query(_) | Error::OtherCursor { .. } | Error::Ambiguous { .. } => {
                StatusCode::BAD_REQUEST
            }
            Error::NotAllowed { .. } => StatusCode::FORBIDDEN,
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Dropped { .. } => StatusCode::GONE,
            Error::Damaged { .. } | Error::Format { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            // Whoever sends keeps what it has, and tries again.
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Refused::new(status, error.to_string())
    }
}

impl From<QueryRejection> for Refused {
    fn from(refused: QueryRejection) -> Self {
        Refused::bad(refused.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut said = serde_json::json!({ "error": self.why });
        if let (Some(said), Some(record)) = (said.as_object_mut(), self.record) {
            said.insert("record".to_owned(), record.into());
        }
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, format!("{said}\n")).into_response();
        self.mark(&mut response);
        response
    }
}
