//! The lines of an input, read by a thread of their own, so that a slow producer has each taken at once and a fast one
//! is batched: what has arrived goes together.

use crate::record::RECORD_LIMIT;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// A line, or a piece of one.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A line without its newline.
    Text(Vec<u8>),
    /// A line longer than a record may be begins; these are its first bytes.
    Overlong(Vec<u8>),
    /// It goes on, and at last ends with its newline or with the input.
    More(Vec<u8>),
    /// Reading failed here.
    Failed(io::Error),
}

/// What arrived together, and how many bytes of the input are read with it.
pub(super) type Batch = (Vec<Line>, u64);

/// What arrived goes together up to this many lines and bytes.
const BATCH_LINES: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

/// Begins to read.
pub(super) fn lines(reader: Box<dyn Read + Send>) -> Receiver<Batch> {
    let (send, receive) = sync_channel(2);
    std::thread::spawn(move || read(BufReader::with_capacity(BATCH_BYTES, reader), &send));
    receive
}

fn read(mut reader: BufReader<impl Read>, send: &SyncSender<Batch>) {
    let (mut batch, mut bytes, mut total) = (Vec::new(), 0, 0);
    let (mut number, mut within) = (1, false);
    loop {
        let limit = if within { BATCH_BYTES } else { RECORD_LIMIT + 1 };
        let mut text = Vec::new();
        let what = match reader.by_ref().take(limit as u64).read_until(b'\n', &mut text) {
            // An overlong line that ends with the input gets the newline that it lacks.
            Ok(0) if within => {
                within = false;
                What::More(b"\n".to_vec())
            }
            Ok(0) => break,
            Ok(read) => {
                bytes += read;
                total += read as u64;
                let ends = text.last() == Some(&b'\n');
                let overlong = !ends && !within && read == limit;
                let what = match (within, overlong) {
                    (true, _) => What::More(text),
                    (false, true) => What::Overlong(text),
                    (false, false) => {
                        text.truncate(read - usize::from(ends));
                        What::Text(text)
                    }
                };
                within = !ends && (within || overlong);
                what
            }
            Err(error) => What::Failed(error),
        };
        let failed = matches!(what, What::Failed(_));
        batch.push(Line { number, what });
        number += u64::from(!within);
        let more_is_here = reader.buffer().contains(&b'\n');
        if !more_is_here || bytes >= BATCH_BYTES || batch.len() >= BATCH_LINES || failed {
            bytes = 0;
            // Nobody takes them any more once the command is over.
            if send.send((std::mem::take(&mut batch), total)).is_err() || failed {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = send.send((batch, total));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlong_line_comes_in_pieces_and_the_next_one_is_whole() {
        let long = vec![b'x'; RECORD_LIMIT + 3_000_000];
        let exact = vec![b'y'; RECORD_LIMIT];
        let input = [b"a\n\n".as_slice(), &long, b"\n", &exact, b"\nlast"].concat();
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        for (batch, _) in lines(Box::new(io::Cursor::new(input))) {
            for line in batch {
                match line.what {
                    What::Text(text) => whole.push((line.number, text.len())),
                    What::Overlong(text) | What::More(text) => {
                        assert_eq!(line.number, 3);
                        pieces.extend(text);
                    }
                    What::Failed(error) => panic!("{error}"),
                }
            }
        }
        assert_eq!(whole, [(1, 1), (2, 0), (4, RECORD_LIMIT), (5, 4)]);
        assert!(pieces.strip_suffix(b"\n") == Some(&long));
    }
}
