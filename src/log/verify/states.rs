//! The first and the last record of a file of records: what they state has to be what the records before them prove.

use crate::log::events::{Standing, State, Stated, hex, stated, unhex};
use crate::log::fault::{Fault, What};
use crate::log::view::Tip;
use crate::proof::{CHAIN_START, Hash, chain_next};
use crate::record::read_head;
use std::path::Path;

/// The first and the last line of a file of records.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    first: Option<(u64, Vec<u8>)>,
    last: Option<(u64, Vec<u8>)>,
    /// How far the log is before the last line, where that is known.
    pub(crate) before_last: Option<Tip>,
}

impl Ends {
    /// Takes in some consecutive lines, the first of which has that seq.
    pub(crate) fn take(&mut self, text: &[u8], first_seq: u64) {
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        if self.first.is_none() {
            self.first = text
                .split(|byte| *byte == b'\n')
                .next()
                .map(|line| (first_seq, line.to_vec()));
        }
        let count = memchr::memchr_iter(b'\n', text).count() as u64;
        self.last = lines
            .next_back()
            .map(|line| (first_seq + count.saturating_sub(1), line.to_vec()))
            .or(self.last.take());
    }

    /// The log's id as the first record states it.
    pub(crate) fn log_id(&self) -> Option<String> {
        let (_, line) = self.first.as_ref()?;
        Some(state(line)?.log_id)
    }

    /// Where the log stood before the first record, as that states; nothing in genesis.
    pub(crate) fn previous(&self) -> Option<Standing> {
        let (_, line) = self.first.as_ref()?;
        state(line)?.previous
    }

    /// What the last record states about the log before it, if it closes the file.
    pub(crate) fn epoch(&self) -> Option<(u64, Standing)> {
        let (seq, line) = self.last.as_ref()?;
        match said(line)? {
            Stated::Epoch(epoch) => Some((*seq, epoch.standing)),
            _ => None,
        }
    }
}

/// Checks the first record, and the last if the file is closed, against how far the log was before the file.
pub(crate) fn check_ends(path: &Path, ends: &Ends, before: Option<&Tip>, closed: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some((first_seq, first)) = &ends.first else {
        return faults;
    };
    let fault = |seq: u64, what| Fault::new(path, what).seqs(seq, seq);
    match state(first) {
        None => faults.push(fault(*first_seq, What::State("it is another record"))),
        Some(state) => {
            let expected = if *first_seq == 0 { "genesis" } else { "state" };
            let previous = before
                .filter(|tip| tip.next_seq() > 0)
                .map(|tip| Standing::new(&tip.tree, &tip.chain));
            if state.name != expected {
                faults.push(fault(*first_seq, What::State("it has another name")));
            }
            if before.is_some() && state.previous != previous {
                faults.push(fault(
                    *first_seq,
                    What::State("it does not go on from the record before it"),
                ));
            }
        }
    }
    if closed && let Some((last_seq, _)) = &ends.last {
        match ends.epoch() {
            None => faults.push(fault(*last_seq, What::NotClosed)),
            Some((seq, standing)) if standing.size != seq => faults.push(fault(seq, What::NotClosed)),
            Some(_) => {}
        }
    }
    faults
}

/// Checks what an `epoch` record states about the log before it.
pub(crate) fn check_epoch(path: &Path, ends: &Ends) -> Option<Fault> {
    let ((seq, standing), before) = ends.epoch().zip(ends.before_last.as_ref())?;
    (Standing::new(&before.tree, &before.chain) != standing).then(|| Fault::new(path, What::Tree).seqs(seq, seq))
}

/// Checks the chain that an `epoch` record states, from the one that the file's first record states.
pub(crate) fn check_epoch_chain(path: &Path, ends: &Ends, leaves: &[Hash]) -> Option<Fault> {
    let (seq, standing) = ends.epoch()?;
    let (_, earlier) = leaves.split_last()?;
    let before = ends
        .previous()
        .map_or_else(|| hex(&CHAIN_START), |previous| previous.chain);
    let chain = earlier
        .iter()
        .fold(unhex(&before)?, |chain, leaf| chain_next(&chain, leaf));
    (hex(&chain) != standing.chain).then(|| Fault::new(path, What::Chain).seqs(seq, seq))
}

/// What a line says, if it is in the bytes that the log writes: another spelling is gone over by whoever checks signatures.
fn said(line: &[u8]) -> Option<Stated> {
    stated(line.get(read_head(line)?.members)?)
}

fn state(line: &[u8]) -> Option<State> {
    match said(line)? {
        Stated::State(state) => Some(*state),
        _ => None,
    }
}
