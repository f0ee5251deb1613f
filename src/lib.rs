//! auditdb
pub mod database;
pub mod disk;
mod entry;
mod error;
mod log;
pub mod proof;
pub mod record;
pub use database::{Appended, Database, Pending, VerifyOptions};
pub use entry::{At, Entry, Records};
pub use error::{Error, Result};
pub use log::{Fault, Identity, Options, Receipt, Recovery, Report, Status, TornTail, What};
