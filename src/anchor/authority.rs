//! A time-stamping authority (RFC 3161): it signs when it saw the SHA-256 of the signed checkpoint's file, so that
//! `openssl ts -verify -data CHECKPOINT -in FILE.tsr -CAfile …` works without us.
//!
//! What it answers is kept, byte for byte, beside the checkpoint as `SIZE20.DIGEST.tsr`, where DIGEST begins that of the
//! authority's certificate.

use super::attempt::Carried;
use super::http::{self, quoted};
use super::proven::is_of;
use super::stamp;
use crate::disk::read_short;
use crate::log::anchored::{PROOF_FILE_BYTES, digest_of, keep_proof, kept_for};
use crate::log::{Files, checkpoints, hex};
use crate::proof::{Hash, SignedCheckpoint};
use crate::record::format_time;
use sha2::{Digest, Sha256};

/// The authority's clock may differ from ours by this much, in nanoseconds.
const TOLERANCE_NS: i64 = 10 * 60 * 1_000_000_000;

/// Has a checkpoint stamped.
pub(super) fn stamp(
    files: &Files,
    url: &str,
    certificate: &Hash,
    signed: &SignedCheckpoint,
    stopped: &dyn Fn() -> bool,
) -> Result<Carried, String> {
    let size = signed.checkpoint().size();
    let data = signed.to_string();
    let imprint: Hash = Sha256::digest(data.as_bytes()).into();
    if let Some((answer, at)) = kept(files, certificate, size, &imprint) {
        return keep(files, certificate, size, &answer, at);
    }
    let (answer, at) = ask(files, url, certificate, &imprint, stopped)?;
    let off = at.saturating_sub(files.disk.now());
    if off.abs() > TOLERANCE_NS {
        return Err(format!(
            "it says that it is {}, which is {} s from this machine's clock: one of the two is wrong",
            format_time(at),
            off / 1_000_000_000
        ));
    }
    keep(files, certificate, size, &answer, at)
}

/// The digest of the certificate with which an authority signs now, for a policy to pin.
pub(crate) fn present_certificate(url: &str, random: [u8; 16]) -> Result<Hash, String> {
    let imprint: Hash = Sha256::digest(random).into();
    let nonce = random.first_chunk().copied().unwrap_or_default();
    let query = stamp::query(&imprint, &nonce)?;
    let answer = exchange(url, query, &|| false)?;
    let stamped = stamp::Stamp::read(&answer, &imprint, Some(&nonce))?;
    stamped.verify(None)
}

/// Up to which size the authority has stamped what the log says of itself, by what is kept.
pub(super) fn stamped_to(files: &Files, certificate: &Hash) -> u64 {
    let sizes = kept_for(&*files.disk, &files.layout, &name_of(certificate));
    let is_stamped = |size: &u64| {
        let path = files.layout.checkpoint(*size);
        let Ok(bytes) = checkpoints::read(&*files.disk, &path) else {
            return false;
        };
        let signed = SignedCheckpoint::parse(&bytes);
        signed.is_ok_and(|signed| signed.checkpoint().size() == *size && is_of(files, &signed))
            && kept(files, certificate, *size, &Sha256::digest(&bytes).into()).is_some()
    };
    sizes.into_iter().find(is_stamped).unwrap_or(0)
}

fn name_of(certificate: &Hash) -> String {
    let begins: String = hex(certificate).chars().take(8).collect();
    format!("{begins}.tsr")
}

fn ask(
    files: &Files,
    url: &str,
    certificate: &Hash,
    imprint: &Hash,
    stopped: &dyn Fn() -> bool,
) -> Result<(Vec<u8>, i64), String> {
    let mut nonce = [0; 8];
    files.disk.random(&mut nonce);
    let query = stamp::query(imprint, &nonce)?;
    let answer = exchange(url, query, stopped)?;
    let stamped = stamp::Stamp::read(&answer, imprint, Some(&nonce))?;
    stamped.verify(Some(certificate))?;
    let at = stamped.time();
    Ok((answer, at))
}

fn exchange(url: &str, query: Vec<u8>, stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, String> {
    let answer = http::post(url, "application/timestamp-query", query, stopped)?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(format!("it answered {status}{}", quoted(&answer.body))),
    }
}

/// The authority's answer about the checkpoint of that size and when it says that was, if it is kept and good.
fn kept(files: &Files, certificate: &Hash, size: u64, imprint: &Hash) -> Option<(Vec<u8>, i64)> {
    let path = files.layout.checkpoint_proof(size, &name_of(certificate));
    let bytes = read_short(&*files.disk, &path, PROOF_FILE_BYTES).ok()?;
    let stamped = stamp::Stamp::read(&bytes, imprint, None).ok()?;
    stamped.verify(Some(certificate)).ok()?;
    let at = stamped.time();
    Some((bytes, at))
}

fn keep(files: &Files, certificate: &Hash, size: u64, answer: &[u8], at: i64) -> Result<Carried, String> {
    let file = keep_proof(&*files.disk, &files.layout, size, &name_of(certificate), answer);
    Ok(Carried {
        file: file.map_err(|error| error.to_string())?,
        digest: Some(digest_of(answer)),
        at: Some(at),
    })
}
