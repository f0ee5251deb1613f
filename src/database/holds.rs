//! Legal holds: records that are kept whatever their class says.

use super::Database;
use crate::error::{Error, Result};
use crate::log::act::{Act, Asking, SIGN_ANEW};
use crate::log::holding::{About, holds_by_query, placing, releasing};
use crate::log::{Actor, Errand};
use crate::policy::HoldInForce;
use crate::retention::{HoldAsked, check};
use std::ops::RangeInclusive;

/// What a hold keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldRecords {
    /// The records with these seqs.
    Seqs(RangeInclusive<u64>),
    /// The records that fit this query, now and later; times without an offset in it are UTC.
    Query(String),
}

/// How often an act is signed anew, if the log has gone on too far meanwhile.
const ATTEMPTS: usize = 3;

impl Database {
    /// Places a hold: no segment that holds such a record is dropped before somebody else releases it. It stands in the
    /// record that says so and in the first record of every segment since. Gives its name.
    ///
    /// ```
    /// # let db = auditdb::Database::in_memory();
    /// use auditdb::{Actor, HeldRecords};
    /// let anna = Actor::named("anna")?;
    /// let what = HeldRecords::Query("correlation:case-8812".to_owned());
    /// let id = db.place_hold(&what, "suit 7 O 123/26", &anna)?;
    /// assert_eq!(db.holds()?[0].id, id);
    /// assert!(db.release_hold(&id, "settled", &anna).is_err(), "it takes a second person");
    /// db.release_hold(&id, "settled", &Actor::named("bert")?)?;
    /// assert!(db.holds()?.is_empty());
    /// # Ok::<(), auditdb::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Person`] if who acts may not, or has not proved it; [`Error::Query`]; [`Error::ReadOnly`]; nothing can be
    /// written.
    pub fn place_hold(&self, what: &HeldRecords, reason: &str, actor: &Actor) -> Result<String> {
        let id = self.new_hold();
        self.place_hold_as(&id, what, reason, actor)?;
        Ok(id)
    }

    /// A name for a hold that no other has.
    pub(crate) fn new_hold(&self) -> String {
        let mut random = [0; 6];
        self.inner.disk.random(&mut random);
        format!("hold-{}", crate::log::hex(&random))
    }

    /// Places a hold under that name.
    pub(crate) fn place_hold_as(&self, id: &str, what: &HeldRecords, reason: &str, actor: &Actor) -> Result<u64> {
        let about = About {
            id: id.to_owned(),
            seqs: match what {
                HeldRecords::Seqs(seqs) => Some((*seqs.start(), *seqs.end())),
                HeldRecords::Query(_) => None,
            },
            query: match what {
                HeldRecords::Seqs(_) => None,
                HeldRecords::Query(query) => Some(query.clone()),
            },
        };
        // A query's mistakes are named best before it travels.
        check(&about, self.len()?)?;
        let act = placing(&about, reason);
        self.ask_for(actor, &act, |by| HoldAsked::Place {
            about: about.clone(),
            reason: reason.to_owned(),
            by,
        })
    }

    /// Releases a hold, which takes another person than the one who placed it. `id` is its name or the beginning of it that no
    /// other has. Gives the seq of the record that says so.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`]; otherwise as [`Database::place_hold`].
    pub fn release_hold(&self, id: &str, reason: &str, actor: &Actor) -> Result<u64> {
        let id = self.hold_named(id)?.id;
        let act = releasing(&id, reason);
        self.ask_for(actor, &act, |by| HoldAsked::Release {
            id: id.clone(),
            reason: reason.to_owned(),
            by,
        })
    }

    /// The holds in force in this log.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn holds(&self) -> Result<Vec<HoldInForce>> {
        let files = self.files();
        let state = crate::log::newest_state(&*files.disk, &files.layout)?;
        let holds = state.iter().flat_map(|(_, state)| &state.holds);
        Ok(holds
            .map(|hold| HoldInForce::read(files.identity.name(), hold))
            .collect())
    }

    /// The holds that a new log of the database has too.
    pub(super) fn inherited_holds(&self) -> Result<Vec<serde_json::Value>> {
        let files = self.files();
        let state = crate::log::newest_state(&*files.disk, &files.layout)?;
        Ok(state.map_or_else(Vec::new, |(_, state)| holds_by_query(&state.holds)))
    }

    /// The hold of that name, or whose name alone begins so.
    pub(crate) fn hold_named(&self, id: &str) -> Result<HoldInForce> {
        let holds = self.holds()?;
        if let Some(hold) = holds.iter().find(|hold| hold.id == id) {
            return Ok(hold.clone());
        }
        let mut begin = holds
            .into_iter()
            .filter(|hold| !id.is_empty() && hold.id.starts_with(id));
        match (begin.next(), begin.next()) {
            (Some(hold), None) => Ok(hold),
            (Some(_), Some(_)) => Err(Error::Ambiguous {
                what: format!("hold {id:?}"),
            }),
            (None, _) => Err(Error::NotFound {
                what: format!("a hold {id:?} that is in force"),
            }),
        }
    }

    /// Asks whoever writes for an act.
    fn ask_for(&self, actor: &Actor, act: &Act<'_>, asked: impl Fn(Asking) -> HoldAsked) -> Result<u64> {
        let log_id = self.identity().log_id();
        let mut attempts = 1;
        loop {
            let by = actor.asking(act, &log_id, || self.checkpoint())?;
            match self.run(Errand::Hold, &asked(by)) {
                Ok(seq) => return Ok(seq),
                Err(error) if attempts < ATTEMPTS && actor.signs() && error.to_string().ends_with(SIGN_ANEW) => {
                    attempts += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
