//! How many things a request may hold. Bytes alone do not bound what it takes in memory: two of them are an empty span.

use super::span::Malformed;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// So many spans or log records, with what holds them, and so many attributes, events and values of lists.
const MOST: usize = 1_000_000;

/// So many members and elements in JSON, each of which is as large as the largest.
const MOST_IN_JSON: usize = 8_000_000;

/// Where in the messages of OTLP lists stand, by the numbers of their fields: attributes of resources, those of spans, the spans'
/// events and these events' attributes, and lists and objects in values; the same for log records.
const LISTS: [&[u32]; 7] = [
    &[1, 1, 1],
    &[1, 2, 2, 9, 2, 5, 1],
    &[1, 2, 2, 9, 2, 6, 1],
    &[1, 2, 2, 11, 3],
    &[1, 2, 2, 6, 2, 5, 1],
    &[1, 2, 2, 6, 2, 6, 1],
    &[1, 2, 2, 5, 6, 1],
];

/// Whether a request in protobuf may be read.
///
/// # Errors
/// It holds too many things.
pub(super) fn in_protobuf(body: &[u8]) -> Result<(), Malformed> {
    match LISTS.iter().any(|path| things(body, path, MOST) > MOST) {
        true => Err(too_many()),
        false => Ok(()),
    }
}

/// Whether a request in JSON may be read.
///
/// # Errors
/// As [`in_protobuf`].
pub(super) fn in_json(body: &[u8]) -> Result<(), Malformed> {
    let begin = body.iter().filter(|byte| matches!(byte, b',' | b'{' | b'['));
    match begin.count() > MOST_IN_JSON {
        true => Err(too_many()),
        false => Ok(()),
    }
}

fn too_many() -> Malformed {
    Malformed("it holds more than a million things; send fewer spans at once".to_owned())
}

/// How many messages stand on the way along these fields; it is not counted further than one too many.
fn things(mut bytes: &[u8], path: &[u32], most: usize) -> usize {
    let Some((field, rest)) = path.split_first() else {
        return 0;
    };
    let mut count = 0;
    while !bytes.is_empty() && count <= most {
        let Ok((tag, wire)) = decode_key(&mut bytes) else {
            break;
        };
        if wire != WireType::LengthDelimited {
            if skip_field(wire, tag, &mut bytes, DecodeContext::default()).is_err() {
                break;
            }
            continue;
        }
        let length = decode_varint(&mut bytes)
            .ok()
            .and_then(|length| usize::try_from(length).ok());
        let Some((inner, behind)) = length.and_then(|length| bytes.split_at_checked(length)) else {
            break;
        };
        bytes = behind;
        if tag == *field {
            count += 1 + things(inner, rest, most - count.min(most));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bodies_do_not_hold_millions_of_things() {
        let field = |number: u8, bytes: &[u8]| {
            let mut out = vec![number << 3 | 2];
            prost::encoding::encode_varint(bytes.len() as u64, &mut out);
            out.extend_from_slice(bytes);
            out
        };
        let few: Vec<u8> = [0x12, 0].repeat(1_000);
        let spans: Vec<u8> = [0x12, 0].repeat(MOST);
        let attributes: Vec<u8> = [0x4a, 0].repeat(MOST);
        assert!(in_protobuf(&field(1, &field(2, &few))).is_ok());
        assert!(in_protobuf(&field(1, &field(2, &spans))).is_err());
        assert!(in_protobuf(&field(1, &field(2, &field(2, &attributes)))).is_err());
        // What is cut short is for others to refuse.
        assert!(in_protobuf(&field(1, &field(2, &spans))[..1_000]).is_ok());
        assert!(in_json(&b"[0,".repeat(MOST_IN_JSON)).is_err());
        assert!(in_json(b"{}").is_ok());
    }
}
