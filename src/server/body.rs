//! What was sent, unpacked. Neither a body nor what is in it may be larger than the limit: a small one can hold any amount of
//! zeros.

use super::refused::Refused;
use super::room::{Room, Share};
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::time::Duration;

/// The largest body, packed or not, in bytes.
pub(super) const LIMIT: usize = 64 << 20;

/// So long may a body take to come.
const TIME: Duration = Duration::from_secs(60);

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

/// Waits for the whole body; it takes room as it comes, for as long as the share is kept.
pub(super) async fn received(body: Body, room: &Room) -> Result<(Vec<u8>, Share), Refused> {
    match tokio::time::timeout(TIME, frames(body, room)).await {
        Ok(received) => received,
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body took longer than {} s", TIME.as_secs()),
        )),
    }
}

async fn frames(mut body: Body, room: &Room) -> Result<(Vec<u8>, Share), Refused> {
    if body.size_hint().lower() > LIMIT as u64 {
        return Err(too_large());
    }
    let (mut bytes, mut share) = (Vec::new(), Share::default());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let broken = |error| Refused::bad(format!("the body did not come whole: {error}"));
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > LIMIT {
            return Err(too_large());
        }
        room.grow(&mut share, data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, share))
}

/// Unpacks a body.
pub(super) fn unpacked(body: Vec<u8>, packed: Packed) -> Result<Vec<u8>, Refused> {
    let read = |from: &mut dyn Read| {
        let mut out = Vec::new();
        let read = from.take(LIMIT as u64 + 1).read_to_end(&mut out);
        read.map_err(|error| Refused::bad(format!("the body cannot be unpacked: {error}")))?;
        if out.len() > LIMIT { Err(too_large()) } else { Ok(out) }
    };
    match packed {
        Packed::Not => Ok(body),
        Packed::Gzip => read(&mut MultiGzDecoder::new(body.as_slice())),
        Packed::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(body.as_slice());
            let refused = |error| Refused::bad(format!("the body cannot be unpacked: {error}"));
            read(&mut decoder.map_err(refused)?)
        }
    }
}

fn too_large() -> Refused {
    let why = format!("more than {LIMIT} bytes; send less at once");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, why)
}
