//! A log's lines a frame at a time, from either end, for who goes through much of it and can leave out what the
//! directories say cannot matter. What cannot be read is named with its seqs, and what stands around it is read.

use super::fault::{Fault, What};
use super::format::FrameRow;
use super::journal::FrameReader;
use super::read::Files;
use super::segment::{Remains, SegmentFile};
use super::view::SegmentRef;
use crate::disk::DiskFile;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// One of the files that hold the log's records, as it was when they were listed.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) seqs: Range<u64>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Segment(Arc<SegmentRef>),
    Journal {
        file: Arc<dyn DiskFile>,
        path: PathBuf,
        /// First seq and offset of every frame.
        frames: Vec<(u64, u64)>,
        /// The end of the last one.
        end: u64,
    },
    /// There is no file with these records.
    Nothing(PathBuf),
}

/// Consecutive lines that are read together.
#[derive(Debug)]
pub(crate) struct FrameRef {
    pub(crate) seqs: Range<u64>,
    /// Within which times they lie, where a directory says so.
    pub(crate) spans: Option<Times>,
    source: FrameSource,
}

#[derive(Debug)]
enum FrameSource {
    Segment(Arc<SegmentFile>, FrameRow),
    Journal {
        file: Arc<dyn DiskFile>,
        path: PathBuf,
        offset: u64,
        end: u64,
    },
    /// The lines themselves, out of a segment without its directory.
    Text(Vec<u8>),
}

/// The least and the greatest `time` and `logged` of some records, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) time: (i64, i64),
    pub(crate) logged: (i64, i64),
}

impl Stretch {
    /// Where the sealed segment begins that this is, if it is one.
    pub(crate) fn sealed(&self) -> Option<u64> {
        match &self.source {
            Source::Segment(segment) => Some(segment.first_seq),
            Source::Journal { .. } | Source::Nothing(_) => None,
        }
    }
}

impl Files {
    /// The files with the log's records in order, without a hole: what is missing is listed too.
    pub(crate) fn stretches(&self) -> Vec<Stretch> {
        let view = self.view.read();
        let live_from = view.journals.first().map_or(u64::MAX, |journal| journal.first_seq);
        let segments = view.segments.iter().filter(|segment| segment.first_seq < live_from);
        let mut found: Vec<Stretch> = segments
            .map(|segment| Stretch {
                seqs: segment.first_seq..segment.first_seq,
                source: Source::Segment(Arc::clone(segment)),
            })
            .collect();
        found.extend(view.journals.iter().map(|journal| Stretch {
            seqs: journal.first_seq..journal.end_seq,
            source: Source::Journal {
                file: Arc::clone(&journal.file),
                path: journal.path.clone(),
                frames: journal.frames.clone(),
                end: journal.end,
            },
        }));
        let mut all: Vec<Stretch> = Vec::with_capacity(found.len());
        let mut end = view.kept_from;
        for stretch in found {
            match all.last_mut() {
                // A segment goes up to the next file; what it does not hold of that is missing in it.
                Some(last) if matches!(last.source, Source::Segment(_)) => last.seqs.end = stretch.seqs.start,
                _ if end < stretch.seqs.start => all.push(Stretch {
                    seqs: end..stretch.seqs.start,
                    source: Source::Nothing(self.layout.segment(end)),
                }),
                _ => {}
            }
            end = stretch.seqs.end;
            all.push(stretch);
        }
        if let Some(last) = all.last_mut()
            && let Source::Segment(segment) = &last.source
        {
            last.seqs.end = match segment.open(&*self.disk) {
                Ok(file) => file.end_seq(),
                Err(_) => {
                    let remains = Remains::read(&*self.disk, &segment.path).ok();
                    let last = remains.and_then(|remains| remains.pieces().last());
                    last.map_or(segment.first_seq, |piece| piece.end_seq)
                }
            };
        }
        all
    }

    /// Within which times the records of a sealed segment lie; `None` if only a look at them can tell.
    pub(crate) fn times_of(&self, stretch: &Stretch) -> Option<Times> {
        let Source::Segment(segment) = &stretch.source else {
            return None;
        };
        let trailer = segment.trailer(&*self.disk).ok()?;
        Some(Times {
            time: (trailer.time_min, trailer.time_max),
            logged: (trailer.logged_min, trailer.logged_max),
        })
    }

    /// A file's frames in order, and what of its records has none.
    pub(crate) fn frames(&self, stretch: &Stretch) -> (Vec<FrameRef>, Vec<Fault>) {
        match &stretch.source {
            Source::Segment(segment) => self.frames_of_segment(segment, &stretch.seqs),
            Source::Journal {
                file,
                path,
                frames,
                end,
            } => {
                let ends = frames.iter().skip(1).map(|(first, _)| *first).chain([stretch.seqs.end]);
                let frames = frames.iter().zip(ends).map(|((first, offset), behind)| FrameRef {
                    seqs: *first..behind,
                    spans: None,
                    source: FrameSource::Journal {
                        file: Arc::clone(file),
                        path: path.clone(),
                        offset: *offset,
                        end: *end,
                    },
                });
                (frames.collect(), Vec::new())
            }
            Source::Nothing(path) => (Vec::new(), missing(path, What::Gap, stretch.seqs.clone())),
        }
    }

    fn frames_of_segment(&self, segment: &SegmentRef, seqs: &Range<u64>) -> (Vec<FrameRef>, Vec<Fault>) {
        let opened = segment
            .open(&*self.disk)
            .and_then(|file| file.rows().map(|rows| (file, rows)));
        let (frames, what) = match opened {
            Ok((file, rows)) => {
                let file = Arc::new(file);
                let frames = rows.iter().map(|row| FrameRef {
                    seqs: row.first_seq..row.first_seq.saturating_add(u64::from(row.count)),
                    spans: Some(Times {
                        time: (row.time_min, row.time_max),
                        logged: (row.logged_min, row.logged_max),
                    }),
                    source: FrameSource::Segment(Arc::clone(&file), row.clone()),
                });
                (frames.collect::<Vec<_>>(), What::Gap)
            }
            // Dropped since they were listed.
            Err(fault) if fault.what == What::Missing && self.dropped(seqs.start).is_some() => {
                return (Vec::new(), Vec::new());
            }
            Err(fault) => match Remains::read(&*self.disk, &segment.path) {
                Ok(remains) => {
                    let pieces = remains.pieces().map(|piece| FrameRef {
                        seqs: piece.first_seq..piece.end_seq,
                        spans: None,
                        source: FrameSource::Text(piece.text),
                    });
                    (pieces.collect(), fault.what)
                }
                Err(fault) => (Vec::new(), fault.what),
            },
        };
        let (mut kept, mut faults, mut end) = (Vec::new(), Vec::new(), seqs.start);
        for frame in frames {
            // Only a damaged file has others.
            if frame.seqs.start < end || frame.seqs.end > seqs.end {
                continue;
            }
            faults.extend(missing(&segment.path, what.clone(), end..frame.seqs.start));
            end = frame.seqs.end;
            kept.push(frame);
        }
        faults.extend(missing(&segment.path, what, end..seqs.end));
        (kept, faults)
    }

    /// A frame's lines, each with its newline.
    pub(crate) fn frame_text(&self, frame: FrameRef) -> Result<Vec<u8>, Fault> {
        match frame.source {
            FrameSource::Segment(file, row) => file.frame_text(&row),
            FrameSource::Text(text) => Ok(text),
            FrameSource::Journal {
                file,
                path,
                offset,
                end,
            } => {
                let mut reader = FrameReader::of(file, &path, self.identity.log_id);
                reader.seek(offset);
                let (first, last) = (frame.seqs.start, frame.seqs.end.saturating_sub(1));
                let damaged = || Fault::new(&path, What::FramePayload).at(offset).seqs(first, last);
                Ok(reader.next(end)?.ok_or_else(damaged)?.text)
            }
        }
    }
}

fn missing(path: &std::path::Path, what: What, seqs: Range<u64>) -> Vec<Fault> {
    if seqs.is_empty() {
        return Vec::new();
    }
    vec![Fault::new(path, what).seqs(seqs.start, seqs.end - 1)]
}
