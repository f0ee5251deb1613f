//! Asking a database: one log at a time, or all of them for what goes on from one into the next.

use super::{Database, Indexes, lineage};
use crate::entry::Entry;
use crate::error::Result;
use crate::log::{Fault, Options, Reading, What};
use crate::query::{self, Askable, Comparison, Counting, Counts, Found, Lint, Query, Trace, Why, Without};
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

    /// All that the log has about one decision: what came in, what the agent knew, its reasoning and rules, what was done,
    /// how it ended and what came after, each with the record that says so; and what is not on record. Of several records it
    /// is about the last one with an `action`, else the last one with a `decision`, else the last. `None` of no records.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// let decided = r#"{"agent":{"id":"a"},"kind":"decision","decision":{"name":"pay"},"reasoning":"It is due."}"#;
    /// let decided = db.append_json(decided)?;
    /// let why = db.why(&[db.get(decided.seq)?])?.expect("there is a record");
    /// assert_eq!(why.title, "a decision pay");
    /// assert!(why.sections.iter().any(|section| section.name == "reasoning"));
    /// assert!(why.missing.iter().any(|missing| missing.contains("names no policy")));
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The files cannot be listed or read. Damaged ones are stepped over and named in the answer.
    pub fn why(&self, records: &[Entry]) -> Result<Option<Why>> {
        self.refresh()?;
        let (logs, unreadable) = self.with_other_logs();
        let mut why = query::why(&logs, records)?;
        if let Some(why) = &mut why {
            why.unreadable.extend(unreadable);
        }
        Ok(why)
    }

    /// The chains that these and those records belong to, side by side: the steps that belong together, by their kind, agent
    /// and name and in order, and what differs in them. Ids, times, durations and what a call cost are no differences.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// let decided = |chain: &str, version: u8| {
    ///     let policy = format!(r#"[{{"id":"discount-limit","version":"{version}"}}]"#);
    ///     db.append_json(&format!(r#"{{"agent":{{"id":"a"}},"kind":"decision","correlation":"{chain}","policies":{policy}}}"#))
    /// };
    /// let (a, b) = (decided("a", 2)?, decided("b", 3)?);
    /// let found = db.diff(&[db.get(a.seq)?], &[db.get(b.seq)?])?;
    /// assert_eq!(found.first(), Some(0));
    /// assert_eq!(found.pairs[0].changes[0].member, "policy discount-limit version");
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The files cannot be listed or read. Damaged ones are stepped over and named in the answer.
    pub fn diff(&self, a: &[Entry], b: &[Entry]) -> Result<Comparison> {
        self.diff_without(a, b, &Without::new())
    }

    /// The same as [`Database::diff`], without members whose differences are of no interest.
    ///
    /// # Errors
    /// As [`Database::diff`].
    pub fn diff_without(&self, a: &[Entry], b: &[Entry], without: &Without) -> Result<Comparison> {
        self.refresh()?;
        let (logs, unreadable) = self.with_other_logs();
        let mut found = query::diff(&logs, a, b, without)?;
        found.unreadable.extend(unreadable);
        Ok(found)
    }

    /// What the records of this log that fit a query lack: for each agent and kind, how many of them have policies, reasoning,
    /// access, outcome, parent, correlation and source, where these matter.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// use auditdb::{Member, Query};
    ///
    /// db.append_json(r#"{"agent":{"id":"refunds"},"kind":"decision","reasoning":"It is due."}"#)?;
    /// let lint = db.lint(&Query::new())?;
    /// assert!(lint.findings().iter().any(|finding| finding.member == Member::Policy));
    /// assert!(!lint.findings().iter().any(|finding| finding.member == Member::Reasoning));
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::query`].
    pub fn lint(&self, query: &Query) -> Result<Lint> {
        self.refresh()?;
        query::lint(&self.askable(), query)
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
