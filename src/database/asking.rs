//! Asking a database: one log at a time, or all of them for what goes on from one into the next.

use super::{Database, Indexes, lineage};
use crate::entry::Entry;
use crate::error::Result;
use crate::log::{Fault, Options, Reading, What};
use crate::query::{self, Askable, Counting, Counts, Found, Query, Trace};
use std::sync::Arc;

impl Database {
    /// The records that fit a query, found one after the other while they are asked for. What cannot be read is stepped
    /// over and named in [`Found::reach`], which says at the end how far the answer goes.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// use auditdb::{Order, Query};
    ///
    /// db.append_json(r#"{"agent":{"id":"refunds"},"kind":"decision","outcome":{"status":"failure"}}"#)?;
    /// let mut found = db.query(&Query::parse("agent:refunds outcome:failure")?.order(Order::Oldest).limit(20))?;
    /// for entry in found.by_ref() {
    ///     println!("{}", entry?.text());
    /// }
    /// assert!(!found.reach().is_partial());
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The files cannot be listed, or the query's cursor came from another log ([`crate::Error::OtherCursor`]).
    pub fn query(&self, query: &Query) -> Result<Found> {
        self.refresh()?;
        Found::new(&self.askable(), query)
    }

    /// Counts records in groups; see [`Counting`].
    ///
    /// # Errors
    /// As [`Database::query`].
    pub fn count(&self, counting: &Counting) -> Result<Counts> {
        self.refresh()?;
        query::count(&self.askable(), counting)
    }

    /// The chains of decisions that these records belong to, whole: all records of their correlation (or, where they have
    /// none, their trace), what those came from and what came of them, by parent and links, over all logs of the database.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// let first = r#"{"id":"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071","agent":{"id":"a"},"kind":"decision","correlation":"c"}"#;
    /// db.append_json(first)?;
    /// let call = r#"{"agent":{"id":"a"},"kind":"tool_call","parent":"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"}"#;
    /// let call = db.append_json(call)?;
    /// let trace = db.trace(&[db.get(call.seq)?])?;
    /// let shown: Vec<_> = trace.steps.iter().map(|step| (step.depth, step.entry.kind())).collect();
    /// assert_eq!(shown, [(0, "decision".to_owned()), (1, "tool_call".to_owned())]);
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The files cannot be listed or read. Damaged ones are stepped over and named in the answer.
    pub fn trace(&self, records: &[Entry]) -> Result<Trace> {
        self.refresh()?;
        let (logs, unreadable) = self.with_other_logs();
        let mut trace = query::trace(&logs, records.to_vec())?;
        trace.unreadable.extend(unreadable);
        Ok(trace)
    }

    fn askable(&self) -> Askable {
        self.inner.indexes.askable(self.files())
    }

    /// This log and the others of the database, and what of them cannot be opened.
    fn with_other_logs(&self) -> (Vec<Askable>, Vec<Fault>) {
        let (path, disk, options) = (&self.inner.path, &self.inner.disk, Options::default());
        let (mut logs, mut faults) = (vec![self.askable()], Vec::new());
        let own = self.identity().name();
        let mut names = lineage::all(&**disk, path, &self.inner.options).unwrap_or_default();
        // One that is gone is missed as well as one that cannot be read.
        names.extend(
            lineage::before(own)
                .into_iter()
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
        for name in names.iter().filter(|name| *name != own) {
            let layout = lineage::layout(path, name, &options);
            let root = layout.root().to_owned();
            match Reading::open(Arc::clone(disk), layout) {
                Ok(reading) => logs.push(Indexes::of_a_reader(&options).askable(Arc::clone(reading.files()))),
                Err(error) => faults.push(Fault::new(root, What::Unreadable(error.to_string()))),
            }
        }
        (logs, faults)
    }
}
