//! Answers that `openssl ts` gave to the query of this module, by authorities with an EC and an RSA key.

use super::*;
use proptest::prelude::*;

const EC_ANSWER: &[u8] = include_bytes!("../../../tests/interop/vectors/ec.tsr");
const RSA_ANSWER: &[u8] = include_bytes!("../../../tests/interop/vectors/rsa.tsr");
const EC_PIN: &str = "cc4f15d632f1228fd0aa5b25cf04d9dc21ce5ac90dc5915a74766614f6701e54";
const RSA_PIN: &str = "90a0b57e971a6bd6fe6ec2f0baa31cce2da0ec3413e99cb13abb4685d2e5ac1f";
const NONCE: [u8; 8] = [0x41, 2, 3, 4, 5, 6, 7, 8];

fn imprint() -> Hash {
    Sha256::digest(b"auditdb\n").into()
}

fn pin(text: &str) -> Hash {
    crate::log::unhex(text).unwrap()
}

#[test]
fn the_query_byte_for_byte() {
    let expected = "30430201013031300d060960864801650304020105000420ab4f044a73a6f4c3bf6e97e14c5c3929131bb6c7cfae4afc7cae49f7\
                    ed44ad20020841020304050607080101ff";
    assert_eq!(hex(&query(&imprint(), &NONCE).unwrap()), expected);
    // Whatever the random bytes are, the number has eight of its own.
    assert_eq!(number(&[0xff; 8])[0], 0x7f);
    assert_eq!(number(&[0; 8])[0], 0x40);
}

#[test]
fn answers_of_real_authorities() {
    for (answer, text, at) in [(EC_ANSWER, EC_PIN, 1_795_793_868), (RSA_ANSWER, RSA_PIN, 1_795_793_869)] {
        let stamp = Stamp::read(answer, &imprint(), Some(&NONCE)).unwrap();
        assert_eq!(stamp.time(), at * 1_000_000_000);
        assert_eq!(stamp.verify(Some(&pin(text))), Ok(pin(text)));
        assert_eq!(stamp.verify(None), Ok(pin(text)));
        let other = stamp.verify(Some(&[0; 32])).unwrap_err();
        assert!(other.contains("another certificate") && other.contains(text), "{other}");
        let another = Stamp::read(answer, &[9; 32], Some(&NONCE)).unwrap_err();
        assert_eq!(another, "it stamps something else");
        let replayed = Stamp::read(answer, &imprint(), Some(&[0x42; 8])).unwrap_err();
        assert!(replayed.contains("nonce"), "{replayed}");
    }
}

/// With any bit changed it is refused, or says what it said before.
#[test]
fn every_bit_of_an_answer() {
    for (answer, text) in [(EC_ANSWER, EC_PIN), (RSA_ANSWER, RSA_PIN)] {
        let (mut bytes, mut taken) = (answer.to_vec(), 0);
        let at = Stamp::read(answer, &imprint(), Some(&NONCE)).unwrap().time();
        for place in 0..bytes.len() * 8 {
            bytes[place / 8] ^= 1 << (place % 8);
            if let Ok(stamp) = Stamp::read(&bytes, &imprint(), Some(&NONCE))
                && stamp.verify(Some(&pin(text))).is_ok()
            {
                assert_eq!(stamp.time(), at, "bit {place}");
                taken += 1;
            }
            bytes[place / 8] ^= 1 << (place % 8);
        }
        // Who the signer says it is, and versions, which nothing relies on.
        assert!(taken < answer.len() * 2, "{taken}");
        for len in 0..answer.len() {
            assert!(Stamp::read(&answer[..len], &imprint(), None).is_err());
        }
    }
}

#[test]
fn times() {
    assert_eq!(nanoseconds(b"19700101000001Z"), Some(1_000_000_000));
    assert_eq!(nanoseconds(b"19700101000001.5Z"), Some(1_500_000_000));
    for hostile in [
        &b""[..],
        b"Z",
        b"19700101000001",
        b"19700101000001+0100",
        b"1970010100000Z",
        b"19701301000001Z",
        b"19700101000001.Z",
        b"19700101000001.0000000001Z",
        b"99991231235959Z",
        b"+9700101000001Z",
    ] {
        assert_eq!(nanoseconds(hostile), None, "{}", String::from_utf8_lossy(hostile));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Stamp::read(&bytes, &imprint(), None);
    }

    #[test]
    fn no_splice_panics(from in 0_usize..906, len in 0_usize..40, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let to = (from + len).min(EC_ANSWER.len());
        let spliced = [&EC_ANSWER[..from], &bytes, &EC_ANSWER[to..]].concat();
        if let Ok(stamp) = Stamp::read(&spliced, &imprint(), None) {
            let _ = stamp.verify(Some(&pin(EC_PIN)));
        }
    }
}
