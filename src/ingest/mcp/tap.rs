//! Where both sides of a proxy meet: what passes is watched and recorded, or may not pass.

use super::message::{refusal, refusals, replaced, units};
use super::recorder::Recorder;
use super::watch::{Moment, Watch};
use parking_lot::Mutex;

/// See the module.
#[derive(Debug)]
pub(crate) struct Tap {
    watch: Mutex<Watch>,
    recorder: Recorder,
}

impl Tap {
    pub(crate) fn new(watch: Watch, recorder: Recorder) -> Self {
        Tap {
            watch: Mutex::new(watch),
            recorder,
        }
    }

    /// Whether nothing passes that cannot be recorded.
    pub(crate) fn is_closed(&self) -> bool {
        self.recorder.is_closed()
    }

    /// Takes note of what a client says. Gives the ids of what it asks for that is recorded.
    ///
    /// # Errors
    /// It may not pass: this is its answer.
    pub(crate) fn asks(&self, session: &str, text: &str) -> Result<Vec<String>, String> {
        let units = units(text);
        let refusal = |why: &str| refusals(&units.ids, text.trim_start().starts_with('['), why);
        if self.is_closed() && !units.is_clear {
            return Err(refusal("what cannot be read, or answered by an id, may not pass"));
        }
        if !units.ids.is_empty()
            && let Some(why) = self.recorder.objection()
        {
            return Err(refusal(&why));
        }
        let records = self.watch.lock().sent(session, text, Moment::now());
        self.recorder.record(records).map_err(|why| refusal(&why))?;
        Ok(units.ids)
    }

    /// Takes note of what a server says.
    ///
    /// # Errors
    /// It may not pass: this is what the client is told instead.
    pub(crate) fn answers(&self, session: &str, text: &str) -> Result<(), String> {
        let records = self.watch.lock().answered(session, text, Moment::now());
        self.recorder.record(records).map_err(|why| replaced(text, &why))
    }

    /// What was asked for under these ids is not answered: that is on record as well.
    pub(crate) fn fails(&self, session: &str, ids: &[String], why: &str) {
        for id in ids {
            let _ = self.answers(session, &refusal(id, why));
        }
    }

    /// Records that something passes without a look, since it is too long.
    ///
    /// # Errors
    /// It may not pass, and why.
    pub(crate) fn too_long(&self, session: &str, whose: &str) -> Result<(), String> {
        let what = format!("{whose} of more than 64 MiB");
        if self.is_closed() {
            return Err(format!("{what} may not pass"));
        }
        let records = self.watch.lock().passed_over(session, &what, Moment::now());
        let _ = self.recorder.record(records);
        Ok(())
    }

    /// A session that a server has just given its name.
    pub(crate) fn named(&self, before: &str, after: &str) {
        self.watch.lock().named(before, after);
    }

    /// Nobody answers any more what is still open in that session, or in any.
    pub(crate) fn ends(&self, session: Option<&str>) {
        let left = self.watch.lock().ended(session, Moment::now());
        let _ = self.recorder.record(left);
    }

    /// Stores what is left; gives how many records were lost.
    pub(crate) fn finish(&self) -> u64 {
        self.ends(None);
        self.recorder.finish()
    }
}
