//! What was sent, unpacked. Neither a body nor what is in it may be larger than the limit: a small one can hold any amount of
//! zeros.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::time::Duration;

/// The largest body, packed or not, in bytes.
pub(super) const LIMIT: usize = 64 << 20;

/// So long may a body take to come.
const TIME: Duration = Duration::from_secs(60);

/// Why a request is refused.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Refused {
            status,
            why: why.into(),
        }
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    Not,
    Gzip,
    Zstd,
}

impl Packed {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        match headers
            .get(header::CONTENT_ENCODING)
            .map(|value| value.as_bytes().to_ascii_lowercase())
            .as_deref()
        {
            None | Some(b"" | b"identity") => Ok(Packed::Not),
            Some(b"gzip" | b"x-gzip") => Ok(Packed::Gzip),
            Some(b"zstd") => Ok(Packed::Zstd),
            Some(_) => Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "this content encoding is not known here; there are gzip, zstd and identity",
            )),
        }
    }
}

/// Waits for the whole body.
pub(super) async fn received(body: Body) -> Result<Vec<u8>, Refused> {
    match tokio::time::timeout(TIME, to_bytes(body, LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) if error.to_string().contains("length limit") => Err(too_large()),
        Ok(Err(error)) => Err(Refused::new(
            StatusCode::BAD_REQUEST,
            format!("the body did not come whole: {error}"),
        )),
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body took longer than {} s", TIME.as_secs()),
        )),
    }
}

/// Unpacks a body.
pub(super) fn unpacked(body: Vec<u8>, packed: Packed) -> Result<Vec<u8>, Refused> {
    let read = |from: &mut dyn Read| {
        let mut out = Vec::new();
        let read = from.take(LIMIT as u64 + 1).read_to_end(&mut out);
        read.map_err(|error| Refused::new(StatusCode::BAD_REQUEST, format!("the body cannot be unpacked: {error}")))?;
        if out.len() > LIMIT { Err(too_large()) } else { Ok(out) }
    };
    match packed {
        Packed::Not => Ok(body),
        Packed::Gzip => read(&mut MultiGzDecoder::new(body.as_slice())),
        Packed::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(body.as_slice());
            let refused =
                |error| Refused::new(StatusCode::BAD_REQUEST, format!("the body cannot be unpacked: {error}"));
            read(&mut decoder.map_err(refused)?)
        }
    }
}

fn too_large() -> Refused {
    let why = format!("more than {LIMIT} bytes; send fewer spans at once");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, why)
}
