//! What goes wrong at work: the errors that tools and models give.

use super::chance::Chance;
use super::prose::{Case, filled};
use crate::record::ErrorDetail;

/// One way to fail.
#[derive(Debug)]
pub(super) struct Fault {
    name: &'static str,
    message: &'static str,
    code: &'static str,
    /// Whether another attempt may succeed.
    pub(super) retryable: bool,
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "timeout",
        message: "no answer within <nnnn> ms (while waiting for headers|after <n> kB of body|from pool <nn>)",
        code: "ETIMEDOUT",
        retryable: true,
    },
    Fault {
        name: "rate_limited",
        message: "too many requests: <nnn> in the last minute, limit <nnn>; try again in <nn> s, request <long>",
        code: "429",
        retryable: true,
    },
    Fault {
        name: "unavailable",
        message: "upstream (restarts|drains|has no healthy backend), node <nn>, request <long>",
        code: "503",
        retryable: true,
    },
    Fault {
        name: "conflict",
        message: "version <nnn> of <ref> was expected and <nnn> was found; it was changed at <at>",
        code: "409",
        retryable: true,
    },
    Fault {
        name: "invalid_argument",
        message: "field '(until|limit|reference|amount)' (is not|cannot be) (empty|larger than <nnnn>|of that type), see schema <n>.<nn>",
        code: "422",
        retryable: false,
    },
    Fault {
        name: "not_found",
        message: "nothing under <ref>-<nn>; (it was merged into <token>|it was moved to the archive on <date>)",
        code: "404",
        retryable: false,
    },
];

/// One of the faults; the first ones far more often.
pub(super) fn any(chance: &mut Chance) -> Option<&'static Fault> {
    let place = chance.skewed(0, FAULTS.len() as u64 - 1);
    FAULTS.get(usize::try_from(place).ok()?)
}

impl Fault {
    /// The error as the record holds it.
    pub(super) fn error(&self, case: &Case, chance: &mut Chance) -> ErrorDetail {
        let message = filled(self.message, case, chance);
        ErrorDetail::new()
            .type_(self.name)
            .message(message)
            .code(self.code)
            .retryable(self.retryable)
    }
}
