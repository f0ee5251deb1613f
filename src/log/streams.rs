//! How far every emitter counted. Emitters count upwards, so a number above all that were seen is new without a look
//! into the log; only what is not above them has to be looked up. What sealed segments know is read once, when the
//! first record with a source comes.

use super::read::Files;
use std::collections::HashMap;

/// The highest number of each emitter, by hash.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    highest: HashMap<u64, u64>,
    state: State,
}

#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Unread,
    Known,
    /// There are too many emitters to remember each.
    Forgotten,
}

/// More emitters than this are not remembered: 16 bytes each, some 8 MiB in all.
const LIMIT: usize = 1 << 18;

impl Streams {
    /// Whether that number is above all that the log holds of its emitter.
    pub(crate) fn is_above(&mut self, files: &Files, hash: u64, number: u64) -> bool {
        if self.state == State::Unread {
            self.read(files);
        }
        self.state == State::Known && self.highest.get(&hash).is_none_or(|highest| number > *highest)
    }

    /// Takes in what was appended.
    pub(crate) fn extend(&mut self, appended: impl IntoIterator<Item = (u64, u64)>) {
        if self.state != State::Known {
            return;
        }
        for (hash, number) in appended {
            let highest = self.highest.entry(hash).or_default();
            *highest = (*highest).max(number);
        }
        if self.highest.len() > LIMIT {
            *self = Streams {
                highest: HashMap::new(),
                state: State::Forgotten,
            };
        }
    }

    fn read(&mut self, files: &Files) {
        let (segments, live) = {
            let view = files.view.read();
            let live = view.journals.iter().flat_map(|journal| journal.streams.iter());
            (
                view.segments.clone(),
                live.map(|(hash, number)| (*hash, *number)).collect::<Vec<_>>(),
            )
        };
        self.state = State::Known;
        for segment in segments.iter() {
            // One that cannot be read holds nobody up; see `Writer::matching`.
            self.extend(
                segment
                    .open(&*files.disk)
                    .and_then(|file| file.streams())
                    .unwrap_or_default(),
            );
        }
        self.extend(live);
    }
}
