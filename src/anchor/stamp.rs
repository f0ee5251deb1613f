//! The two messages of RFC 3161, byte by byte: what is asked of an authority, and its answer.
//!
//! An answer counts if it grants a token (RFC 5652 SignedData over a TSTInfo) about the digest and the number that were asked
//! with, and if a certificate within it that is for stamping times, was valid at the time it says, and has the digest that the
//! policy pins has signed that. Who issued that certificate plays no part: the policy names it by its digest. RSA with PKCS #1
//! v1.5 and EC on P-256 and P-384 are verified, with SHA-256, SHA-384 or SHA-512, whichever the library has.
//!
//! What must hold: the bytes are hostile; nothing in them is believed before [`Stamp::verify`].

use crate::log::hex;
use crate::proof::Hash;
use der::asn1::{AnyRef, Null, ObjectIdentifier, OctetString, Uint};
use der::{Decode, Encode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};
use ring::{digest, signature};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectKeyIdentifier};

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// How a signer is named by its key.
const KEY_TAG: Tag = Tag::ContextSpecific {
    constructed: false,
    number: TagNumber(0),
};

/// More certificates than this are not looked at.
const CERTIFICATES: usize = 16;

/// `TimeStampReq`: a stamp over this SHA-256, with the certificate.
#[derive(Sequence)]
struct Query {
    version: u8,
    imprint: Imprint,
    nonce: Uint,
    with_certificate: bool,
}

#[derive(Sequence)]
struct Imprint {
    algorithm: Algorithm,
    digest: OctetString,
}

#[derive(Sequence)]
struct Algorithm {
    name: ObjectIdentifier,
    parameters: Null,
}

/// The bytes of a request for a stamp over a SHA-256. The number makes the answer one to this request.
pub(super) fn query(imprint: &Hash, nonce: &[u8; 8]) -> Result<Vec<u8>, String> {
    let query = || {
        Query {
            version: 1,
            imprint: Imprint {
                algorithm: Algorithm {
                    name: SHA_256,
                    parameters: Null,
                },
                digest: OctetString::new(*imprint)?,
            },
            nonce: Uint::new(&number(nonce))?,
            with_certificate: true,
        }
        .to_der()
    };
    query().map_err(|error: der::Error| error.to_string())
}

/// The nonce as a number whose DER has as many bytes.
fn number(nonce: &[u8; 8]) -> [u8; 8] {
    let mut number = *nonce;
    if let Some(first) = number.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    number
}

/// A granted stamp.
#[derive(Debug)]
pub(super) struct Stamp<'a> {
    info: &'a [u8],
    /// In nanoseconds since 1970.
    time: i64,
    certificates: Vec<&'a [u8]>,
    signer: Signer<'a>,
}

#[derive(Debug)]
struct Signer<'a> {
    /// Which certificate it is, as it stands.
    name: &'a [u8],
    digest: ObjectIdentifier,
    /// As they stand, with the tag that they have there.
    attributes: &'a [u8],
    algorithm: ObjectIdentifier,
    signature: &'a [u8],
}

impl<'a> Stamp<'a> {
    /// Reads an answer about that SHA-256, and about that number if it is known.
    ///
    /// # Errors
    /// In words: it grants nothing, is about something else, or cannot be read.
    pub(super) fn read(answer: &'a [u8], imprint: &Hash, nonce: Option<&[u8; 8]>) -> Result<Self, String> {
        let mut whole = Parts::of(answer)?;
        let mut response = whole.sequence("the answer")?;
        whole.end("the answer")?;
        granted(&mut response)?;
        let mut content = response.sequence("the token")?;
        response.end("the token")?;
        if content.oid("the token's type")? != SIGNED_DATA {
            return Err("its token is no signed data".to_owned());
        }
        let mut data = Parts::of(content.tagged(0)?.ok_or_else(|| form("the signed data"))?)?;
        let mut signed = data.sequence("the signed data")?;
        signed.expect(Tag::Integer, "the version")?;
        let mut digests = Parts::of(signed.expect(Tag::Set, "the digests")?)?;
        let mut named = Vec::new();
        while !digests.is_done() {
            named.push(digests.sequence("the digests")?.oid("the digests")?);
        }
        let mut inner = signed.sequence("what is signed")?;
        if inner.oid("the type of what is signed")? != TST_INFO {
            return Err("what its token signs is no time stamp".to_owned());
        }
        let info = inner.tagged(0)?.ok_or_else(|| form("the time stamp"))?;
        let info = Parts::of(info)?.expect(Tag::OctetString, "the time stamp")?;
        let mut certificates = Vec::new();
        if let Some(set) = signed.tagged(0)? {
            let mut set = Parts::of(set)?;
            while !set.is_done() && certificates.len() < CERTIFICATES {
                certificates.push(set.raw("the certificates")?);
            }
        }
        signed.tagged(1)?;
        let mut signers = Parts::of(signed.expect(Tag::Set, "the signers")?)?;
        let signer = Signer::read(signers.sequence("the signer")?)?;
        signers.end("the only signer")?;
        if !named.contains(&signer.digest) {
            return Err(form("the signer's digest"));
        }
        Ok(Stamp {
            info,
            time: time_in(info, imprint, nonce)?,
            certificates,
            signer,
        })
    }

    /// When the authority says that it was, in nanoseconds since 1970.
    pub(super) fn time(&self) -> i64 {
        self.time
    }

    /// Checks that a certificate in it has signed it, if given that of this digest; and gives the digest.
    ///
    /// # Errors
    /// In words.
    pub(super) fn verify(&self, pinned: Option<&Hash>) -> Result<Hash, String> {
        self.signer.covers(self.info)?;
        let mut why = match pinned {
            Some(_) => "it is signed with another certificate than the one that the policy pins".to_owned(),
            None => "it carries no certificate".to_owned(),
        };
        for bytes in &self.certificates {
            let found: Hash = Sha256::digest(bytes).into();
            if pinned.is_some_and(|pinned| *pinned != found) {
                continue;
            }
            match self.is_signed_with(bytes) {
                Ok(()) => return Ok(found),
                Err(problem) => why = problem,
            }
        }
        if pinned.is_some() && !self.certificates.is_empty() {
            let there: Vec<String> = self
                .certificates
                .iter()
                .map(|bytes| hex(&Sha256::digest(bytes)))
                .collect();
            return Err(format!("{why} (in the answer: sha256:{})", there.join(", sha256:")));
        }
        Err(why)
    }

    fn is_signed_with(&self, bytes: &[u8]) -> Result<(), String> {
        let certificate = Certificate::from_der(bytes).map_err(|error| format!("its certificate: {error}"))?;
        let tbs = certificate.tbs_certificate();
        if !self.signer.is_named(tbs) {
            return Err("it says that another certificate has signed it".to_owned());
        }
        let usage = tbs.get_extension::<ExtendedKeyUsage>();
        let for_times = matches!(&usage, Ok(Some((_, usage))) if usage.0 == [TIME_STAMPING]);
        if !for_times {
            return Err("its certificate is not one for stamping times alone".to_owned());
        }
        let seconds = u64::try_from(self.time.div_euclid(1_000_000_000)).unwrap_or(0);
        let validity = tbs.validity();
        let (from, until) = (
            validity.not_before.to_unix_duration(),
            validity.not_after.to_unix_duration(),
        );
        if !(from.as_secs()..=until.as_secs()).contains(&seconds) {
            return Err("its certificate was not valid at the time that it says".to_owned());
        }
        let key = tbs.subject_public_key_info();
        let curve = key
            .algorithm
            .parameters
            .as_ref()
            .and_then(|curve| curve.decode_as().ok());
        let algorithm = self.signer.algorithm(key.algorithm.oid, curve)?;
        signature::UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
            .verify(&self.signer.signed_bytes(), self.signer.signature)
            .map_err(|_| "its signature is bad".to_owned())
    }
}

impl<'a> Signer<'a> {
    fn read(mut info: Parts<'a>) -> Result<Self, String> {
        info.expect(Tag::Integer, "the signer's version")?;
        let name = info.raw("the signer's name")?;
        let digest = info.sequence("the signer's digest")?.oid("the signer's digest")?;
        let attributes = info.raw("the signed attributes")?;
        if attributes.first() != Some(&0xa0) {
            return Err(form("the signed attributes"));
        }
        let algorithm = info
            .sequence("the signature's algorithm")?
            .oid("the signature's algorithm")?;
        let signature = info.expect(Tag::OctetString, "the signature")?;
        Ok(Signer {
            name,
            digest,
            attributes,
            algorithm,
            signature,
        })
    }

    /// Whether it says that it is this certificate: by who issued it and its number, or by its key.
    fn is_named(&self, certificate: &TbsCertificate) -> bool {
        let by_number = || {
            let mut name = Parts::of(self.name).ok()?.sequence("the signer's name").ok()?;
            let issuer = name.raw("the issuer").ok()?;
            let number = name.expect(Tag::Integer, "the number").ok()?;
            let issued = certificate.issuer().to_der().ok()?;
            Some(issued == issuer && certificate.serial_number().as_bytes() == number)
        };
        let by_key = || {
            let key = certificate.get_extension::<SubjectKeyIdentifier>().ok()??.1;
            let name: AnyRef<'_> = SliceReader::new(self.name).ok()?.decode().ok()?;
            Some(name.tag() == KEY_TAG && key.0.as_bytes() == name.value())
        };
        by_number().or_else(by_key).unwrap_or(false)
    }

    /// The attributes in the form in which they are signed: as a set of their own.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = self.attributes.to_vec();
        if let Some(tag) = bytes.first_mut() {
            *tag = 0x31;
        }
        bytes
    }

    /// The signed attributes are about this.
    fn covers(&self, info: &[u8]) -> Result<(), String> {
        let (mut types, mut digests, mut certificates) = (Vec::new(), Vec::new(), 0);
        let mut attributes = Parts::of(Parts::of(self.attributes)?.tagged(0)?.unwrap_or_default())?;
        while !attributes.is_done() {
            let mut attribute = attributes.sequence("an attribute")?;
            let (name, values) = (
                attribute.oid("an attribute")?,
                attribute.expect(Tag::Set, "an attribute's values")?,
            );
            match name {
                CONTENT_TYPE => types.push(Parts::of(values)?.oid("the attribute of the type")?),
                MESSAGE_DIGEST => {
                    digests.push(Parts::of(values)?.expect(Tag::OctetString, "the attribute of the digest")?)
                }
                SIGNING_CERTIFICATE | SIGNING_CERTIFICATE_V2 => certificates += 1,
                _ => {}
            }
        }
        if certificates == 0 {
            return Err(form("the signed name of the certificate"));
        }
        let with = match self.digest {
            SHA_256 => &digest::SHA256,
            SHA_384 => &digest::SHA384,
            SHA_512 => &digest::SHA512,
            other => return Err(not_checked(&other)),
        };
        if types != [TST_INFO] || digests != [digest::digest(with, info).as_ref()] {
            return Err("what it has signed is not the time stamp in it".to_owned());
        }
        Ok(())
    }

    /// What verifies the signature with a key of that kind.
    fn algorithm(
        &self,
        key: ObjectIdentifier,
        curve: Option<ObjectIdentifier>,
    ) -> Result<&'static dyn signature::VerificationAlgorithm, String> {
        Ok(match (key, curve, self.algorithm, self.digest) {
            (RSA, _, RSA | RSA_SHA_256, SHA_256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (RSA, _, RSA | RSA_SHA_384, SHA_384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (RSA, _, RSA | RSA_SHA_512, SHA_512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (EC, Some(P_256), ECDSA_SHA_256, SHA_256) => &signature::ECDSA_P256_SHA256_ASN1,
            (EC, Some(P_256), ECDSA_SHA_384, SHA_384) => &signature::ECDSA_P256_SHA384_ASN1,
            (EC, Some(P_384), ECDSA_SHA_256, SHA_256) => &signature::ECDSA_P384_SHA256_ASN1,
            (EC, Some(P_384), ECDSA_SHA_384, SHA_384) => &signature::ECDSA_P384_SHA384_ASN1,
            _ => return Err(not_checked(&self.algorithm)),
        })
    }
}

/// Goes on behind the status, if that grants a stamp.
fn granted(response: &mut Parts<'_>) -> Result<(), String> {
    let mut status = response.sequence("the status")?;
    let code = status.expect(Tag::Integer, "the status")?;
    if matches!(code, [0 | 1]) {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(texts) = status.optional(Tag::Sequence)? {
        let mut texts = Parts::of(texts)?;
        while !texts.is_done() {
            said.push_str(&String::from_utf8_lossy(
                texts.expect(Tag::Utf8String, "the status's text")?,
            ));
            said.push(' ');
        }
    }
    let failure = status.optional(Tag::BitString)?.map(hex).unwrap_or_default();
    Err(format!(
        "it refuses (status {}, failure {failure:?}) {}",
        hex(code),
        said.trim()
    ))
}

/// The time in a `TSTInfo` about that digest and that number.
fn time_in(info: &[u8], imprint: &Hash, nonce: Option<&[u8; 8]>) -> Result<i64, String> {
    let mut whole = Parts::of(info)?;
    let mut info = whole.sequence("the time stamp")?;
    whole.end("the time stamp")?;
    info.expect(Tag::Integer, "the time stamp's version")?;
    info.oid("the authority's policy")?;
    let mut stamped = info.sequence("the imprint")?;
    let algorithm = stamped
        .sequence("the imprint's algorithm")?
        .oid("the imprint's algorithm")?;
    if algorithm != SHA_256 || stamped.expect(Tag::OctetString, "the imprint")? != imprint {
        return Err("it stamps something else".to_owned());
    }
    info.expect(Tag::Integer, "the serial number")?;
    let time = info.expect(Tag::GeneralizedTime, "the time")?;
    info.optional(Tag::Sequence)?;
    info.optional(Tag::Boolean)?;
    let answered = info.optional(Tag::Integer)?;
    if let Some(nonce) = nonce
        && answered != Some(number(nonce).as_slice())
    {
        return Err("it answers another request: the nonce differs".to_owned());
    }
    nanoseconds(time).ok_or_else(|| form("the time"))
}

/// `YYYYMMDDhhmmss[.f…]Z`, in nanoseconds since 1970.
fn nanoseconds(time: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(time).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let part = |from: usize, to: usize| whole.get(from..to).unwrap_or_default();
    let (date, clock) = (
        (part(0, 4), part(4, 6), part(6, 8)),
        (part(8, 10), part(10, 12), part(12, 14)),
    );
    let text = format!(
        "{}-{}-{}T{}:{}:{}.{fraction}Z",
        date.0, date.1, date.2, clock.0, clock.1, clock.2
    );
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// The parts of a value, one after the other.
struct Parts<'a>(SliceReader<'a>);

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        SliceReader::new(bytes)
            .map(Parts)
            .map_err(|_| form("something longer than DER has"))
    }

    fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    fn end(self, what: &str) -> Result<(), String> {
        if self.is_done() { Ok(()) } else { Err(form(what)) }
    }

    /// The content of the next part, which has to be of that kind.
    fn expect(&mut self, tag: Tag, what: &str) -> Result<&'a [u8], String> {
        let part: AnyRef<'a> = self.0.decode().map_err(|_| form(what))?;
        if part.tag() == tag {
            Ok(part.value())
        } else {
            Err(form(what))
        }
    }

    fn optional(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, String> {
        match Tag::peek(&self.0) {
            Ok(next) if next == tag => self.expect(tag, "an optional part").map(Some),
            _ => Ok(None),
        }
    }

    /// The content of the part with that number, if it is next.
    fn tagged(&mut self, number: u32) -> Result<Option<&'a [u8]>, String> {
        self.optional(Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(number),
        })
    }

    fn sequence(&mut self, what: &str) -> Result<Parts<'a>, String> {
        Parts::of(self.expect(Tag::Sequence, what)?)
    }

    fn oid(&mut self, what: &str) -> Result<ObjectIdentifier, String> {
        self.0.decode().map_err(|_| form(what))
    }

    /// The next part as it stands.
    fn raw(&mut self, what: &str) -> Result<&'a [u8], String> {
        self.0.tlv_bytes().map_err(|_| form(what))
    }
}

fn form(what: &str) -> String {
    format!("{what} is not in the form of RFC 3161")
}

fn not_checked(algorithm: &ObjectIdentifier) -> String {
    format!("it is signed with {algorithm}, which is not checked here; `openssl ts -verify` may")
}

#[cfg(test)]
mod tests;
