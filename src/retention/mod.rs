//! Retention: which sealed segments may be dropped because the time has passed for which they were promised to be kept,
//! and dropping them. `fate` decides, `retain` does it; how a segment goes without taking a proof with it is the log's
//! own (`log::dropping`).
//!
//! What must hold: only whole segments go, from the beginning of the log on; never one of which any record's time has
//! not passed, never one that is held or stands behind one that stays; and a clock that went wrong makes nothing expire.

mod fate;
mod hold;
mod retain;

pub(crate) use fate::oldest;
pub(crate) use hold::{HoldAsked, check, hold_through_the_door};
pub(crate) use retain::{Asked, through_the_door};
pub use retain::{DroppedSegment, KeptSegment, RetainOptions, Retained};
