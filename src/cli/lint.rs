//! `auditdb lint`: what agents leave out of their records, worst first.

use super::figures::count;
use super::output::Out;
use super::query::{Between, quoted};
use super::unmapped::Unmapped;
use super::{Answer, Outcome, Stop, Waiting, Where, output};
use crate::query::{self, Finding, LintRow, Member, Stopped, Zone};
use crate::record::look::word;
use crate::record::{CALLER_KINDS, printable};
use clap::Args;
use serde_json::json;
use std::ffi::OsString;
use std::path::Path;

/// Show what agents leave out of their records: for each agent and kind the share with policy, reasoning, access, outcome,
/// parent, correlation and source number, where these matter; and how much has no mapping.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb lint [OPTIONS] [DIR] [EXPR]",
    after_help = "EXPR, --since and --until are those of auditdb query, and choose which records are looked at. A share is that of the\n\
    records of which it is asked: access is not asked of what was denied or failed, a link counts as a parent. - is what\n\
    does not matter in this kind of record. The records that the log writes about itself are not looked at. All logs of\n\
    the database are, or only that of --log. Last it says how many spans of OpenTelemetry are of a kind that no rule knows\n\
    (they are records of kind span), and how many calls of tools name no data, by themselves or by [tools.NAME].\n\n\
    Exit codes: 0 nothing to say; 1 findings; 2 it could not be done; 3 something could not be read, or time ran out.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb lint my-db\n  auditdb lint my-db agent:refunds --since 7d\n  auditdb lint my-db --json"
)]
pub(super) struct Lint {
    #[command(flatten)]
    at: Where,
    /// Which records; all of them if it is left out.
    #[arg(value_name = "EXPR")]
    expr: Option<OsString>,
    #[command(flatten)]
    between: Between,
    #[command(flatten)]
    waiting: Waiting,
}

impl Lint {
    pub(super) fn run(self) -> Outcome {
        let (dir, expr) = self.at.dir_and_expr(self.expr.as_slice())?;
        let expr = expr.as_str();
        let patience = self.waiting.patience()?;
        let question = |expr: &str| Ok(self.between.question(expr, &Zone::utc())?.within(&patience));
        let db = self.at.read(&dir)?;
        let lint = db.lint(&question(expr)?)?;
        let unmapped = Unmapped::of(&db, |which| match expr.trim() {
            "" => question(which),
            expr => question(&format!("({expr}) {which}")),
        })?;
        let findings = lint.findings();
        let mut out = Out::new();
        if self.at.json {
            out.line(&object(&lint, &findings, &unmapped))?;
            out.flush()?;
        } else {
            print(&mut out, &lint, &findings)?;
            out.flush()?;
            unmapped.in_words().iter().for_each(|said| output::say(said));
            self.foot(&dir, &lint, &findings);
        }
        Ok(match findings.as_slice() {
            _ if lint.reach.is_partial() => Answer::Partial,
            [] => Answer::Yes,
            _ => Answer::No,
        })
    }

    fn foot(&self, dir: &Path, lint: &query::Lint, findings: &[Finding]) {
        output::left_out(&lint.reach);
        match lint.reach.stopped {
            Some(stopped) => {
                let why = output::stopped(stopped);
                output::say(&format!("PARTIAL: {why} before all records were looked at"));
            }
            None if lint.reach.is_partial() => {
                output::say("PARTIAL: records that could not be read are not counted");
            }
            None => {}
        }
        let records: u64 = lint.rows.iter().map(|row| row.records).sum();
        let found = findings.len() as u64;
        output::say(&format!("{} findings in {} records", count(found), count(records)));
        let dir = quoted(&dir.to_string_lossy());
        let options = [
            ("--log", self.at.log()),
            ("--since", self.between.since.as_deref()),
            ("--until", self.between.until.as_deref()),
        ];
        let options = options
            .into_iter()
            .filter_map(|(name, value)| Some(format!(" {name} {}", quoted(value?))));
        let told_apart = |finding: &&Finding| finding.agent != query::Lint::OTHERS;
        match findings.iter().find(told_apart) {
            Some(worst) => output::say(&format!(
                "next: auditdb query {dir} {}{}",
                quoted(&lacking(worst)),
                options.collect::<String>()
            )),
            None => output::say(&format!("next: auditdb verify {dir}")),
        }
    }
}

/// The query for the records that lack it; reasoning has no name in queries, and of access only its parts have.
fn lacking(finding: &Finding) -> String {
    let value = |text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || c == '-';
        if !text.starts_with('-') && !text.is_empty() && text.chars().all(plain) {
            text.to_owned()
        } else {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    let lacks = match finding.member {
        Member::Policy => " NOT policy:*",
        Member::Access => " NOT access.operation:*",
        Member::Outcome => " NOT outcome:*",
        Member::Parent => " NOT parent:* NOT link:*",
        Member::Correlation => " NOT correlation:*",
        Member::Source => " NOT source:*",
        _ => "",
    };
    format!("agent:{} kind:{}{lacks}", value(&finding.agent), value(&finding.kind))
}

fn print(out: &mut Out, lint: &query::Lint, findings: &[Finding]) -> Result<(), Stop> {
    for finding in findings {
        out.line(&printable(&in_words(finding)))?;
    }
    if lint.rows.is_empty() {
        return Ok(());
    }
    if !findings.is_empty() {
        out.line("")?;
    }
    let mut table = vec![heads()];
    table.extend(lint.rows.iter().map(cells));
    let widths: Vec<usize> = (0..heads().len())
        .map(|column| {
            let cells = table.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(40)
        })
        .collect();
    for row in &table {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        out.line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn heads() -> Vec<String> {
    let names = [
        "agent",
        "kind",
        "records",
        "policy",
        "reasoning",
        "access",
        "outcome",
        "parent",
        "correlation",
        "source",
    ];
    names.map(str::to_owned).to_vec()
}

fn cells(row: &LintRow) -> Vec<String> {
    let front = [word(&row.agent), word(&row.kind)].map(|name| printable(&name).into_owned());
    let shares = row.members.iter().map(|(_, share)| match share.asked {
        0 => "-".to_owned(),
        asked => percent(share.has, asked),
    });
    front.into_iter().chain([count(row.records)]).chain(shares).collect()
}

/// A share in whole percent; all and nothing are said only where they are true.
pub(super) fn percent(part: u64, of: u64) -> String {
    let rounded = (u128::from(part) * 200 + u128::from(of)) / (u128::from(of.max(1)) * 2);
    match rounded {
        0 if part > 0 => "<1 %".to_owned(),
        100 if part < of => ">99 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

/// A finding in a line.
fn in_words(finding: &Finding) -> String {
    let Finding {
        agent,
        kind,
        lacking,
        of,
        member,
        ..
    } = finding;
    let records = if CALLER_KINDS.contains(&kind.as_str()) {
        format!("{}s", kind.replace('_', " "))
    } else {
        format!("records of kind {}", word(kind))
    };
    format!(
        "{}: {} of {records} {} ({} of {})",
        word(agent),
        percent(*lacking, *of),
        member.in_words(),
        count(*lacking),
        count(*of)
    )
}

fn object(lint: &query::Lint, findings: &[Finding], unmapped: &Unmapped) -> String {
    let row = |row: &LintRow| {
        let share = |(member, share): &(Member, query::Share)| {
            let counted = json!({ "asked": share.asked, "has": share.has, "of_all": share.of_all });
            (member.name().to_owned(), counted)
        };
        let members: serde_json::Map<_, _> = row.members.iter().map(share).collect();
        json!({ "agent": row.agent, "kind": row.kind, "records": row.records, "members": members })
    };
    let finding = |finding: &Finding| {
        json!({
            "agent": finding.agent, "kind": finding.kind, "member": finding.member.name(), "lacking": finding.lacking,
            "of": finding.of, "text": in_words(finding),
        })
    };
    let rows: Vec<_> = lint.rows.iter().map(row).collect();
    let findings: Vec<_> = findings.iter().map(finding).collect();
    let unreadable: Vec<String> = lint.reach.unreadable.iter().map(ToString::to_string).collect();
    let answer = json!({
        "findings": findings, "rows": rows, "scanned": lint.reach.scanned, "pruned": lint.reach.pruned,
        "partial": lint.reach.is_partial(), "unreadable": unreadable,
        "stopped": lint.reach.stopped.map(Stopped::as_str), "logs": lint.reach.logs,
        "unasked": output::unasked(&lint.reach), "mapping": unmapped.json(),
    });
    printable(&answer.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_or_nothing_only_where_they_are() {
        for (part, of, expected) in [
            (0, 7, "0 %"),
            (1, 1_000, "<1 %"),
            (999, 1_000, ">99 %"),
            (7, 7, "100 %"),
            (3, 8, "38 %"),
        ] {
            assert_eq!(percent(part, of), expected);
        }
    }
}
