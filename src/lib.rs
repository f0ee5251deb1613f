//! auditdb
pub mod disk;
mod error;
mod log;
mod proof;
pub mod record;
pub use error::{Error, Result};
