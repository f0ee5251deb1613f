//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), cut where one ends, and handed on as they
//! came.

/// A stream of events as it comes in.
#[derive(Debug, Default)]
pub(super) struct Events {
    bytes: Vec<u8>,
    /// Up to here there is no end of an event.
    looked: usize,
}

/// The bytes of an event, and its data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) bytes: Vec<u8>,
    pub(super) data: String,
}

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes wait for the end of their event.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        let end = self.end()?;
        let rest = self.bytes.split_off(end);
        let bytes = std::mem::replace(&mut self.bytes, rest);
        self.looked = 0;
        Some(Event {
            data: data(&bytes),
            bytes,
        })
    }

    /// What is left at the end of the stream.
    pub(super) fn rest(self) -> Vec<u8> {
        self.bytes
    }

    /// Behind the empty line that ends the first event. A line ends with CRLF, LF or CR.
    fn end(&mut self) -> Option<usize> {
        // The last line that is known may have gone on.
        let from = self.looked.saturating_sub(2);
        let mut is_new_line = from == 0 && !self.bytes.is_empty();
        let mut before = None;
        for (at, byte) in self.bytes.iter().enumerate().skip(from) {
            let is_second_half = *byte == b'\n' && before == Some(b'\r');
            let is_end = matches!(byte, b'\n' | b'\r') && !is_second_half;
            if is_end && is_new_line {
                let pair = *byte == b'\r' && self.bytes.get(at + 1) == Some(&b'\n');
                return Some(at + 1 + usize::from(pair));
            }
            is_new_line = is_end || is_second_half;
            before = Some(*byte);
        }
        self.looked = self.bytes.len();
        None
    }
}

fn data(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let lines = text.trim_start_matches('\u{feff}').split(['\n', '\r']);
    let data = lines.filter_map(|line| line.strip_prefix("data:"));
    let data: Vec<&str> = data.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect();
    data.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_where_they_end_however_they_come() {
        let text = "event: message\ndata: {\"a\":\ndata: 1}\n\n: ping\r\n\r\ndata:2\r\rdata: 3\n\r\ndata: half";
        for size in 1..text.len() {
            let (mut events, mut found) = (Events::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                events.push(piece);
                while let Some(event) = events.next() {
                    found.push(event);
                }
            }
            let data = found.iter().map(|event| event.data.as_str());
            let data: Vec<&str> = data.filter(|data| !data.is_empty()).collect();
            assert_eq!(data, ["{\"a\":\n1}", "2", "3"], "{size}");
            let all: Vec<u8> = found
                .iter()
                .flat_map(|event| event.bytes.clone())
                .chain(events.rest())
                .collect();
            assert_eq!(all, text.as_bytes());
        }
    }
}
