//! Who signed what: the records by which the log says where it stands are gone through in their order, across all files.
//! Each epoch has to follow the one before, state what the records before it prove, and be signed by the key that the
//! epoch before named; a `state` has to repeat the keys that are in force; another log key has to be signed by both.
//!
//! What must hold: nothing that is signed later vouches for what an earlier key has not signed. After a fault it goes on
//! with what the log states, so that each further fault is named by itself.

use super::acts::Acts;
use crate::log::act::SignedAt;
use crate::log::anchored::AnchorEvent;
use crate::log::events::{
    Epoch, KeyChange, Predecessor, Standing, State, StateKeys, Stated, hex, stated, unhex, unhex64,
};
use crate::log::fault::{Fault, What};
use crate::log::replay::InForce;
use crate::log::siblings::{Household, PolicyChange};
use crate::log::terms::Dropping;
use crate::log::view::Marked;
use crate::policy::Hold;
use crate::proof::{EpochStatement, Hash, VerifierKey, leaf_hash};
use crate::record::read_head;
use std::path::{Path, PathBuf};

/// What is known of a log's keys so far.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    log_id: Option<[u8; 16]>,
    in_force: Option<InForce>,
    /// The keys that sign checkpoints, the first one first.
    log_keys: Vec<VerifierKey>,
    /// The leaf of record 0, and the first log key as it says.
    genesis: Option<(Hash, String)>,
    predecessor: Option<Predecessor>,
    /// How far the newest epoch's signature reaches: it covers the records before this seq.
    signed: u64,
    epochs: u64,
    /// The segments that are said to be dropped.
    announced: Vec<Announced>,
    /// What is said about anchors, with the seqs of the records that do.
    anchored: Vec<(u64, AnchorEvent)>,
    /// What the newest state says of how long records are kept.
    months: u32,
    /// The policy that is in force and the other logs, as far as anything said so.
    household: Option<Household>,
    acts: Acts,
    /// The file that was gone over last.
    newest: PathBuf,
}

/// A record that says that a segment is dropped, and what was in force then.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) seq: u64,
    pub(crate) logged: i64,
    pub(crate) event: Dropping,
    /// For how many months records were kept.
    pub(crate) months: u32,
    /// By how much the clock was ahead without anybody having accepted that, in nanoseconds.
    pub(crate) ahead: i64,
    pub(crate) holds: Vec<Hold>,
}

impl Trust {
    /// Goes on over what one file states.
    pub(crate) fn take(&mut self, path: &Path, log_id: Option<[u8; 16]>, marks: &[Marked], faults: &mut Vec<Fault>) {
        self.log_id = self.log_id.or(log_id);
        path.clone_into(&mut self.newest);
        for mark in marks {
            let fault = |what| Fault::new(path, what).seqs(mark.seq, mark.seq);
            match self.check(mark) {
                Ok(()) => {}
                Err(what) => faults.push(fault(what)),
            }
            let after = InForce::after(self.in_force.as_ref(), &mark.line);
            self.in_force = after.or(self.in_force.take());
        }
    }

    /// The log ends here.
    pub(crate) fn finish(&mut self, faults: &mut Vec<Fault>) {
        if let Err((seq, what)) = self.acts.finish() {
            faults.push(Fault::new(&self.newest, what).seqs(seq, seq));
        }
    }

    /// The records that say that segments are dropped.
    pub(crate) fn announced(&self) -> &[Announced] {
        &self.announced
    }

    /// The proofs of others that were kept, with the seqs of the records that say so.
    pub(crate) fn anchored(&self) -> &[(u64, AnchorEvent)] {
        &self.anchored
    }

    /// Records are missing or cannot be read: what is in force has to be taken from what comes next.
    pub(crate) fn lose_track(&mut self) {
        self.in_force = None;
        self.household = None;
        self.acts.lose_track();
    }

    /// The policy that is in force and the other logs of the database.
    pub(crate) fn household(&self) -> Option<&Household> {
        self.household.as_ref()
    }

    /// The acts that people signed, each with its seq and how far the log was when they did.
    pub(crate) fn signed_acts(&self) -> &[(u64, SignedAt)] {
        self.acts.signed()
    }

    /// How many records the newest signature covers.
    pub(crate) fn signed(&self) -> u64 {
        self.signed
    }

    /// How many epochs were checked.
    pub(crate) fn epochs(&self) -> u64 {
        self.epochs
    }

    /// The leaf of the first record and the first key of the log, as that record says.
    pub(crate) fn genesis(&self) -> Option<&(Hash, String)> {
        self.genesis.as_ref()
    }

    /// The log that this one goes on from, as its first record says.
    pub(crate) fn predecessor(&self) -> Option<&Predecessor> {
        self.predecessor.as_ref()
    }

    /// All keys that ever signed checkpoints.
    pub(crate) fn log_keys(&self) -> &[VerifierKey] {
        &self.log_keys
    }

    fn check(&mut self, mark: &Marked) -> Result<(), What> {
        let malformed = || What::State("it is not in the form that the log writes");
        let head = read_head(&mark.line).ok_or_else(malformed)?;
        let members = mark.line.get(head.members.clone()).ok_or_else(malformed)?;
        let log_id = self.log_id.map(crate::record::id_text).unwrap_or_default();
        match stated(members).ok_or_else(malformed)? {
            Stated::State(state) => {
                let acts = self.acts.state(mark.seq, &state);
                self.check_state(mark, *state).and(acts)
            }
            Stated::Epoch(epoch) => {
                let acts = self.acts.epoch(mark.seq.saturating_add(1));
                self.check_epoch(mark, head.logged, &epoch).and(acts)
            }
            Stated::Key(change) => self.check_change(&change),
            Stated::Clock(clock) => clock.step().map(|_| ()).ok_or_else(malformed),
            Stated::Policy(change) => {
                self.acts.policy(&change);
                self.check_policy(change)
            }
            Stated::Created(created) => {
                let leaf = created.sibling.leaf().ok_or_else(malformed);
                self.household.get_or_insert_default().add(&created.sibling);
                leaf.map(|_| ())
            }
            Stated::ClockAccepted(accepted) => self.acts.clock_accepted(mark.seq, &log_id, &accepted),
            Stated::Hold(placed) => self.acts.placed(mark.seq, head.logged, &log_id, &placed),
            Stated::Released(released) => self.acts.released(mark.seq, &log_id, &released),
            Stated::People(change) => self.acts.people(&change),
            Stated::Anchor(event) => {
                if event.kept().is_some() {
                    self.anchored.push((mark.seq, event));
                }
                Ok(())
            }
            Stated::Dropping(event) => {
                self.announced.push(Announced {
                    seq: mark.seq,
                    logged: head.logged,
                    event,
                    months: self.months,
                    ahead: self.in_force.as_ref().map_or(0, |now| now.ahead),
                    holds: self.acts.holds(),
                });
                Ok(())
            }
        }
    }

    fn check_state(&mut self, mark: &Marked, state: State) -> Result<(), What> {
        if state.format != crate::log::format::FORMAT {
            return Err(What::Format { version: state.format });
        }
        let key: VerifierKey = state.keys.log.parse().map_err(|_| What::Keys)?;
        if key.name() != state.origin {
            return Err(What::Keys);
        }
        if mark.seq == 0 {
            self.genesis = Some((leaf_hash(&mark.line), state.keys.log.clone()));
            self.predecessor = state.predecessor.clone();
        }
        self.months = state.promise().months();
        let ahead = state.clock.as_ref().map(|clock| clock.ahead_ns);
        if let (Some(now), Some(ahead)) = (&self.in_force, ahead)
            && now.tells
            && now.ahead != ahead
        {
            return Err(What::State("it says otherwise how far the clock went forward"));
        }
        let household = Household::of(&state);
        if let Some(before) = self.household.replace(household.clone()) {
            if before.policy != household.policy {
                return Err(What::State("it names another policy than was taken up"));
            }
            if before
                .siblings
                .iter()
                .any(|sibling| !household.siblings.contains(sibling))
            {
                return Err(What::State("it leaves out a log that was named before"));
            }
        }
        let expected = self.in_force.as_ref().map(|in_force| &in_force.keys);
        let agrees = expected.is_none_or(|expected| *expected == state.keys) && (mark.seq > 0 || state.keys.epoch == 0);
        if !self.log_keys.contains(&key) {
            self.log_keys.push(key);
        }
        if agrees { Ok(()) } else { Err(What::Keys) }
    }

    fn check_policy(&mut self, change: PolicyChange) -> Result<(), What> {
        let (before, whole) = (change.before.clone(), change.is_whole());
        let household = self.household.get_or_insert_with(|| Household {
            policy: before.clone(),
            ..Household::default()
        });
        let follows = household.policy == before;
        household.policy = change.after;
        match (follows, whole) {
            (true, true) => Ok(()),
            (false, _) => Err(What::State("it does not follow the policy that was in force")),
            (true, false) => Err(What::State("its text is not the policy that its digest names")),
        }
    }

    fn check_epoch(&mut self, mark: &Marked, logged: i64, epoch: &Epoch) -> Result<(), What> {
        let stated = Standing {
            size: mark.seq,
            root: hex(&mark.root),
            chain: hex(&mark.chain),
        };
        if epoch.standing != stated {
            return Err(What::Tree);
        }
        let Some(InForce { keys, .. }) = &self.in_force else {
            return Ok(());
        };
        if epoch.epoch != keys.epoch {
            let (expected, found) = (keys.epoch, epoch.epoch);
            return Err(What::EpochGap { expected, found });
        }
        if epoch.log_key != keys.log {
            return Err(What::Keys);
        }
        if self
            .in_force
            .as_ref()
            .is_some_and(|now| now.tells && now.ahead != epoch.ahead_ns)
        {
            return Err(What::State("it says otherwise how far the clock went forward"));
        }
        if !self.is_signed(mark, logged, epoch, keys) {
            return Err(What::Signature);
        }
        self.signed = mark.seq;
        self.epochs += 1;
        Ok(())
    }

    fn is_signed(&self, mark: &Marked, logged: i64, epoch: &Epoch, keys: &StateKeys) -> bool {
        let statement = || {
            let statement = EpochStatement {
                log_id: self.log_id?,
                epoch: epoch.epoch,
                size: mark.seq,
                root: mark.root,
                chain: mark.chain,
                logged,
                next_key: unhex(&epoch.next_key)?,
            };
            let (public, signature) = (unhex(&keys.epoch_key)?, unhex64(&epoch.signature)?);
            Some(statement.is_signed_by(&public, &signature))
        };
        statement() == Some(true)
    }

    fn check_change(&mut self, change: &KeyChange) -> Result<(), What> {
        let checked = || {
            let (old, new): (VerifierKey, VerifierKey) = (change.old.parse().ok()?, change.new.parse().ok()?);
            let statement = KeyChange::statement(self.log_id?, &change.old, &change.new);
            let in_force = self.in_force.as_ref().is_none_or(|now| now.keys.log == change.old);
            let signed = old.has_signed(&statement, &unhex64(&change.signed_by_old)?)
                && new.has_signed(&statement, &unhex64(&change.signed_by_new)?);
            (in_force && signed && old.name() == new.name()).then_some(new)
        };
        let new = checked().ok_or(What::Signature)?;
        self.log_keys.push(new);
        Ok(())
    }
}
