//! Counting records: in groups by what stands in them and by when they were, with figures over their numbers. `bucket`
//! cuts time into hours, days, weeks and months of a zone; `measure` is what can be asked of a group beside its count;
//! `tally` adds up.
//!
//! What must hold: a record counts once in each group that it belongs to, whatever its lists repeat; memory is bounded, and
//! an answer that had to leave something out says so.

mod bucket;
#[cfg(feature = "search")]
mod columns;
mod measure;
mod tally;

use super::askable::Logs;
use super::fault::QueryFault;
use super::question::{Order, Query};
use super::reach::Reach;
use super::scan::{Scan, WHOLE, whole};
use super::time::Zone;
use crate::log::Fault;
use crate::record::read_head;
use crate::record::terms::{FieldId, Named, attribute_term, extract, extract_whole, fields, named_field, nearest};
use bucket::Buckets;
pub use bucket::Per;
pub use measure::{Figure, Measure};
use tally::{Gather, Tally};

/// What to count; see [`crate::Database::count`].
///
/// ```
/// use auditdb::{Counting, Measure, Per, Query, Zone};
///
/// # let db = auditdb::Database::in_memory();
/// # db.append_json(r#"{"agent":{"id":"refunds"},"kind":"decision","duration_ms":5}"#)?;
/// let counting = Counting::new(Query::parse("kind:decision")?)
///     .by("agent")?
///     .per(Per::Hour, Zone::utc())
///     .measure(Measure::parse("p95(duration)")?);
/// for row in db.count(&counting)?.rows {
///     println!("{:?} {:?} {}", row.start, row.values, row.count);
/// }
/// # Ok::<(), auditdb::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Counting {
    query: Query,
    by: Vec<Column>,
    per: Option<(Per, Zone)>,
    measures: Vec<Measure>,
}

/// The groups of a count, and how far the answer goes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Counts {
    /// The groups: by time, the earliest first, then by how many records they have, the largest first.
    pub rows: Vec<CountRow>,
    /// Of how many records the answer is made.
    pub reach: Reach,
    /// Whether there were more groups, or more different values, than are kept at a time ([`Counts::LIMIT`]), or a record in
    /// more groups than count ([`Counts::GROUPS_OF_A_RECORD`]); what came after that is not in the answer.
    pub cut: bool,
}

/// One group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CountRow {
    /// When its period begins, in nanoseconds since 1970; `None` if it was not asked for periods.
    pub start: Option<i64>,
    /// The values by which it is grouped, in the order in which they were asked for; `None` for records that have none.
    pub values: Vec<Option<String>>,
    /// How many records it has.
    pub count: u64,
    /// What was asked for beside that, in that order; `None` where no record has a number there.
    pub measures: Vec<Option<f64>>,
}

impl Counts {
    /// So many groups, and so many single values for all measures together, are kept at a time.
    pub const LIMIT: usize = 1_000_000;

    /// A record counts in so many groups at most, and so many different values of each list that it is grouped by are told
    /// apart: groups of several lists are as many as the product of their lengths, and anybody may send a record.
    pub const GROUPS_OF_A_RECORD: usize = 4_096;

    /// Whether the answer leaves something out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.cut || self.reach.is_partial()
    }
}

/// Where a value stands in a record: a field, or a member of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Field(FieldId),
    /// What its terms begin with.
    Attribute(String),
}

impl Column {
    /// By a name as in queries.
    pub(super) fn named(name: &str) -> Result<Self, QueryFault> {
        match named_field(name) {
            Named::Field(field) => Ok(Column::Field(field)),
            Named::Attribute(path) => Ok(Column::Attribute(attribute_term(&path, ""))),
            Named::Words | Named::Unknown => {
                let names = fields().iter().map(|field| field.name);
                let message = format!("no member is named {name:?}; `auditdb schema --fields` lists them");
                Err(QueryFault::new(name, 0..name.len(), message).or_perhaps(nearest(name, names)))
            }
        }
    }
}

impl Counting {
    /// The most members to group by.
    pub const BY_AT_MOST: usize = 3;

    /// Counts all records that fit a query. Its order, limit and cursor do not matter.
    #[must_use]
    pub fn new(query: Query) -> Self {
        Counting {
            query,
            by: Vec::new(),
            per: None,
            measures: Vec::new(),
        }
    }

    /// Groups by that member too; up to [`Counting::BY_AT_MOST`].
    ///
    /// # Errors
    /// There is no member of that name, or there are too many.
    pub fn by(mut self, name: &str) -> Result<Self, QueryFault> {
        if self.by.len() == Self::BY_AT_MOST {
            let message = format!("records are grouped by {} members at most", Self::BY_AT_MOST);
            return Err(QueryFault::new(name, 0..name.len(), message));
        }
        self.by.push(Column::named(name)?);
        Ok(self)
    }

    /// Groups by periods of `time` too.
    #[must_use]
    pub fn per(mut self, per: Per, zone: Zone) -> Self {
        self.per = Some((per, zone));
        self
    }

    /// Asks for another figure of each group.
    #[must_use]
    pub fn measure(mut self, measure: Measure) -> Self {
        self.measures.push(measure);
        self
    }
}

/// Goes through all records that fit.
pub(crate) fn count(logs: &Logs, counting: &Counting) -> Counts {
    let mut query = counting.query.clone().order(Order::Oldest);
    (query.limit, query.cursor) = (None, None);
    let columns: Vec<Column> = counting.measures.iter().map(|measure| measure.column.clone()).collect();
    let mut gather = Gather::new(&counting.by, &columns);
    let mut buckets = counting
        .per
        .as_ref()
        .map(|(per, zone)| Buckets::new(*per, zone.clone()));
    let mut tally = Tally::new(&counting.measures);
    #[cfg(feature = "search")]
    let columns = columns::Columns::of(counting);
    let scan = |asked| Scan::new(asked, &query, WHOLE);
    let mut scans: Vec<Scan> = logs.asked.iter().map(scan).collect();
    let mut unreadable = Vec::new();
    // In which order makes no difference to a count.
    for (asked, found) in logs.asked.iter().zip(&mut scans) {
        #[cfg(feature = "search")]
        if let Some(columns) = &columns {
            columns.settle(asked, found, buckets.as_ref(), &mut tally);
        }
        for entry in found.by_ref() {
            let line = entry.text().as_bytes();
            gather.clear();
            let Some(head) = read_head(line) else { continue };
            let moved = whole(&asked.files, line, &head).unwrap_or_else(|faults| {
                unreadable.extend(faults);
                None
            });
            match moved {
                Some(members) => extract_whole(line, &members, &mut gather),
                None => extract(line, &mut gather),
            };
            let start = buckets.as_mut().map(|buckets| buckets.start_of(entry.time()));
            tally.add(start, &gather);
        }
        if found.reach().stopped.is_some() {
            break;
        }
    }
    let (rows, cut) = tally.finish();
    let mut reach = Reach {
        unasked: logs.unasked.clone(),
        ..Reach::default()
    };
    scans.iter().for_each(|scan| reach.add(scan.reach()));
    Fault::add_new(&mut reach.unreadable, unreadable);
    Counts { rows, reach, cut }
}
