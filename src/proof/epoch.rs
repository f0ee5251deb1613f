//! The ratchet of epochs: a chain of Ed25519 keys of which only the newest exists. Each epoch signs how far the log is and
//! which key comes next; then its secret is replaced by one that follows from it and from which it cannot be computed.
//! Whoever takes all secrets of a machine at some moment can sign what comes, and nothing of what was.
//!
//! `seed[e+1] = BLAKE3-derive-key("auditdb epoch v1", seed[e])`, and epoch e signs with the Ed25519 key of RFC 8032 that
//! has the secret `BLAKE3-derive-key("auditdb epoch signing v1", seed[e])`: two contexts, so that no signature is made with
//! bytes from which the next seed follows.
//!
//! What must hold: a seed is wiped when it is dropped; a statement has one encoding; a signature of one epoch fits no
//! other, and no other log.

use super::tree::Hash;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

/// The secret of one epoch.
pub(crate) struct EpochKey {
    number: u64,
    seed: Zeroizing<[u8; 32]>,
}

impl EpochKey {
    /// The key of an epoch from its secret.
    pub(crate) fn new(number: u64, seed: Zeroizing<[u8; 32]>) -> Self {
        EpochKey { number, seed }
    }

    /// Which epoch it signs for, from 0.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The secret, to be kept.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    pub(crate) fn public(&self) -> [u8; 32] {
        self.signing().verifying_key().to_bytes()
    }

    /// The key of the next epoch.
    pub(crate) fn next(&self) -> Self {
        EpochKey {
            number: self.number + 1,
            seed: Zeroizing::new(blake3::derive_key("auditdb epoch v1", &*self.seed)),
        }
    }

    /// Signs a statement of this epoch.
    pub(crate) fn sign(&self, statement: &EpochStatement) -> [u8; 64] {
        self.signing().sign(&statement.to_bytes()).to_bytes()
    }

    fn signing(&self) -> SigningKey {
        let secret = Zeroizing::new(blake3::derive_key("auditdb epoch signing v1", &*self.seed));
        SigningKey::from_bytes(&secret)
    }
}

impl std::fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EpochKey({}, secret)", self.number)
    }
}

/// What an epoch signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EpochStatement {
    pub(crate) log_id: [u8; 16],
    pub(crate) epoch: u64,
    /// How far the log is before the record that holds the signature.
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) chain: Hash,
    /// When that record was logged, in nanoseconds since 1970.
    pub(crate) logged: i64,
    /// The public key of the next epoch.
    pub(crate) next_key: [u8; 32],
}

impl EpochStatement {
    /// The bytes that are signed: context, a zero byte, then the fields, numbers little-endian.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = b"auditdb epoch v1\0".to_vec();
        bytes.extend_from_slice(&self.log_id);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&self.root);
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&self.logged.to_le_bytes());
        bytes.extend_from_slice(&self.next_key);
        bytes
    }

    /// Whether the epoch with that public key has signed it. Strict: no key or commitment of small order.
    pub(crate) fn is_signed_by(&self, public: &[u8; 32], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(&self.to_bytes(), &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(epoch: u64) -> EpochStatement {
        EpochStatement {
            log_id: [1; 16],
            epoch,
            size: 7,
            root: [2; 32],
            chain: [3; 32],
            logged: -4,
            next_key: [5; 32],
        }
    }

    #[test]
    fn each_epoch_signs_with_its_own_key() {
        let first = EpochKey::new(0, Zeroizing::new([9; 32]));
        let second = first.next();
        assert_eq!(
            (second.number(), second.seed()),
            (1, &blake3::derive_key("auditdb epoch v1", &[9; 32]))
        );
        let signature = first.sign(&statement(0));
        assert!(statement(0).is_signed_by(&first.public(), &signature));
        assert!(!statement(0).is_signed_by(&second.public(), &signature));
        assert!(!statement(1).is_signed_by(&first.public(), &signature));
    }

    #[test]
    fn every_bit_of_the_statement_is_signed() {
        let key = EpochKey::new(0, Zeroizing::new([9; 32]));
        let signature = key.sign(&statement(0));
        assert_eq!(statement(0).to_bytes().len(), 17 + 16 + 8 + 8 + 32 + 32 + 8 + 32);
        let changes: [fn(&mut EpochStatement); 7] = [
            |s| s.log_id[15] ^= 1,
            |s| s.epoch ^= 1,
            |s| s.size ^= 1,
            |s| s.root[31] ^= 1,
            |s| s.chain[0] ^= 1,
            |s| s.logged ^= 1,
            |s| s.next_key[0] ^= 1,
        ];
        for change in changes {
            let mut changed = statement(0);
            change(&mut changed);
            assert!(!changed.is_signed_by(&key.public(), &signature));
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = EpochKey::new(3, Zeroizing::new([9; 32]));
        assert_eq!(format!("{key:?}"), "EpochKey(3, secret)");
    }
}
