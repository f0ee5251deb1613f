//! Adding up: what a record has for each column, and the groups that it counts in.

use super::{Column, CountRow, Counts, Figure, Measure};
use crate::record::format_time;
use crate::record::terms::{FieldId, Number, Sink, Value};
use std::collections::{HashMap, HashSet};

/// What one record has in the columns that are asked for.
pub(super) struct Gather {
    by: Vec<Wanted>,
    measures: Vec<Wanted>,
    attributes: bool,
}

struct Wanted {
    column: Column,
    /// Whether a value that comes again counts again.
    again: bool,
    /// Its values, as text and as the number that they are.
    values: Vec<(String, Option<f64>)>,
    /// Whether there are more different ones than are told apart.
    too_many: bool,
}

impl Gather {
    pub(super) fn new(by: &[Column], measures: &[Column]) -> Self {
        let wanted = |columns: &[Column], again: bool| {
            let one = |column: &Column| Wanted {
                column: column.clone(),
                again,
                values: Vec::new(),
                too_many: false,
            };
            columns.iter().map(one).collect::<Vec<_>>()
        };
        let is_attribute = |column: &Column| matches!(column, Column::Attribute(_));
        Gather {
            by: wanted(by, false),
            measures: wanted(measures, true),
            attributes: by.iter().chain(measures).any(is_attribute),
        }
    }

    pub(super) fn clear(&mut self) {
        for wanted in self.by.iter_mut().chain(&mut self.measures) {
            wanted.values.clear();
            wanted.too_many = false;
        }
    }

    fn wanted(&mut self) -> impl Iterator<Item = &mut Wanted> {
        self.by.iter_mut().chain(&mut self.measures)
    }
}

impl Wanted {
    fn take(&mut self, text: &str, number: Option<f64>) {
        if self.too_many || (!self.again && self.values.iter().any(|(known, _)| known == text)) {
            return;
        }
        self.too_many = !self.again && self.values.len() == Counts::GROUPS_OF_A_RECORD;
        if !self.too_many {
            self.values.push((text.to_owned(), number));
        }
    }
}

impl Sink for Gather {
    fn field(&mut self, field: FieldId, value: Value<'_>) {
        let is_it = |wanted: &&mut Wanted| wanted.column == Column::Field(field);
        for wanted in self.wanted().filter(is_it) {
            match &value {
                Value::Text(text) => wanted.take(text, None),
                Value::Number(number) => wanted.take(&number.spelled(), Some(number.as_f64())),
                Value::Time(time) => wanted.take(&format_time(*time), None),
                Value::Bool(yes) => wanted.take(if *yes { "true" } else { "false" }, None),
            }
        }
    }

    fn attribute(&mut self, term: &str) {
        for wanted in self.wanted() {
            let value = match &wanted.column {
                Column::Attribute(path) => term.strip_prefix(path.as_str()).map(str::to_owned),
                Column::Field(_) => None,
            };
            if let Some(value) = value {
                wanted.take(&value, Number::parse(&value).map(Number::as_f64));
            }
        }
    }

    fn text(&mut self, _: &str) {}

    fn wants_text(&self) -> bool {
        false
    }

    fn wants_attributes(&self) -> bool {
        self.attributes
    }
}

/// The groups so far.
pub(super) struct Tally {
    figures: Vec<Figure>,
    groups: HashMap<Key, Group>,
    room: Room,
}

/// How much more is kept at a time; see [`Counts::LIMIT`].
#[derive(Debug, Default)]
struct Room {
    /// How many single values are kept for measures.
    kept: usize,
    /// Whether there was no room for something.
    cut: bool,
}

impl Room {
    /// Whether another single value is kept.
    fn for_another(&mut self) -> bool {
        let there = self.kept < Counts::LIMIT;
        self.kept += usize::from(there);
        self.cut |= !there;
        there
    }
}

type Key = (Option<i64>, Vec<Option<String>>);

struct Group {
    count: u64,
    measures: Vec<Kept>,
}

/// What a measure needs of a group.
enum Kept {
    Different(HashSet<String>),
    Numbers(Vec<f64>),
    /// Sum, how many, least, greatest.
    Running(f64, u64, f64, f64),
}

impl Tally {
    pub(super) fn new(measures: &[Measure]) -> Self {
        Tally {
            figures: measures.iter().map(|measure| measure.figure).collect(),
            groups: HashMap::new(),
            room: Room::default(),
        }
    }

    /// Counts a record in each of its groups: one for every combination of its values.
    pub(super) fn add(&mut self, start: Option<i64>, record: &Gather) {
        let mut keys: Vec<Vec<Option<String>>> = vec![Vec::new()];
        for wanted in &record.by {
            let values: Vec<Option<String>> = match wanted.values.as_slice() {
                [] => vec![None],
                values => values.iter().map(|(text, _)| Some(text.clone())).collect(),
            };
            let with = |key: &Vec<Option<String>>| {
                let key = key.clone();
                let one = move |value: &Option<String>| {
                    let mut key = key.clone();
                    key.push(value.clone());
                    key
                };
                values.iter().map(one).collect::<Vec<_>>()
            };
            // One more than counts, to tell that there are.
            let most = Counts::GROUPS_OF_A_RECORD;
            keys = keys.iter().flat_map(with).take(most + 1).collect();
            self.room.cut |= wanted.too_many || keys.len() > most;
            keys.truncate(most);
        }
        let values = |kept: &mut Kept, place: usize, room: &mut Room| {
            let values = record.measures.get(place).into_iter().flat_map(|wanted| &wanted.values);
            values.for_each(|(text, number)| kept.take(text, *number, room));
        };
        for key in keys {
            self.add_to((start, key), 1, values);
        }
    }

    /// Counts a group of records that was counted elsewhere.
    #[cfg(feature = "search")]
    pub(super) fn add_group(&mut self, group: crate::index::Group) {
        let numbers = |kept: &mut Kept, _: usize, room: &mut Room| {
            let numbers = group.numbers.iter();
            numbers.for_each(|number| kept.take("", Some(*number), room));
        };
        self.add_to((group.period, group.values), group.count, numbers);
    }

    /// Adds so many records to the group of that key, if there is room for it; `take` gives each measure, by its place,
    /// their values.
    fn add_to(&mut self, key: Key, count: u64, take: impl Fn(&mut Kept, usize, &mut Room)) {
        if self.groups.len() >= Counts::LIMIT && !self.groups.contains_key(&key) {
            self.room.cut = true;
            return;
        }
        let figures = &self.figures;
        let new = || Group {
            count: 0,
            measures: figures.iter().map(|figure| Kept::new(*figure)).collect(),
        };
        let group = self.groups.entry(key).or_insert_with(new);
        group.count += count;
        for (place, kept) in group.measures.iter_mut().enumerate() {
            take(kept, place, &mut self.room);
        }
    }

    /// The groups in order, and whether something had to be left out.
    pub(super) fn finish(self) -> (Vec<CountRow>, bool) {
        let figures = &self.figures;
        let row = |((start, values), group): (Key, Group)| CountRow {
            start,
            values,
            count: group.count,
            measures: group
                .measures
                .into_iter()
                .zip(figures)
                .map(|(kept, figure)| kept.figure(*figure))
                .collect(),
        };
        let mut rows: Vec<CountRow> = self.groups.into_iter().map(row).collect();
        rows.sort_by(|a, b| {
            (a.start, std::cmp::Reverse(a.count), &a.values).cmp(&(b.start, std::cmp::Reverse(b.count), &b.values))
        });
        (rows, self.room.cut)
    }
}

impl Kept {
    fn new(figure: Figure) -> Self {
        match figure {
            Figure::Distinct => Kept::Different(HashSet::new()),
            Figure::Percentile(_) => Kept::Numbers(Vec::new()),
            Figure::Sum | Figure::Mean | Figure::Min | Figure::Max => {
                Kept::Running(0.0, 0, f64::INFINITY, f64::NEG_INFINITY)
            }
        }
    }

    /// Takes a value, if there is room for it.
    fn take(&mut self, text: &str, number: Option<f64>, room: &mut Room) {
        match (self, number) {
            (Kept::Different(values), _) => {
                if !values.contains(text) && room.for_another() {
                    values.insert(text.to_owned());
                }
            }
            (Kept::Numbers(numbers), Some(number)) => {
                if room.for_another() {
                    numbers.push(number);
                }
            }
            (Kept::Running(sum, count, least, greatest), Some(number)) => {
                (*sum, *count) = (*sum + number, *count + 1);
                (*least, *greatest) = (least.min(number), greatest.max(number));
            }
            (Kept::Numbers(_) | Kept::Running(..), None) => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures, not seqs")]
    fn figure(self, figure: Figure) -> Option<f64> {
        match (self, figure) {
            (Kept::Different(values), _) => Some(values.len() as f64),
            (Kept::Numbers(mut numbers), Figure::Percentile(percent)) => {
                numbers.sort_unstable_by(f64::total_cmp);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 1 and the length"
                )]
                let rank = (percent / 100.0 * numbers.len() as f64).ceil().max(1.0) as usize;
                numbers.get(rank - 1).copied()
            }
            (Kept::Running(_, 0, ..), _) | (Kept::Numbers(_), _) => None,
            (Kept::Running(sum, count, ..), Figure::Mean) => Some(sum / count as f64),
            (Kept::Running(_, _, least, _), Figure::Min) => Some(least),
            (Kept::Running(.., greatest), Figure::Max) => Some(greatest),
            (Kept::Running(sum, ..), _) => Some(sum),
        }
    }
}
