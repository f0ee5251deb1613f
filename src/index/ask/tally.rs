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
#[derive(Debug, Clone, Default, PartialEq)]
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
        let periods = match bucket {
            Some(bucket) => self.periods(bucket, &lines)?,
            None => Periods::default(),
        };
        let (integers, floats) = match measure {
            Some(field) => (self.integers(*field)?, self.floats(*field)?),
            None => (None, None),
        };
        let mut places = Places::new(periods.starts.len(), &values);
        let mut groups: Vec<(Key, Group)> = Vec::new();
        let (mut keys, mut numbers) = (Vec::new(), Vec::new());
        for line in lines.iter() {
            keys.clear();
            keys.push(Key {
                period: periods.of(line),
                ..Key::default()
            });
            for (place, values) in values.iter().enumerate() {
                if !values.spread(line, place, &mut keys, grouping.groups_of_a_record) {
                    return Ok(None);
                }
            }
            if measure.is_some() {
                let integers = integers.iter().flat_map(|column| column.values_for_doc(line));
                numbers.clear();
                numbers.extend(integers.map(|value| value as f64));
                numbers.extend(floats.iter().flat_map(|column| column.values_for_doc(line)));
            }
            for key in &keys {
                let place = places.of(key).get_or_insert_with(|| {
                    groups.push((*key, Group::default()));
                    groups.len() - 1
                });
                if let Some((_, group)) = groups.get_mut(*place) {
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
                group.period = periods.start(key.period);
                group
            })
            .collect();
        Ok(Some(named))
    }

    /// The periods in which these lines lie.
    fn periods(&self, bucket: &Bucket<'_>, lines: &Bits) -> Result<Periods, Unfit> {
        let mut periods = Periods {
            of_line: vec![0; self.count_lines() as usize],
            starts: Vec::new(),
        };
        let Some(times) = self.integers(bucket.field)? else {
            return Ok(periods);
        };
        let mut known: HashMap<i64, u32> = HashMap::new();
        // Times mostly come in order.
        let (mut period, mut number) = (0..0, 0);
        for line in lines.iter() {
            let (Some(time), Some(of)) = (times.first(line), periods.of_line.get_mut(line as usize)) else {
                continue;
            };
            if !period.contains(&time) {
                period = (bucket.period)(time);
                number = *known.entry(period.start).or_insert_with(|| {
                    periods.starts.push(period.start);
                    u32::try_from(periods.starts.len()).unwrap_or(u32::MAX)
                });
            }
            *of = number;
        }
        Ok(periods)
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

/// A group, by the numbers of its period and its values; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Key {
    period: u32,
    values: [u32; FIELDS],
}

/// Periods, each as a number from 1, by line.
#[derive(Default)]
struct Periods {
    /// 0 for none.
    of_line: Vec<u32>,
    starts: Vec<i64>,
}

impl Periods {
    fn of(&self, line: u32) -> u32 {
        self.of_line.get(line as usize).copied().unwrap_or(0)
    }

    fn start(&self, number: u32) -> Option<i64> {
        self.starts.get((number as usize).checked_sub(1)?).copied()
    }
}

/// The places of groups by their keys: in a table, if all that are possible are few enough.
struct Places {
    /// How many values there are of each field, one more for none.
    values: [usize; FIELDS],
    table: Vec<Option<usize>>,
    others: HashMap<Key, Option<usize>>,
}

impl Places {
    /// The largest table.
    const TABLE: usize = 1 << 16;

    fn new(periods: usize, values: &[Values]) -> Self {
        let mut each = [1; FIELDS];
        each.iter_mut()
            .zip(values)
            .for_each(|(to, values)| *to = values.names.len() + 1);
        let all = each
            .iter()
            .try_fold(periods + 1, |all, values| all.checked_mul(*values));
        Places {
            values: each,
            table: vec![None; all.filter(|all| *all <= Self::TABLE).unwrap_or(0)],
            others: HashMap::new(),
        }
    }

    fn of(&mut self, key: &Key) -> &mut Option<usize> {
        let each = self.values.iter().zip(&key.values);
        let place = each.fold(key.period as usize, |place, (values, number)| {
            place.wrapping_mul(*values).wrapping_add(*number as usize)
        });
        match self.table.get_mut(place) {
            Some(there) => there,
            None => self.others.entry(*key).or_default(),
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
        let first = self.first.get(line as usize).copied().unwrap_or(0);
        if self.more.is_empty() {
            keys.iter_mut().for_each(|key| set(key, first));
            return true;
        }
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
        keys.iter_mut().take(before).for_each(|key| set(key, first));
        true
    }
}
