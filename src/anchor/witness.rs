//! A witness (C2SP tlog-witness): it is shown each checkpoint with a proof that it continues the last one that the witness saw,
//! and cosigns it with the time. So there is one history for everybody who asks the witness.
//!
//! The cosigned checkpoint is kept beside the stored one as `SIZE20.KEYID.cosigned`, a signed note of its own.
//!
//! What must hold: nothing is kept but the witness's own signature, and that only once it was verified with the key that the
//! policy names.

use super::attempt::Carried;
use super::http::{self, Answer, quoted};
use super::proven::is_of;
use crate::disk::read_short;
use crate::log::anchored::{PROOF_FILE_BYTES, digest_of, keep_proof, kept_for};
use crate::log::{Files, hex};
use crate::proof::{NoteSignature, SignedCheckpoint, VerifierKey, base64_text, prove_consistency};
use sha2::{Digest, Sha256};

/// A witness that changes its mind more often than this is not followed any further.
const ROUNDS: u32 = 4;

/// Has a checkpoint cosigned. `known` is the size that the witness cosigned last, as far as we know.
pub(super) fn cosign(
    files: &Files,
    url: &str,
    key: &VerifierKey,
    signed: &SignedCheckpoint,
    known: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<Carried, String> {
    let size = signed.checkpoint().size();
    let submission = format!("{url}/add-checkpoint");
    let mut old = known.min(size);
    for _ in 0..ROUNDS {
        let answer = http::post(&submission, "text/plain", request(files, old, signed)?, stopped)?;
        match answer.status {
            200 => {
                let cosigned = cosigned(signed, key, &answer.body)?;
                // What it signed for this size before stays: each is as good.
                let kept = kept(files, key, size).filter(|(kept, _)| kept.checkpoint() == signed.checkpoint());
                let (cosigned, at) = kept.unwrap_or(cosigned);
                return keep(files, key, &cosigned, at);
            }
            409 => match size_in(&answer.body) {
                Some(seen) if seen > size => {
                    return Err(format!(
                        "the witness has seen {seen} records and this log has {size}: this log was rolled back, or cut"
                    ));
                }
                Some(seen) if seen != old => old = seen,
                // So said the first version of the protocol.
                Some(seen) if seen == size => return Err(refusal(&Answer { status: 422, ..answer }, old)),
                _ => {
                    return Err(format!(
                        "it answered 409 without a size that differs{}",
                        quoted(&answer.body)
                    ));
                }
            },
            _ => return Err(refusal(&answer, old)),
        }
    }
    Err("it names another size each time".to_owned())
}

/// The newest checkpoint of this log that the witness at that monitoring URL has cosigned, and when; nothing if it has seen
/// none.
pub(crate) fn newest_seen(
    url: &str,
    key: &VerifierKey,
    origin: &str,
) -> Result<Option<(SignedCheckpoint, u64)>, String> {
    let path = format!("{url}/{}/checkpoint", hex(&Sha256::digest(origin.as_bytes())));
    let answer = http::get(&path, &|| false)?;
    match answer.status {
        200 => {}
        404 => return Ok(None),
        _ => return Err(refusal(&answer, 0)),
    }
    let signed = SignedCheckpoint::parse(&answer.body).map_err(|fault| format!("its answer: {fault}"))?;
    if signed.checkpoint().origin() != origin {
        return Err(format!(
            "its answer is a checkpoint of {}",
            signed.checkpoint().origin()
        ));
    }
    let at = time_of(&signed, key)?;
    Ok(Some((signed, at)))
}

/// Up to which size the witness has cosigned what the log says of itself, by what is kept.
pub(super) fn cosigned_to(files: &Files, key: &VerifierKey) -> u64 {
    let sizes = kept_for(&*files.disk, &files.layout, &name_of(key));
    let cosigned = |size: u64| {
        kept(files, key, size)
            .filter(|(kept, _)| is_of(files, kept))
            .map(|_| size)
    };
    sizes.into_iter().find_map(cosigned).unwrap_or(0)
}

fn name_of(key: &VerifierKey) -> String {
    format!("{:08x}.cosigned", key.id())
}

/// The checkpoint of that size with the witness's signature, if it is kept and good.
fn kept(files: &Files, key: &VerifierKey, size: u64) -> Option<(SignedCheckpoint, u64)> {
    let path = files.layout.checkpoint_proof(size, &name_of(key));
    let bytes = read_short(&*files.disk, &path, PROOF_FILE_BYTES).ok()?;
    let signed = SignedCheckpoint::parse(&bytes)
        .ok()
        .filter(|signed| signed.checkpoint().size() == size)?;
    let at = time_of(&signed, key).ok()?;
    Some((signed, at))
}

fn keep(files: &Files, key: &VerifierKey, cosigned: &SignedCheckpoint, at: u64) -> Result<Carried, String> {
    let bytes = cosigned.to_string();
    let size = cosigned.checkpoint().size();
    let file = keep_proof(&*files.disk, &files.layout, size, &name_of(key), bytes.as_bytes());
    Ok(Carried {
        file: file.map_err(|error| error.to_string())?,
        digest: Some(digest_of(bytes.as_bytes())),
        at: i64::try_from(at).ok().and_then(|at| at.checked_mul(1_000_000_000)),
    })
}

/// The body of `add-checkpoint`.
fn request(files: &Files, old: u64, signed: &SignedCheckpoint) -> Result<Vec<u8>, String> {
    let size = signed.checkpoint().size();
    let proof = match old {
        0 => Vec::new(),
        old => files
            .with_tiles(|tiles| prove_consistency(tiles, old, size))
            .map_err(|error| error.to_string())?,
    };
    let lines: String = proof.iter().map(|hash| base64_text(hash) + "\n").collect();
    Ok(format!("old {old}\n{lines}\n{signed}").into_bytes())
}

/// The checkpoint with the witness's signature among those that it answered, and the time in it.
fn cosigned(signed: &SignedCheckpoint, key: &VerifierKey, body: &[u8]) -> Result<(SignedCheckpoint, u64), String> {
    let text = std::str::from_utf8(body).map_err(|_| "its answer is not UTF-8".to_owned())?;
    let mut cosigned = signed.clone();
    for line in text.lines() {
        let signature = NoteSignature::parse(line).map_err(|fault| format!("its answer: {fault}"))?;
        // Signatures of other keys that it may have are not ours to judge.
        if signature.name() == key.name() && signature.id() == key.id() {
            cosigned
                .add(signature)
                .map_err(|fault| format!("its answer: {fault}"))?;
        }
    }
    let at = time_of(&cosigned, key)?;
    Ok((cosigned, at))
}

/// When the witness cosigned.
fn time_of(signed: &SignedCheckpoint, key: &VerifierKey) -> Result<u64, String> {
    let known = std::slice::from_ref(key);
    let by = signed
        .note()
        .verify(known)
        .map_err(|fault| format!("the cosignature: {fault}"))?;
    by.first()
        .and_then(|signed| signed.time)
        .filter(|time| *time > 0)
        .ok_or_else(|| "the cosignature says no time".to_owned())
}

/// The size in the body of a 409.
fn size_in(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// What a status means that is no success, and what to do.
fn refusal(answer: &Answer, old: u64) -> String {
    let said = quoted(&answer.body);
    match answer.status {
        400 => format!("it refuses the request as malformed, or knows of fewer than {old} records (400){said}"),
        403 => format!(
            "it does not trust the key that signs for this log: have its operator take the present one (403){said}"
        ),
        404 => format!("it does not know this log: have its operator take the log's key (404){said}"),
        422 => format!(
            "it has seen another history of this log: what it cosigned for {old} records is no beginning of this one (422){said}"
        ),
        status => format!("it answered {status}{said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{Checkpoint, vector};

    #[test]
    fn only_the_witnesss_own_good_signature_is_taken() {
        let checkpoint = Checkpoint::parse(vector::CHECKPOINT).unwrap();
        let signed = SignedCheckpoint::sign(checkpoint, &vector::log_key()).unwrap();
        let key: VerifierKey = vector::WITNESS_VKEY.parse().unwrap();
        let line = vector::WITNESS_LINE;
        let (taken, at) = cosigned(&signed, &key, format!("{line}\n").as_bytes()).unwrap();
        assert_eq!(at, vector::COSIGNED_AT);
        assert_eq!(taken.note().signatures().len(), 2);
        // Beside another's, which is not kept.
        let other = vector::LOG_LINE.replace(vector::ORIGIN, "other.example/w");
        let (taken, _) = cosigned(&signed, &key, format!("{other}\n{line}\n").as_bytes()).unwrap();
        assert_eq!(taken.note().signatures().len(), 2);
        let mut flipped = line.to_owned().into_bytes();
        let last = flipped.len() - 5;
        flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
        for hostile in [
            &b""[..],
            b"\n",
            b"\xff",
            b"hello\n",
            other.as_bytes(),
            &flipped,
            b"12\n",
        ] {
            assert!(
                cosigned(&signed, &key, hostile).is_err(),
                "{}",
                String::from_utf8_lossy(hostile)
            );
        }
    }

    #[test]
    fn a_size_has_one_spelling() {
        assert_eq!(size_in(b"12\n"), Some(12));
        for hostile in [
            &b""[..],
            b"12",
            b"012\n",
            b"+1\n",
            b"-1\n",
            b"1 \n",
            b"12\n\n",
            b"99999999999999999999\n",
            b"\xff\n",
        ] {
            assert_eq!(size_in(hostile), None);
        }
    }
}
