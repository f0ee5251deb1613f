//! A whole question: the expression, and which part of the answer is wanted in which order.

use super::cursor::Cursor;
use super::expr::{Expr, Scalar};
use super::fault::QueryFault;
use super::parser::parse;
use super::patience::Patience;
use super::time::Zone;
use crate::record::terms::{FieldId, Named, cut, named_field, words};
use crate::record::{Kind, LOG_KINDS, Status};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// In which order records are given. Within a log it is that of their seqs, which is the order in which the log took them,
/// whatever their times say. Several logs are merged: of the records that each of them has next, the one comes first whose
/// `time` is the latest (or the earliest), and at the same time that of the newer (older) log. So where a log's times are in
/// order, the whole answer's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The last one first.
    #[default]
    Newest,
    /// The first one first.
    Oldest,
}

/// A question to a database: which records, in which order, how many of them.
///
/// ```
/// use auditdb::{Query, record::Status};
///
/// let typed = Query::new().agent("refunds").outcome(Status::Failure).text("apology email");
/// let same = Query::parse(r#"agent:refunds outcome:failure "apology email""#)?;
/// assert_eq!(typed.to_string(), same.to_string());
/// # Ok::<(), auditdb::QueryFault>(())
/// ```
///
/// The records that the log writes about itself are part of the answer only if the expression names them, by `kind`,
/// `id`, `seq`, or a member of `event` or `alert`; or with [`Query::with_log_records`].
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) expr: Expr,
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
    pub(super) order: Order,
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<Cursor>,
    pub(super) patience: Patience,
    log_records: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self::new()
    }
}

impl Query {
    /// Every record, the newest first.
    #[must_use]
    pub fn new() -> Self {
        Query {
            expr: Expr::All,
            since: None,
            until: None,
            order: Order::Newest,
            limit: None,
            cursor: None,
            patience: Patience::new(),
            log_records: false,
        }
    }

    /// The records that fit an expression.
    pub(super) fn of(expr: Expr) -> Self {
        Query { expr, ..Self::new() }
    }

    /// A query in text; times without an offset are UTC.
    ///
    /// # Errors
    /// The text cannot be read, has a name that the schema does not know, or a value that its field cannot have.
    pub fn parse(text: &str) -> Result<Self, QueryFault> {
        Self::parse_in(text, &Zone::utc())
    }

    /// A query in text; times without an offset are of that zone.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn parse_in(text: &str, zone: &Zone) -> Result<Self, QueryFault> {
        let expr = parse(text, zone)?;
        Ok(Query { expr, ..Self::new() })
    }

    /// Only records that also fit this text.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn and(mut self, text: &str) -> Result<Self, QueryFault> {
        self.expr = self.expr.and(parse(text, &Zone::utc())?);
        Ok(self)
    }

    /// Only records of that agent.
    #[must_use]
    pub fn agent(self, id: &str) -> Self {
        self.is("agent", id)
    }

    /// Only records of one of these agents; of any if none is named.
    #[cfg(feature = "server")]
    #[must_use]
    pub(crate) fn any_agent(self, ids: &[String]) -> Self {
        if ids.is_empty() {
            return self;
        }
        let each = ids.iter().map(|id| Expr::Text(field("agent"), cut(id).to_owned()));
        self.with(Expr::Or(each.collect()))
    }

    /// Only records of that kind.
    #[must_use]
    pub fn kind(self, kind: &Kind) -> Self {
        self.is("kind", kind.as_str())
    }

    /// Only records of that chain.
    #[must_use]
    pub fn correlation(self, id: &str) -> Self {
        self.is("correlation", id)
    }

    /// Only records of a chain, whichever of its ids this is: the correlation, the session or the trace.
    #[must_use]
    pub fn chain(self, id: &str) -> Self {
        let ids = ["correlation", "session", "trace"].map(|name| Expr::Text(field(name), cut(id).to_owned()));
        self.with(Expr::Or(ids.to_vec()))
    }

    /// Only records whose id begins so.
    #[cfg(feature = "cli")]
    #[must_use]
    pub(crate) fn id_begins(self, prefix: &str) -> Self {
        self.with(Expr::Prefix(field("id"), prefix.to_owned()))
    }

    /// Only records of that conversation.
    #[must_use]
    pub fn session(self, id: &str) -> Self {
        self.is("session", id)
    }

    /// Only records in which that tool was called.
    #[must_use]
    pub fn tool(self, name: &str) -> Self {
        self.is("tool", name)
    }

    /// Only records in which that policy was applied.
    #[must_use]
    pub fn policy(self, id: &str) -> Self {
        self.is("policy", id)
    }

    /// Only records that are about that subject, or touched its data.
    #[must_use]
    pub fn subject(self, token: &str) -> Self {
        self.is("subject", token)
    }

    /// Only records that ended so.
    #[must_use]
    pub fn outcome(self, status: Status) -> Self {
        self.is("outcome", status.as_str())
    }

    /// Only records in a text of which these words stand one behind the other. A text without a word changes nothing.
    #[must_use]
    pub fn text(self, phrase: &str) -> Self {
        let mut all = Vec::new();
        words(phrase, |word| all.push(word.to_owned()));
        if all.is_empty() {
            return self;
        }
        let phrase = Expr::Phrase {
            words: all,
            prefix: false,
        };
        self.with(phrase)
    }

    /// Only records with a `time` at or after that, in nanoseconds since 1970.
    #[must_use]
    pub fn since(mut self, time: i64) -> Self {
        self.since = Some(time);
        self
    }

    /// Only records with a `time` before that, in nanoseconds since 1970.
    #[must_use]
    pub fn until(mut self, time: i64) -> Self {
        self.until = Some(time);
        self
    }

    /// In that order; a cursor brings its own.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// At most so many records.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// What comes behind an earlier answer to the same query to the same logs, in the same order.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.order = cursor.order;
        self.cursor = Some(cursor);
        self
    }

    /// Looks no longer than until then; what was found is a partial answer.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.patience = self.patience.deadline(at);
        self
    }

    /// Stops looking once this is set; what was found is a partial answer.
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.patience = self.patience.cancel(flag);
        self
    }

    /// Looks only for so long; instead of [`Query::deadline`] and [`Query::cancel`].
    #[must_use]
    pub fn within(mut self, patience: &Patience) -> Self {
        self.patience = patience.clone();
        self
    }

    /// Also the records that the log writes about itself.
    #[must_use]
    pub fn with_log_records(mut self) -> Self {
        self.log_records = true;
        self
    }

    /// All that a record has to fit: the expression, the times, and not to be the log's own unless that is asked for.
    pub(crate) fn condition(&self) -> Expr {
        let mut condition = self.expr.clone();
        if (self.since, self.until) != (None, None) {
            let lower = self
                .since
                .map_or(Bound::Unbounded, |at| Bound::Included(Scalar::Time(at)));
            let upper = self
                .until
                .map_or(Bound::Unbounded, |at| Bound::Excluded(Scalar::Time(at)));
            condition = condition.and(Expr::Range(field("time"), lower, upper));
        }
        if !self.log_records && !self.expr.mentions(&asks_for_the_log) {
            let of_the_log = LOG_KINDS
                .iter()
                .map(|kind| Expr::Text(field("kind"), (*kind).to_owned()));
            condition = condition.and(Expr::Not(Box::new(Expr::Or(of_the_log.collect()))));
        }
        condition
    }

    fn is(self, name: &'static str, value: &str) -> Self {
        self.with(Expr::Text(field(name), cut(value).to_owned()))
    }

    fn with(mut self, expr: Expr) -> Self {
        self.expr = self.expr.and(expr);
        self
    }
}

/// The expression as it was understood.
impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.expr.fmt(f)
    }
}

/// The field of that name, which the table has; a test holds all that are used against it.
pub(super) fn field(name: &'static str) -> FieldId {
    match named_field(name) {
        Named::Field(id) => id,
        Named::Attribute(_) | Named::Words | Named::Unknown => FieldId::default(),
    }
}

/// Whether a field is one by which the log's own records are asked for.
fn asks_for_the_log(field: FieldId) -> bool {
    let own = |path: &String| path.starts_with("event.") || path.starts_with("alert.");
    let info = field.info();
    matches!(info.name, "kind" | "id" | "seq") || info.paths.iter().all(own)
}
