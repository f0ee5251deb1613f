//! Counting in groups: by the values of up to three fields, and by a period of time.

use super::Question;
use super::bits::Bits;
use super::plan::Dictionary;
use crate::index::opened::Index;
use crate::index::schema::{self, VALUE_AT, schema};
use crate::index::unfit::{Unfit, guarded};
use crate::record::terms::{FieldId, Number};
use std::collections::HashMap;
use std::ops::Range;

/// So many fields make a group at most.
const FIELDS: usize = 3;

/// Periods of a field's time.
pub(crate) struct Bucket<'a> {
    /// `time` or `logged`, or any other field of times.
    pub(crate) field: FieldId,
    /// The period that a time lies in: its beginning, and the beginning of the next one.
    pub(crate) period: &'a dyn Fn(i64) -> Range<i64>,
}

/// How records are put into groups.
pub(crate) struct Grouping<'a> {
    /// By the values of these fields, at most three.
    pub(crate) by: &'a [FieldId],
    /// By a period of time.
    pub(crate) bucket: Option<Bucket<'a>>,
    /// The field of which each group has the numbers, for sums and percentiles.
    pub(crate) measure: Option<FieldId>,
    /// A record may be in so many groups.
    pub(crate) groups_of_a_record: usize,
}

/// The records that have the same values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// A value of each field; `None` for records that do not have it.
    pub(crate) values: Vec<Option<String>>,
    /// The beginning of the period.
    pub(crate) period: Option<i64>,
    /// How many records; one with several values of a field is in several groups.
    pub(crate) count: u64,
    /// The numbers that they have in the field that is measured.
    pub(crate) numbers: Vec<f64>,
}

impl Index {
    /// The records that fit, in groups; `None` if a record belongs to more of them than it may, which is for whoever looks at
    /// the record itself.
    pub(crate) fn tally(&self, question: &Question, grouping: &Grouping<'_>) -> Result<Option<Vec<Group>>, Unfit> {
        guarded(|| self.tally_unguarded(question, grouping))
    }

    fn tally_unguarded(&self, question: &Question, grouping: &Grouping<'_>) -> Result<Option<Vec<Group>>, Unfit> {
        let Grouping {
            by, bucket, measure, ..
        } = grouping;
        let node = self.plan(question)?;
        let lines = self.eval(&node, &self.every(0, self.count_lines())?)?;
        let mut values = Vec::with_capacity(FIELDS);
        for field in by.iter().take(FIELDS) {
            values.push(self.values(*field, &lines)?);
        }
        let times = match bucket {
            Some(bucket) => self.integers(bucket.field)?,
            None => None,
        };
        let (integers, floats) = match measure {
            Some(field) => (self.integers(*field)?, self.floats(*field)?),
            None => (None, None),
        };
        let (mut groups, mut places): (Vec<(Key, Group)>, HashMap<Key, usize>) = (Vec::new(), HashMap::new());
        let mut period = 0..0;
        let mut last: Option<(Key, usize)> = None;
        let (mut keys, mut numbers) = (Vec::new(), Vec::new());
        for line in lines.iter() {
            let mut key = Key::default();
            if let (Some(bucket), Some(times)) = (bucket, &times) {
                key.period = times.first(line).map(|time| {
                    if !period.contains(&time) {
                        period = (bucket.period)(time);
                    }
                    period.start
                });
            }
            keys.clear();
            keys.push(key);
            for (place, values) in values.iter().enumerate() {
                if !values.spread(line, place, &mut keys, grouping.groups_of_a_record) {
                    return Ok(None);
                }
            }
            numbers.clear();
            numbers.extend(
                integers
                    .iter()
                    .flat_map(|column| column.values_for_doc(line))
                    .map(|value| value as f64),
            );
            numbers.extend(floats.iter().flat_map(|column| column.values_for_doc(line)));
            for key in &keys {
                let place = match &last {
                    Some((known, place)) if known == key => *place,
                    _ => *places.entry(*key).or_insert_with(|| {
                        groups.push((*key, Group::empty(key.period)));
                        groups.len() - 1
                    }),
                };
                last = Some((*key, place));
                if let Some((_, group)) = groups.get_mut(place) {
                    group.count += 1;
                    group.numbers.extend_from_slice(&numbers);
                }
            }
        }
        let named = groups
            .into_iter()
            .map(|(key, mut group)| {
                let name = |(values, number): (&Values, &u32)| values.name(*number);
                group.values = values.iter().zip(&key.values).map(name).collect();
                group
            })
            .collect();
        Ok(Some(named))
    }

    /// The values that these lines have in a field.
    fn values(&self, field: FieldId, lines: &Bits) -> Result<Values, Unfit> {
        let mut values = Values {
            first: vec![0; self.count_lines() as usize],
            more: Vec::new(),
            names: Vec::new(),
        };
        let mut key = Vec::new();
        schema::value_term(field, &[], &mut key);
        let mut stream = self.terms.terms().range().ge(&key).into_stream()?;
        while stream.advance() && stream.key().starts_with(&key) {
            let mut found = Bits::none_of(lines);
            self.lines_with(Dictionary::Terms, stream.value(), lines, &mut found)?;
            if found.is_empty() {
                continue;
            }
            let name = stream.key().get(VALUE_AT..).unwrap_or_default();
            let number = values.named(String::from_utf8_lossy(name).into_owned());
            found.iter().for_each(|line| values.add(line, number));
        }
        if schema().is_numeric(field) {
            self.number_values(field, lines, &mut values)?;
        }
        values.more.sort_unstable();
        Ok(values)
    }

    fn number_values(&self, field: FieldId, lines: &Bits, values: &mut Values) -> Result<(), Unfit> {
        let mut known: HashMap<String, u32> = HashMap::new();
        let (integers, floats) = (self.integers(field)?, self.floats(field)?);
        let is_seq = Some(field) == schema().by_name().seq;
        for line in lines.iter() {
            let integers = integers.iter().flat_map(|column| column.values_for_doc(line));
            let floats = floats.iter().flat_map(|column| column.values_for_doc(line));
            let all = integers.map(Number::Integer).chain(floats.map(Number::Float));
            let mut spelled: Vec<String> = all.map(Number::spelled).collect();
            if is_seq {
                spelled.push(self.seq_of(line).spelled());
            }
            spelled.sort_unstable();
            spelled.dedup();
            for name in spelled {
                let number = *known.entry(name).or_insert_with_key(|name| values.named(name.clone()));
                values.add(line, number);
            }
        }
        Ok(())
    }
}

/// A group, by the numbers of its values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Key {
    period: Option<i64>,
    values: [u32; FIELDS],
}

impl Group {
    fn empty(period: Option<i64>) -> Self {
        Group {
            values: Vec::new(),
            period,
            count: 0,
            numbers: Vec::new(),
        }
    }
}

/// The values of a field, each as a number from 1, by line.
struct Values {
    /// The first one of each line; 0 for none.
    first: Vec<u32>,
    /// Further ones, by line.
    more: Vec<(u32, u32)>,
    names: Vec<String>,
}

impl Values {
    fn named(&mut self, name: String) -> u32 {
        self.names.push(name);
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    fn name(&self, number: u32) -> Option<String> {
        self.names.get((number as usize).checked_sub(1)?).cloned()
    }

    fn add(&mut self, line: u32, number: u32) {
        match self.first.get_mut(line as usize) {
            Some(first) if *first == 0 => *first = number,
            _ => self.more.push((line, number)),
        }
    }

    /// Puts the line's values at that place of the keys, of which there are as many more as there are further values. Says
    /// whether there are no more than `most` of them then; if not, the keys are not whole.
    fn spread(&self, line: u32, place: usize, keys: &mut Vec<Key>, most: usize) -> bool {
        let set = |key: &mut Key, number: u32| {
            if let Some(value) = key.values.get_mut(place) {
                *value = number;
            }
        };
        let before = keys.len();
        let from = self.more.partition_point(|(of, _)| *of < line);
        for (_, number) in self.more.iter().skip(from).take_while(|(of, _)| *of == line) {
            if keys.len() + before > most {
                return false;
            }
            for at in 0..before {
                if let Some(mut key) = keys.get(at).copied() {
                    set(&mut key, *number);
                    keys.push(key);
                }
            }
        }
        let first = self.first.get(line as usize).copied().unwrap_or(0);
        keys.iter_mut().take(before).for_each(|key| set(key, first));
        true
    }
}
