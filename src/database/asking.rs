//! Asking a database: all its logs, or the one that a handle is of ([`Database::open_log`]).

use super::Database;
use super::others::Member;
use crate::entry::Entry;
use crate::error::Result;
use crate::query::{self, Comparison, Counting, Counts, Found, Lint, Logs, Patience, Query, Trace, Why, Without};

impl Database {
    /// The records that fit a query in all logs of the database, found one after the other while they are asked for; each
    /// says which log it is in ([`Entry::log`]), and [`crate::Order`] in which order they come. What cannot be read is
    /// stepped over and named in [`Found::reach`], which says at the end how far the answer goes; so is a log that cannot
    /// be asked. A handle from [`Database::open_log`] asks only that log.
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
    /// Pages go on behind a cursor, also while records are appended and sealed:
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// use auditdb::{Cursor, Order, Query};
    ///
    /// for _ in 0..5 {
    ///     db.append_json(r#"{"agent":{"id":"refunds"},"kind":"decision"}"#)?;
    /// }
    /// let page = Query::parse("agent:refunds")?.order(Order::Oldest).limit(3);
    /// let mut first = db.query(&page)?;
    /// assert_eq!(first.by_ref().count(), 3);
    /// let cursor = first.cursor().expect("there is more").to_string();
    /// db.append_json(r#"{"agent":{"id":"refunds"},"kind":"decision"}"#)?;
    /// let cursor: Cursor = cursor.parse().expect("it is one");
    /// assert_eq!(db.query(&page.after(cursor))?.count(), 3);
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// The handle's own log cannot be read, or the query's cursor came from other logs ([`crate::Error::OtherCursor`]).
    pub fn query(&self, query: &Query) -> Result<Found> {
        Found::new(&self.logs_to_ask()?, query)
    }

    /// Counts records of all logs in groups; see [`Counting`].
    ///
    /// # Errors
    /// As [`Database::query`].
    pub fn count(&self, counting: &Counting) -> Result<Counts> {
        Ok(query::count(&self.logs_to_ask()?, counting))
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
        self.trace_within(records, &Patience::new())
    }

    /// As [`Database::trace`], for so long as somebody waits for it.
    ///
    /// # Errors
    /// As [`Database::trace`].
    pub fn trace_within(&self, records: &[Entry], patience: &Patience) -> Result<Trace> {
        query::trace(&self.logs_to_ask()?, records.to_vec(), patience)
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
        self.why_within(records, &Patience::new())
    }

    /// As [`Database::why`], for so long as somebody waits for it.
    ///
    /// # Errors
    /// As [`Database::why`].
    pub fn why_within(&self, records: &[Entry], patience: &Patience) -> Result<Option<Why>> {
        query::why(&self.logs_to_ask()?, records, patience)
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
        self.diff_without(a, b, &Without::new(), &Patience::new())
    }

    /// As [`Database::diff`], without members whose differences are of no interest, and for so long as somebody waits for it.
    ///
    /// # Errors
    /// As [`Database::diff`].
    pub fn diff_without(&self, a: &[Entry], b: &[Entry], without: &Without, patience: &Patience) -> Result<Comparison> {
        query::diff(&self.logs_to_ask()?, a, b, without, patience)
    }

    /// What the records that fit a query lack, in all logs: for each agent and kind, how many of them have policies, reasoning,
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
        query::lint(&self.logs_to_ask()?, query)
    }

    /// The names of the logs that questions to this handle go to, the oldest first, with those that should be there and
    /// cannot be asked.
    #[must_use]
    pub fn asked_logs(&self) -> Vec<String> {
        let own = || self.identity().name().to_owned();
        let name = |member: Member| match member {
            Member::Own => own(),
            Member::Other(asked) => asked.files.identity.name().to_owned(),
            Member::Not(unasked) => unasked.log,
        };
        self.line_of_logs().into_iter().map(name).collect()
    }

    /// The logs that questions to this handle go to, as they are now.
    pub(super) fn logs_to_ask(&self) -> Result<Logs> {
        self.refresh()?;
        let mut logs = Logs {
            asked: Vec::new(),
            unasked: Vec::new(),
            path: self.inner.path.clone(),
            alone: self.inner.others.is_none(),
        };
        if logs.alone {
            logs.path = self.files().layout.root().to_owned();
        }
        for member in self.line_of_logs() {
            match member {
                Member::Own => logs.asked.push(self.inner.indexes.askable(self.files())),
                Member::Other(asked) => logs.asked.push(asked),
                Member::Not(unasked) => logs.unasked.push(unasked),
            }
        }
        Ok(logs)
    }
}
