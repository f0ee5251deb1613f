//! Doing what one client asks, until it hangs up, misbehaves, or is sent away.

use super::limits::{Budget, Share, Timed};
use super::message::{
    self, APPEND, APPEND_AS, BACKED_UP, BUSY, Broken, CHECKPOINT, DENIED, DONE, FAILED, LIST_LIMIT, POLICY, ROTATE_KEY,
    SEAL, SET_CLASS, SIBLING, TOKEN,
};
use crate::log::handle::Core;
use crate::log::options::TakenUp;
use crate::log::siblings::Sibling;
use crate::log::terms::NewClass;
use crate::record::{Prepared, Writer as Author};
use parking_lot::Mutex;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection as the listening thread and the client's own see it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    pub(crate) uid: u32,
    /// Since when nothing is done for the client: it rests, or a message is under way. Nothing while its request is
    /// being carried out, which must not be cut off.
    quiet: Mutex<Option<Instant>>,
}

/// What a record of a list takes in memory beside its text, about.
const RECORD_COST: usize = 512;

impl Connection {
    /// Takes up a connection, with both of its directions bound to look up now and then.
    pub(crate) fn new(stream: UnixStream, patience: Duration) -> io::Result<Self> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let uid = rustix::net::sockopt::socket_peercred(&stream)?.uid.as_raw();
        Ok(Connection {
            stream,
            uid,
            quiet: Mutex::new(Some(Instant::now())),
        })
    }

    pub(crate) fn quiet_since(&self) -> Option<Instant> {
        *self.quiet.lock()
    }

    /// Says why there will be no answer, if that can be said at once, and hangs up.
    pub(crate) fn turn_away(&self, why: &str) {
        let _ = self.stream.set_nonblocking(true);
        let _ = message::write(&mut &self.stream, BUSY, why.as_bytes());
        self.hang_up();
    }

    pub(crate) fn hang_up(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Hangs up however the thread ends; the descriptor itself may be held for longer.
struct HangUp<'a>(&'a Connection);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

pub(crate) fn serve(connection: &Connection, core: &Core, budget: &Budget, patience: Duration) {
    let _hang_up = HangUp(connection);
    let author = Arc::new(Author::unix(connection.uid));
    let stream = &connection.stream;
    let answer_with = |what, body: &[u8]| message::write(&mut Timed::new(stream, patience), what, body).is_ok();
    loop {
        let mut share = budget.share();
        let (what, body) = match message::read(&mut Timed::new(stream, patience), |bytes| share.take(bytes)) {
            Ok(Some(message)) => message,
            // What is left of a message that was not read cannot be told from the next one.
            Err(Broken::NoRoom) => {
                answer_with(BUSY, NO_ROOM.as_bytes());
                return;
            }
            Err(Broken::TooLong(len)) => {
                let why = format!("a message of {len} bytes is longer than {}", message::MESSAGE_LIMIT);
                answer_with(FAILED, why.as_bytes());
                return;
            }
            Ok(None) | Err(Broken::Io(_)) => return,
        };
        *connection.quiet.lock() = None;
        let answer = carry_out(core, &author, &mut share, what, &body);
        *connection.quiet.lock() = Some(Instant::now());
        let answered = match answer {
            Ok(answer) => answer_with(DONE, &answer),
            Err(NotDone::Failed(why)) => answer_with(FAILED, why.as_bytes()),
            Err(NotDone::Denied(why)) => answer_with(DENIED, why.as_bytes()),
            Err(NotDone::Busy) => answer_with(BUSY, NO_ROOM.as_bytes()),
        };
        if !answered {
            return;
        }
    }
}

const NO_ROOM: &str = "too much is under way from other clients; try again later";

/// Why a request was not carried out.
enum NotDone {
    Failed(String),
    /// It is not for that user.
    Denied(&'static str),
    Busy,
}

impl<T: Into<String>> From<T> for NotDone {
    fn from(why: T) -> Self {
        NotDone::Failed(why.into())
    }
}

fn carry_out(
    core: &Core,
    author: &Arc<Author>,
    share: &mut Share<'_>,
    what: u8,
    body: &[u8],
) -> Result<Vec<u8>, NotDone> {
    match what {
        APPEND => append(core, author, share, body),
        APPEND_AS => {
            // Whoever may write the log's files could write any name there; nobody else may.
            if !core.is_own(author) {
                return Err(NotDone::Denied(
                    "only the writer's own user may append in the name of a token",
                ));
            }
            let (id, body) = message::name_before(body).ok_or("a list of records without a name")?;
            append(core, &Arc::new(Author::token(id)), share, body)
        }
        TOKEN => {
            if !core.is_own(author) {
                return Err(NotDone::Denied("only the writer's own user says who may write"));
            }
            let said = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            let recorded = core.act(|writer| writer.token(&said));
            recorded.map(|()| Vec::new()).map_err(|error| error.to_string().into())
        }
        SEAL => Ok(vec![u8::from(core.seal().map_err(|error| error.to_string())?)]),
        CHECKPOINT => {
            let checkpoint = core.act(crate::log::writer::Writer::checkpoint);
            Ok(checkpoint.map_err(|error| error.to_string())?.to_string().into_bytes())
        }
        ROTATE_KEY => Ok(core
            .rotate_key()
            .map_err(|error| error.to_string())?
            .to_string()
            .into_bytes()),
        SET_CLASS => {
            let new: NewClass = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            let set = core.set_class(new.class(), new.reason.as_deref());
            set.map(|()| Vec::new()).map_err(|error| error.to_string().into())
        }
        SIBLING => {
            let sibling: Sibling = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            let added = core.act(|writer| writer.add_sibling(&sibling));
            added.map(|()| Vec::new()).map_err(|error| error.to_string().into())
        }
        POLICY => {
            let policy: TakenUp = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            // Who may connect need not be one who may write the file, which says who the people are.
            if !core.is_in_the_file(&policy) {
                return Err("the policy file holds another policy".into());
            }
            let taken = core.act(|writer| writer.take_up(&policy));
            core.followers().for_each(|follower| follower.look());
            taken.map(|()| Vec::new()).map_err(|error| error.to_string().into())
        }
        BACKED_UP => {
            let said = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            let seq = core.backed_up(said).map_err(|error| error.to_string())?;
            Ok(seq.to_le_bytes().to_vec())
        }
        _ if let Some(errand) = message::errand(what) => {
            let act = core.options.act.ok_or("this writer is only here to mend the log")?;
            act(errand, core, body).map_err(|error| error.to_string().into())
        }
        _ => Err(format!(
            "request {what} is not known here; the writer is {}",
            env!("CARGO_PKG_VERSION")
        )
        .into()),
    }
}

fn append(core: &Core, author: &Arc<Author>, share: &mut Share<'_>, body: &[u8]) -> Result<Vec<u8>, NotDone> {
    let sent = message::records(body).ok_or("a list of records that is cut short")?;
    if body.len() > LIST_LIMIT && sent.len() > 1 {
        return Err(format!("a list of {} bytes is longer than {LIST_LIMIT}", body.len()).into());
    }
    if !share.take(sent.len() * RECORD_COST) {
        return Err(NotDone::Busy);
    }
    let mut prepared = Vec::with_capacity(sent.len());
    for (place, (id, text)) in sent.into_iter().enumerate() {
        let mut record = Prepared::new(text, core.options.record_bytes)
            .map_err(|refusal| format!("record {} of the list refused: {refusal}", place + 1))?;
        record.id = record.id.or(id);
        let router = core.options.router.as_ref();
        record.unrouted = router.and_then(|router| router.flag(core.files.identity.name(), &record));
        prepared.push(record);
    }
    let (receipts, whole) = core.append(prepared, author).map_err(|error| error.to_string())?;
    let mut answer = vec![u8::from(whole)];
    for receipt in receipts {
        answer.extend_from_slice(receipt.to_json().as_bytes());
        answer.push(b'\n');
    }
    Ok(answer)
}
