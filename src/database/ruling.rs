//! What the policy of a database says: the file as it is, and where a record would go.

use super::Database;
use super::facts::{facts_of, inside};
use super::policies::Policies;
use crate::disk::{Disk, RealDisk};
use crate::error::Result;
use crate::policy::{DEFAULT_LOG, Facts, Policy};
use crate::record::members;
use std::path::Path;
use std::sync::Arc;

/// Where a record would go, and why.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Explained {
    pub(crate) log: String,
    pub(crate) class: String,
    /// For how many months its records are kept, where the policy or this software says.
    pub(crate) months: Option<u32>,
    pub(crate) region: Option<String>,
    /// The line of the route that fits first, and what it asks for.
    pub(crate) route: Option<(usize, String)>,
    /// Whether the class or region that the record names decided against that route.
    pub(crate) own: bool,
    /// Why there was no way but the default.
    pub(crate) unrouted: Option<&'static str>,
}

impl Database {
    /// The policy file of the database at that path, as it is now; `None` if it has none.
    ///
    /// # Errors
    /// [`crate::Error::Policy`] with all its mistakes.
    pub(crate) fn policy_file(path: &Path) -> Result<Option<Arc<Policy>>> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Ok(Policies::read(&disk, path)?.current())
    }
}

impl Explained {
    /// Where the policy leads a record, given as the text of a JSON object.
    pub(crate) fn of(policy: Option<&Policy>, record: &str) -> Self {
        let line = inside(record.trim().as_bytes());
        let facts = facts_of(line, members(line), |_| None);
        match policy.filter(|policy| policy.is_routing()) {
            Some(policy) => Explained::by(policy, &facts),
            None => Explained {
                log: DEFAULT_LOG.to_owned(),
                class: "the log's own".to_owned(),
                months: None,
                region: None,
                route: None,
                own: false,
                unrouted: None,
            },
        }
    }

    fn by(policy: &Policy, facts: &Facts<'_>) -> Self {
        let way = policy.way(facts);
        let (class, region) = policy.kept_in(&way.log);
        let route = way.route.and_then(|route| policy.routes.get(route));
        Explained {
            class: class.to_owned(),
            months: policy.class(class).map(|class| class.months()),
            region: region.map(str::to_owned),
            route: route.map(|route| (route.line, route.conditions.shown())),
            own: way.own,
            unrouted: way.flag,
            log: way.log,
        }
    }
}
