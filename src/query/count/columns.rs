//! Counting a sealed segment by its index's columns, without reading a record: where nothing is asked for that only the text
//! has.
//!
//! What must hold: the groups are those that the records would give.

use super::super::askable::{Askable, Asking};
use super::super::scan::Scan;
use super::bucket::Buckets;
use super::tally::Tally;
use super::{Column, Counting, Counts, Figure};
use crate::index::{Bucket, Group, Grouping, Index, Question, Unfit, side_by_side};
use crate::query::question::field;
use crate::record::terms::{FieldId, Kind};
use std::cell::RefCell;

/// The groups of so many segments are kept at most, until they are added up.
const AT_A_TIME: usize = 16;

/// What of a count the columns can tell.
pub(super) struct Columns {
    by: Vec<FieldId>,
    measure: Option<FieldId>,
}

impl Columns {
    /// Those of a count; `None` if it asks for more than they have.
    pub(super) fn of(counting: &Counting) -> Option<Self> {
        let fit = |column: &Column, fits: fn(Kind) -> bool| match column {
            // Ids are in no index.
            Column::Field(id) if *id == field("id") => None,
            Column::Field(field) if fits(field.info().kind) => Some(*field),
            _ => None,
        };
        let groups = |kind| matches!(kind, Kind::Exact | Kind::Lower | Kind::Bool | Kind::Integer);
        let by = counting.by.iter().map(|column| fit(column, groups));
        let numbers = |kind| matches!(kind, Kind::Integer | Kind::Number);
        let mut measure = None;
        for asked in &counting.measures {
            let field = fit(&asked.column, numbers).filter(|_| asked.figure != Figure::Distinct)?;
            if measure.is_some_and(|other| other != field) {
                return None;
            }
            measure = Some(field);
        }
        Some(Columns {
            by: by.collect::<Option<_>>()?,
            measure,
        })
    }

    /// Counts every sealed segment whose index can be used, and takes it out of what is still to be looked at.
    pub(super) fn settle(&self, asked: &Askable, found: &mut Scan, buckets: Option<&Buckets>, tally: &mut Tally) {
        let asking = Asking::new(asked, found.condition());
        let one = |first_seq: &u64| {
            let buckets = buckets.map(|buckets| RefCell::new(buckets.clone()));
            let work = |index: &Index, question: &Question| self.groups(index, question, buckets.as_ref());
            asking.work_out(&asked.files, *first_seq, work, || (0, Vec::new()))
        };
        found.settle(AT_A_TIME, |firsts| {
            // In order, so that sums of floats are the same each time.
            let add = |found: Option<(u64, Vec<Group>)>| {
                let (matched, groups) = found?;
                groups.into_iter().for_each(|group| tally.add_group(group));
                Some(matched)
            };
            side_by_side(firsts, one).into_iter().map(add).collect()
        });
    }

    fn groups(
        &self,
        index: &Index,
        question: &Question,
        buckets: Option<&RefCell<Buckets>>,
    ) -> Result<Option<(u64, Vec<Group>)>, Unfit> {
        let matched = index.count(question)?;
        if self.by.is_empty() && self.measure.is_none() && buckets.is_none() {
            let group = Group {
                values: Vec::new(),
                period: None,
                count: matched,
                numbers: Vec::new(),
            };
            return Ok(Some((matched, if matched > 0 { vec![group] } else { Vec::new() })));
        }
        let period = |moment: i64| buckets.map_or(0..0, |buckets| buckets.borrow_mut().period(moment));
        let bucket = buckets.map(|_| Bucket {
            field: field("time"),
            period: &period,
        });
        let grouping = Grouping {
            by: &self.by,
            bucket,
            measure: self.measure,
            groups_of_a_record: Counts::GROUPS_OF_A_RECORD,
        };
        let groups = index.tally(question, &grouping)?;
        Ok(groups.map(|groups| (matched, groups)))
    }
}
