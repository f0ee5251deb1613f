//! The cosignature of a witness (C2SP tlog-cosignature, signature type `0x04`): that at this time it saw this checkpoint
//! and none that contradicts it.
//!
//! In a signature line behind the key's id: the time as 8 bytes, the highest first, then 64 bytes of Ed25519. What is
//! signed is a header line, a line with the time, and the text of the checkpoint.

use super::key::{VerifierKey, WitnessKey};
use super::note::NoteSignature;

/// No later time is valid: the seconds fit into a signed 64-bit number.
pub const TIME_LIMIT: u64 = i64::MAX as u64;

/// The cosignature of a checkpoint's text at a time in seconds since 1970; `None` if the time is beyond [`TIME_LIMIT`].
pub(super) fn sign(key: &WitnessKey, text: &str, time: u64) -> Option<NoteSignature> {
    let signature = key.sign(message(text, time).as_bytes());
    let blob = [time.to_be_bytes().as_slice(), &signature].concat();
    (time <= TIME_LIMIT).then(|| NoteSignature::new(key.verifier(), &blob))
}

/// The time of a good cosignature of a text; `None` for a bad one.
pub(super) fn check(key: &VerifierKey, text: &str, blob: &[u8]) -> Option<u64> {
    let (time, signature) = blob.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    let good = time <= TIME_LIMIT && key.has_signed(message(text, time).as_bytes(), signature.try_into().ok()?);
    good.then_some(time)
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::vector;

    #[test]
    fn the_time_is_part_of_it() {
        let key = vector::witness_key();
        let text = vector::CHECKPOINT;
        for time in [0, 1, 1_790_000_000, TIME_LIMIT] {
            let signature = sign(&key, text, time).unwrap();
            assert_eq!(signature.bytes().len(), 72);
            assert_eq!(check(key.verifier(), text, signature.bytes()), Some(time));
            for bit in 0..signature.bytes().len() * 8 {
                let mut changed = signature.bytes().to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(check(key.verifier(), text, &changed), None, "bit {bit}");
            }
            assert_eq!(check(key.verifier(), "x\n", signature.bytes()), None);
        }
        assert_eq!(sign(&key, text, TIME_LIMIT + 1), None);
        // Whoever signs a later time all the same is not believed.
        let late = TIME_LIMIT + 1;
        let blob = [&late.to_be_bytes()[..], &key.sign(message(text, late).as_bytes())].concat();
        assert_eq!(check(key.verifier(), text, &blob), None);
        for len in [0, 7, 8, 71, 73] {
            assert_eq!(check(key.verifier(), text, &vec![0; len]), None);
        }
    }
}
