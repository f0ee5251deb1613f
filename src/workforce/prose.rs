//! The workforce's sentences: templates, filled with the facts of one case and with throws.
//!
//! In a template `<name>` is a fact of the case or a number thrown on the spot, and `(one|another)` is one of these.
//! The same templates make the JSON of tools' parameters and results, so neither braces nor brackets mean anything.
//!
//! What must hold: facts are the case's own, so that what a record says in prose, in its tools and in its policies'
//! conditions agrees; people appear as tokens only; a name that is not known stands as it is, which a test refuses.

use super::chance::Chance;
use crate::record::format_time;
use std::fmt::Write as _;

/// What one chain of records is about.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The person concerned, as a token.
    pub(super) who: String,
    /// The case's number.
    pub(super) number: String,
    /// The order, claim or document in question.
    pub(super) reference: String,
    /// What kind of thing it is.
    pub(super) item: &'static str,
    /// In hundredths of the currency.
    pub(super) amount: u64,
    /// A length of time.
    pub(super) days: u64,
    /// A number of things.
    pub(super) count: u64,
    /// A model's score, in thousandths.
    pub(super) score: u64,
    /// Whether the person's identity was verified.
    pub(super) verified: bool,
    /// The member of staff who is in charge.
    pub(super) staff: String,
    /// When the case came up.
    pub(super) opened: i64,
}

/// Appends the template with its places filled in.
pub(super) fn fill(out: &mut String, template: &str, case: &Case, chance: &mut Chance) {
    let mut rest = template;
    while let Some(at) = memchr::memchr2(b'<', b'(', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let closing = if from.starts_with('<') { '>' } else { ')' };
        let Some((inside, after)) = from.get(1..).and_then(|inside| inside.split_once(closing)) else {
            out.push_str(from);
            return;
        };
        if closing == '>' {
            place(out, inside, case, chance);
        } else {
            let count = inside.bytes().filter(|byte| *byte == b'|').count() as u64 + 1;
            let chosen = usize::try_from(chance.below(count)).unwrap_or_default();
            fill(out, inside.split('|').nth(chosen).unwrap_or_default(), case, chance);
        }
        rest = after;
    }
    out.push_str(rest);
}

/// The template with its places filled in.
pub(super) fn filled(template: &str, case: &Case, chance: &mut Chance) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    fill(&mut out, template, case, chance);
    out
}

/// So many sentences, each from one of the pools in turn.
pub(super) fn paragraph(sentences: u64, pools: &[&[&str]], case: &Case, chance: &mut Chance) -> String {
    let mut out = String::with_capacity(sentences as usize * 120);
    for pool in pools.iter().cycle().take(sentences as usize) {
        if !out.is_empty() {
            out.push(' ');
        }
        fill(&mut out, chance.word(pool), case, chance);
    }
    out
}

/// An amount in hundredths, as a plain number.
pub(super) fn money(out: &mut String, hundredths: u64) {
    let _ = write!(out, "{}.{:02}", hundredths / 100, hundredths % 100);
}

fn thousandths(out: &mut String, score: u64) {
    let _ = write!(out, "{}.{:03}", score / 1000, score % 1000);
}

/// A moment up to the second.
fn second(out: &mut String, time_ns: i64) {
    let text = format_time(time_ns);
    out.push_str(text.get(..19).unwrap_or_default());
    out.push('Z');
}

fn place(out: &mut String, name: &str, case: &Case, chance: &mut Chance) {
    const MINUTE: i64 = 60_000_000_000;
    let ago = |minutes: u64| case.opened.saturating_sub(minutes as i64 * MINUTE);
    match name {
        "who" => out.push_str(&case.who),
        "case" => out.push_str(&case.number),
        "ref" => out.push_str(&case.reference),
        "item" => out.push_str(case.item),
        "staff" => out.push_str(&case.staff),
        "amount" => money(out, case.amount),
        "half" => money(out, case.amount / 2),
        "fee" => money(out, chance.between(150, 9_900)),
        "verified" => out.push_str(if case.verified { "true" } else { "false" }),
        "at" => second(out, ago(chance.between(1, 240))),
        "before" => second(out, ago(chance.skewed(1_440, 500_000))),
        "date" => out.push_str(
            format_time(ago(chance.skewed(1_440, 700_000)))
                .get(..10)
                .unwrap_or_default(),
        ),
        "soon" => {
            let ahead = case
                .opened
                .saturating_add(chance.between(1_440, 30_000) as i64 * MINUTE);
            out.push_str(format_time(ahead).get(..10).unwrap_or_default());
        }
        "score" => thousandths(out, case.score),
        "share" => thousandths(out, chance.below(1000)),
        "rows" => rows(out, case, chance),
        "token" => chance.token(6, out),
        "long" => chance.token(22, out),
        "person" => {
            out.push_str("pii:person:");
            chance.token(4, out);
        }
        _ => {
            let number = match name {
                "days" => case.days,
                "count" => case.count,
                "n" => chance.between(2, 9),
                "nn" => chance.between(10, 99),
                "colleague" => {
                    out.push_str("staff:");
                    chance.between(10, 99)
                }
                "nnn" => chance.between(100, 999),
                "nnnn" => chance.between(1_000, 9_999),
                _ => {
                    let _ = write!(out, "<{name}>");
                    return;
                }
            };
            let _ = write!(out, "{number}");
        }
    }
}

/// A few rows of a table, as a system gives them back.
fn rows(out: &mut String, case: &Case, chance: &mut Chance) {
    const ROW: &str = r#"{"id":"<token>-<nnn>","at":"<before>","state":"(open|closed|closed|pending|settled|reversed)","amount":<fee>,"by":"(system|<colleague>|<person>)","note":"(none|called back after <n> days|see <token>|duplicate of <token>|waits for <item>|moved from queue <nn>)"}"#;
    out.push('[');
    for row in 0..chance.between(2, 6) {
        if row > 0 {
            out.push(',');
        }
        fill(out, ROW, case, chance);
    }
    out.push(']');
}

/// What the agent saw.
pub(super) const SEEN: &[&str] = &[
    "The (record|entry|file) for <who> was read <n> (seconds|minutes) ago and (agrees with|matches|does not contradict) what <case> says about <ref>.",
    "(Two|Three|Four) (sources|systems|entries) (name|mention|carry) <ref>; the (newest|latest) is of <date> and the oldest of <date>.",
    "There are <count> (earlier|previous|prior) (entries|events|contacts) on <case>, the last of them on <date>, handled by <colleague>.",
    "Of <nn> (rows|items|lines) that were (looked at|compared|read), <n> concern the <item> and the rest (are older than <nn> months|belong to other cases|were settled before).",
    "The (amount|sum|value) in question is <amount>, (which is <nn> % of|set against) the (usual|average|median) <fee> for a <item>.",
    "The identity check gave <verified>, (taken|done|recorded) on <date> under (reference|number) <token>.",
    "(Nothing|No note|No entry) (since|after) <date> (changes|contradicts|alters) the (state|status|picture) of <ref>, (though|while|and) entry <token>-<nnn> is (still open|not yet settled|waiting).",
    "The (message|request|trigger) came in at <at> and (names|mentions|refers to) <ref> (once|twice) and the <item> (explicitly|only indirectly|by its old name).",
];

/// How it weighed that.
pub(super) const WEIGHED: &[&str] = &[
    "With <days> days (passed|elapsed|on the clock) and a score of <score>, the (case|matter|request) lies (inside|near the edge of|well within) what the rule (was written for|covers|has in view).",
    "(Taking|Giving) the (earlier|other) reading would (need|require) (a document of <date>|the consent of <staff>|another <n> days), (and|but) nothing in <case> (points to|suggests|supports) it.",
    "The (strongest|main|clearest) (argument|point|ground) is the <item>: it (alone )(accounts for|explains) <nn> % of the (difference|deviation|sum).",
    "(Against|For) this (speaks|stands) entry <token>, (but|though|yet) it (is <nn> weeks old|was withdrawn on <date>|concerns another <item>).",
    "A (similar|comparable|like) case, <token>-<nnnn>, was (decided|settled|closed) the same way on <date> (after <n> steps|without complaint|by <colleague>).",
    "If the amount were (above|below) <fee>, or the count <n> (instead of|rather than) <count>, the (outcome|answer|result) would (differ|be another|change).",
    "The (remaining|open) doubt is about <share> and (does not reach|stays below) what would (call for|justify) (another look|a human|more data).",
    "(Both|All) (conditions|tests) (lean on|use|need) the same (figure|field|source), so an error in <ref> would (carry through|show in both|matter); it was read (again|twice) for that reason.",
];

/// What it made of it.
pub(super) const CONCLUDED: &[&str] = &[
    "So the next step is (taken|prepared|set) for <ref>, with a (check|reminder|follow-up) on <soon>.",
    "(Therefore|Hence|For these reasons) the (rule|policy) is followed (as it stands|to the letter|without exception), and <staff> (is told|sees it in the daily list|gets a copy).",
    "No (more|further) data of <who> (is|was) needed for that; (<n> fields|the address|the older history) (stayed unread|were left alone).",
    "(Should|If) <who> (disagree|object)s, the (path|way) back is (open until|possible before) <soon>.",
    "The (answer|text|note) (keeps to|names only) what <ref> and entry <token> (prove|say|show).",
    "(Confidence|Certainty) is (put|estimated) at <share>, (mainly|mostly) because of the <item>.",
];

/// The handbook that every department has.
pub(super) const HANDBOOK: &[&str] = &[
    "Section <n>.<n>: a <item> (is|has to be|must be) (recorded|entered|filed) within <n> working days, with the reference and the (name of the desk|number of the case|date of receipt).",
    "(Exceptions|Deviations) (need|require) the (written )consent of a (team lead|second person|manager) and (end|lapse) after <nn> days.",
    "(Amounts|Sums|Values) over <fee> are (looked at|checked|reviewed) by (two people|the desk of origin|another desk), in the order in which they came in.",
    "Where two (sources|records|statements) disagree, the (newer|signed|original) one (counts|prevails|is taken), and the other is (kept|noted) with its date.",
    "Version <n>.<nn>, in force since <date>, replaces (circular|note|version) <nnn>; (open cases|cases opened before that day) (keep|follow) the older text.",
    "(Contact|Messages|Letters) outside (working hours|the agreed channel) (are|is) (avoided|held back until the morning) unless (delay|waiting) would (do harm|cost more than <fee>).",
    "(Personal data|Names and addresses|Details of a person) (are|is) used for the stated purpose (only|alone), and (deleted|taken out) <nn> (days|weeks) after the case is closed.",
    "The (desk|team) that (opened|started) the case (keeps|holds) it until (someone|a colleague) (accepts|takes) it (in writing|by name).",
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn case() -> Case {
        Case {
            who: "pii:customer:7f3k".to_owned(),
            number: "case-88".to_owned(),
            reference: "ord-1".to_owned(),
            item: "parcel",
            amount: 124_050,
            days: 12,
            count: 3,
            score: 45,
            verified: true,
            staff: "staff:am-12".to_owned(),
            opened: 1_767_225_600_000_000_000,
        }
    }

    #[test]
    fn places_are_filled_from_the_case() {
        let text = filled(
            "<who> <ref>: <amount>, <half>; <days>/<count> <score> <verified>",
            &case(),
            &mut Chance::new(1),
        );
        assert_eq!(text, "pii:customer:7f3k ord-1: 1240.50, 620.25; 12/3 0.045 true");
    }

    #[test]
    fn one_of_several_is_taken_and_may_hold_places() {
        let mut chance = Chance::new(1);
        let mut seen: Vec<_> = (0..50).map(|_| filled("(a|<item>|)", &case(), &mut chance)).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, ["", "a", "parcel"]);
        assert_eq!(filled("open ( end", &case(), &mut chance), "open ( end");
        assert_eq!(filled("<other>", &case(), &mut chance), "<other>");
    }

    #[test]
    fn every_sentence_is_whole() {
        let mut chance = Chance::new(3);
        for template in [SEEN, WEIGHED, CONCLUDED, HANDBOOK].concat() {
            for _ in 0..20 {
                let text = filled(template, &case(), &mut chance);
                assert!(
                    text.ends_with('.') && !text.contains(['<', '>', '(', ')', '|']),
                    "{text}"
                );
                assert!(!text.contains("  "), "{text}");
            }
        }
    }
}
