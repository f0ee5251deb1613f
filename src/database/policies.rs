//! The policy file of an open database: read when it is opened, and again when it has changed.
//!
//! What must hold: a policy is recorded in a log before anything is done there by it; a file with mistakes changes nothing
//! in a database that is open, and keeps one from being opened.

use super::facts::lead;
use super::{Database, lineage};
use crate::disk::Disk;
use crate::error::Result;
use crate::log::{Options, Router, TakenUp, parse_policy, read_policy};
use crate::policy::{DEFAULT_LOG, POLICY_FILE, Policy, digest};
use crate::query::{Order, Query};
use crate::record::Prepared;
use parking_lot::RwLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The policy that an open database goes by.
#[derive(Debug)]
pub(super) struct Policies {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    shared: Arc<Shared>,
    /// When the file was looked at last, in nanoseconds of the clock that never steps.
    looked: AtomicU64,
}

/// What is known to the doors of all logs as well.
#[derive(Debug)]
struct Shared {
    current: RwLock<Current>,
}

#[derive(Debug, Clone)]
struct Current {
    /// None if there is no file.
    policy: Option<Arc<Policy>>,
    /// The file as it was read last, also if it was not taken up.
    seen: Option<Vec<u8>>,
}

/// The file is looked at this often, in nanoseconds.
const OFTEN_NS: u64 = 1_000_000_000;

impl Policies {
    /// Reads the policy of the database at that path.
    pub(super) fn read(disk: &Arc<dyn Disk>, path: &Path) -> Result<Self> {
        let path = path.join(POLICY_FILE);
        let seen = read_policy(&**disk, &path)?;
        let policy = seen.as_deref().map(|bytes| parse_policy(&path, bytes)).transpose()?;
        let current = Current {
            policy: policy.map(Arc::new),
            seen,
        };
        Ok(Policies {
            looked: AtomicU64::new(disk.monotonic()),
            disk: Arc::clone(disk),
            path,
            shared: Arc::new(Shared {
                current: RwLock::new(current),
            }),
        })
    }

    pub(super) fn current(&self) -> Option<Arc<Policy>> {
        self.shared.current.read().policy.clone()
    }

    /// Another policy than the current one, if the file holds one now, and was not looked at just before.
    pub(super) fn changed(&self) -> Option<Option<Arc<Policy>>> {
        let (now, looked) = (self.disk.monotonic(), self.looked.load(Ordering::Relaxed));
        if now.saturating_sub(looked) < OFTEN_NS {
            return None;
        }
        let first = self
            .looked
            .compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed);
        first.ok()?;
        // One that cannot be read is as good as one with mistakes.
        let seen = read_policy(&*self.disk, &self.path).ok()?;
        if self.shared.current.read().seen == seen {
            return None;
        }
        let policy = seen.as_deref().map(|bytes| parse_policy(&self.path, bytes)).transpose();
        self.shared.current.write().seen = seen;
        Some(policy.ok()?.map(Arc::new))
    }

    /// Goes by another policy from here on.
    pub(super) fn set(&self, policy: Option<Arc<Policy>>) {
        self.shared.current.write().policy = policy;
    }

    /// Tells the doors of the logs which records belong elsewhere.
    pub(super) fn router(&self) -> Arc<dyn Router> {
        Arc::clone(&self.shared) as Arc<dyn Router>
    }
}

impl Router for Shared {
    fn flag(&self, log: &str, record: &Prepared) -> Option<String> {
        let policy = self.current.read().policy.clone()?;
        if !policy.is_routing() {
            return None;
        }
        let way = lead(&policy, record);
        let elsewhere = way.log != lineage::line_of(log);
        let flag = way
            .flag
            .or(elsewhere.then_some("sent here by a process with another policy"));
        flag.map(str::to_owned)
    }
}

/// Options for the line of logs of that name, by what the policy says of it.
pub(super) fn options_of(mut options: Options, policy: Option<Arc<Policy>>, line: &str) -> Options {
    let Some(policy) = policy else {
        options.policy = Some(TakenUp::default());
        return options;
    };
    let (class, region) = policy.kept_in(line);
    // The first log keeps its own class unless the file says another.
    let said = line != DEFAULT_LOG || policy.logs.get(line).is_some_and(|rule| rule.class.is_some());
    if said && options.class.is_none() {
        options.class = policy.class(class);
    }
    options.policy = Some(TakenUp {
        file: Some((policy.digest(), policy.text.clone())),
        region: region.map(str::to_owned),
    });
    options
}

impl Database {
    /// The text of the policy that was taken up last, as the log says; `None` if none was, or its record was dropped.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn policy_in_force(&self) -> Result<Option<String>> {
        let (disk, path) = (&self.inner.disk, &self.inner.path);
        let (name, _) = lineage::newest(&**disk, path, &Options::default())?;
        let log = Database::open_log_with(path, Arc::clone(disk), &name)?;
        let query = Query::parse("event:policy")?.order(Order::Newest).limit(1);
        let Some(entry) = log.query(&query)?.next().transpose()? else {
            return Ok(None);
        };
        let record: serde_json::Value = serde_json::from_str(entry.text()).unwrap_or_default();
        let text = record.pointer("/event/text").and_then(serde_json::Value::as_str);
        Ok(text.map(str::to_owned))
    }
}

/// What stands in the place of the policy that is in force, if it is another: the digest of the file, or that there is none.
pub(super) fn edited(disk: &dyn Disk, path: &Path, in_force: Option<&str>) -> Result<Option<String>> {
    let found = read_policy(disk, &path.join(POLICY_FILE))?.map(|bytes| digest(&bytes));
    Ok((found.as_deref() != in_force).then(|| found.unwrap_or_else(|| "none".to_owned())))
}
