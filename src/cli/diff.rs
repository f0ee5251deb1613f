//! `auditdb diff`: two chains of decisions side by side, and where they part.

use super::figures::count;
use super::output::Out;
use super::query::quoted;
use super::record_name::resolve;
use super::{Answer, Names, Outcome, Stop, Waiting, Where, output};
use crate::query::{Change, Comparison, Pair, Place, Stopped, Without};
use crate::record::printable;
use clap::Args;
use serde_json::json;
use std::ffi::OsString;
use std::path::Path;

/// Show where two chains of decisions part: the first step where policy, data, tool, parameters, decision, model or outcome
/// differ, and what differs in each step.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb diff [OPTIONS] [DIR] <A> <B>",
    after_help = "A and B are any ids in your hands, each for its whole chain: a correlation, a session, a W3C trace id, a record's id or\n\
    the beginning of it, a seq, LOG/SEQ, @last, @last-failure. Steps belong together by kind, agent and the name of their decision,\n\
    tool or action, in order. Ids, times, durations and what a call cost are no differences. The texts that a model wrote\n\
    (reasoning, summaries, comments) are, but come last.\n\
    --without leaves members out of the comparison, with all below them. A member is named by its path in a record, without\n\
    places in lists: policies.version or policy.version, tool.parameters.page, attributes.run.\n\n\
    Exit codes: 0 the same; 1 different; 2 it could not be done; 3 something could not be read, is too much, or time ran out.\n\n\
    Examples:\n  auditdb init my-db\n  \
    echo '{\"agent\":{\"id\":\"bot\"},\"kind\":\"decision\",\"correlation\":\"case-8\"}' | auditdb append my-db\n  \
    echo '{\"agent\":{\"id\":\"bot\"},\"kind\":\"decision\",\"correlation\":\"case-9\"}' | auditdb append my-db\n  \
    auditdb diff my-db case-8 case-9\n  auditdb diff my-db case-8 @last --json\n  \
    auditdb diff my-db case-8 case-9 --without reasoning,policy.version"
)]
pub(super) struct Diff {
    #[command(flatten)]
    at: Where,
    /// The two chains.
    #[arg(value_names = ["A", "B"], num_args = 0..=2)]
    chains: Vec<OsString>,
    /// Members to leave out, with commas between them.
    #[arg(long, value_name = "MEMBER,…", value_delimiter = ',')]
    without: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
}

impl Diff {
    pub(super) fn run(self) -> Outcome {
        let (dir, chains) = self.at.dir_before(&self.chains, 2..=2, "A and B")?;
        let names: Vec<String> = chains.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let [a, b] = names.as_slice() else {
            return Err(Stop::CouldNot("no A and B given".to_owned()));
        };
        let without = self
            .without
            .iter()
            .try_fold(Without::new(), |all, name| all.member(name));
        let without = without.map_err(|fault| Stop::CouldNot(format!("--without: {fault}")))?;
        let db = self.at.read(&dir)?;
        let patience = self.waiting.patience()?;
        let chain = |name| resolve(&db, name, &patience);
        let found = db.diff_without(&chain(a)?, &chain(b)?, &without, &patience)?;
        let mut out = Out::new();
        if self.at.json {
            out.line(&object(&found, a, b, &without))?;
            out.flush()?;
        } else {
            print(&mut out, &found, a, b, &without)?;
            out.flush()?;
            Self::foot(&dir, &Names::of(&self.at, &db), &found);
        }
        Ok(match &found {
            found if found.is_partial() => Answer::Partial,
            found if found.is_same() => Answer::Yes,
            _ => Answer::No,
        })
    }

    fn foot(dir: &Path, names: &Names, found: &Comparison) {
        output::unreadable(&found.unreadable);
        if found.cut {
            output::say("auditdb: a chain is longer than what was looked at");
        }
        if let Some(stopped) = found.stopped {
            output::say(&format!(
                "auditdb: {} before all of it was found",
                output::stopped(stopped)
            ));
        }
        if found.is_partial() {
            output::say("PARTIAL: steps may be missing");
        }
        let together = found.pairs.iter().filter(|pair| pair.a.is_some() && pair.b.is_some());
        if !found.pairs.is_empty() && together.clone().all(|pair| pair.a == pair.b) && together.count() > 0 {
            output::say("both are the same chain");
        }
        let pair = found.pairs.get(found.first().unwrap_or(0));
        if let Some(place) = pair.and_then(|pair| pair.b.as_ref().or(pair.a.as_ref())) {
            let dir = quoted(&dir.to_string_lossy());
            output::say(&format!(
                "next: auditdb why {dir} {}",
                names.typed(&place.log, place.seq)
            ));
        }
    }
}

fn print(out: &mut Out, found: &Comparison, a: &str, b: &str, without: &Without) -> Result<(), Stop> {
    let steps = |has: fn(&Pair) -> bool| match found.pairs.iter().filter(|pair| has(pair)).count() {
        1 => "1 step".to_owned(),
        steps => format!("{} steps", count(steps as u64)),
    };
    out.line(&format!(
        "A {}: {}; B {}: {}",
        printable(a),
        steps(|pair| pair.a.is_some()),
        printable(b),
        steps(|pair| pair.b.is_some())
    ))?;
    let left_out: Vec<&str> = without.members().collect();
    if !left_out.is_empty() {
        out.line(&format!("left out: {}", printable(&left_out.join(", "))))?;
    }
    out.line(&headline(found))?;
    for (number, pair) in (1..).zip(&found.pairs).filter(|(_, pair)| !pair.is_same()) {
        out.line(&format!("\nstep {number}  {}  {}", printable(&pair.what), places(pair)))?;
        for change in &pair.changes {
            out.line(&format!("  {}", in_words(change, "|")))?;
        }
    }
    Ok(())
}

/// The first difference in a line.
fn headline(found: &Comparison) -> String {
    let pairs = found.first().and_then(|at| Some((at + 1, found.pairs.get(at)?)));
    let Some((number, pair)) = pairs else {
        return "no difference".to_owned();
    };
    let change = pair
        .changes
        .iter()
        .find(|change| change.matters)
        .or(pair.changes.first());
    let what = match (change, &pair.a) {
        (Some(change), _) => in_words(change, "against"),
        (None, Some(_)) => format!("only A has {}", printable(&pair.what)),
        (None, None) => format!("only B has {}", printable(&pair.what)),
    };
    let words = if pair.matters() { "" } else { " (in words only)" };
    format!("first difference at step {number}{words}: {what}")
}

fn places(pair: &Pair) -> String {
    let place = |place: &Place| format!("{}/{}", printable(&place.log), place.seq);
    match (&pair.a, &pair.b) {
        (Some(a), Some(b)) => format!("A {}  B {}", place(a), place(b)),
        (Some(a), None) => format!("only in A: {}", place(a)),
        (None, Some(b)) => format!("only in B: {}", place(b)),
        (None, None) => String::new(),
    }
}

/// A difference on one line, each side cut to what one can compare at a glance.
fn in_words(change: &Change, between: &str) -> String {
    const SIDE: usize = 60;
    let side = |text: &Option<String>| match text {
        None => "(nothing)".to_owned(),
        Some(text) if text.is_empty() => "\"\"".to_owned(),
        Some(text) => {
            let text = printable(text);
            match text.char_indices().nth(SIDE) {
                Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
                None => text.into_owned(),
            }
        }
    };
    // Where both begin alike, the part that differs is shown.
    let (a, b) = from_the_difference(change);
    format!("{} {} {between} {}", printable(&change.member), side(&a), side(&b))
}

/// Both sides; without most of what they begin with alike where that is long.
fn from_the_difference(change: &Change) -> (Option<String>, Option<String>) {
    const ALIKE: usize = 30;
    let (Some(a), Some(b)) = (&change.a, &change.b) else {
        return (change.a.clone(), change.b.clone());
    };
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if alike <= ALIKE {
        return (Some(a.clone()), Some(b.clone()));
    }
    let rest = |text: &str| Some(format!("…{}", text.chars().skip(alike - ALIKE / 2).collect::<String>()));
    (rest(a), rest(b))
}

fn object(found: &Comparison, a: &str, b: &str, without: &Without) -> String {
    let place = |place: &Option<Place>| {
        place
            .as_ref()
            .map(|place| json!({ "log": place.log, "seq": place.seq }))
    };
    let change =
        |change: &Change| json!({ "member": change.member, "a": change.a, "b": change.b, "matters": change.matters });
    let step = |(number, pair): (usize, &Pair)| {
        let changes: Vec<_> = pair.changes.iter().map(change).collect();
        json!({
            "step": number, "what": pair.what, "a": place(&pair.a), "b": place(&pair.b), "same": pair.is_same(),
            "changes": changes,
        })
    };
    let steps: Vec<_> = (1..).zip(&found.pairs).map(step).collect();
    let unreadable: Vec<String> = found.unreadable.iter().map(ToString::to_string).collect();
    let answer = json!({
        "a": a, "b": b, "without": without.members().collect::<Vec<_>>(), "same": found.is_same(), "first": found.first().map(|at| at + 1), "steps": steps,
        "partial": found.is_partial(), "unreadable": unreadable, "cut": found.cut,
        "stopped": found.stopped.map(Stopped::as_str),
    });
    printable(&answer.to_string()).into_owned()
}
