//! `auditdb count`: how many records, in groups. The groups go to stdout; how far the answer goes to stderr.

use super::figures::count;
use super::output::Out;
use super::query::{Asked, quoted};
use super::{Answer, Outcome, Stop, Waiting, Where, output};
use crate::query::{CountRow, Counting, Counts, Measure, Per, Stopped, Zone};
use crate::record::{format_time, printable};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::Path;

/// Count records, in groups by what stands in them and by when they were.
#[derive(Debug, Args)]
#[command(
    override_usage = "auditdb count [OPTIONS] [DIR] [EXPR]",
    after_help = "EXPR is as for `auditdb query`, and all logs of the database are asked, or only that of --log. A record with a list, such as tools, counts once in the group of each different\n\
    value. Figures: distinct(subject) sum(cost) avg(duration) min(rows) max(rows) p50(duration) p99.9(duration).\n\n\
    Exit codes: 0 counted; 1 nothing matched; 2 a mistake; 3 a partial answer.\n\n\
    Examples:\n  auditdb init my-db\n  auditdb count my-db kind:system --by event\n  \
    auditdb count my-db --by agent,outcome --per hour --all --chart\n  \
    auditdb count my-db --all --by kind --timeout 5s --figures 'distinct(agent),p95(duration)' --json"
)]
pub(super) struct Count {
    #[command(flatten)]
    at: Where,
    /// Which records; all of them if it is left out.
    #[arg(value_name = "EXPR")]
    expr: Option<OsString>,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    waiting: Waiting,
    /// Group by these members, up to three.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    by: Vec<String>,
    /// Group by periods of the record's time, in the zone of --tz (UTC).
    #[arg(long, value_enum, value_name = "PERIOD")]
    per: Option<Period>,
    /// Further figures of each group.
    #[arg(long, value_name = "FIGURES", value_delimiter = ',')]
    figures: Vec<String>,
    /// Draw a bar for each group.
    #[arg(long, conflicts_with = "json")]
    chart: bool,
}

/// See [`Per`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Period {
    Hour,
    Day,
    Week,
    Month,
}

impl Count {
    pub(super) fn run(self) -> Outcome {
        let (dir, expr) = self.at.dir_and_expr(self.expr.as_slice())?;
        let expr = expr.as_str();
        let zone = self.asked.zone()?.unwrap_or_else(Zone::utc);
        let mut counting = Counting::new(self.asked.question(expr, &zone)?.within(&self.waiting.patience()?));
        let mistake = |fault: crate::QueryFault| Stop::CouldNot(fault.to_string());
        for name in &self.by {
            counting = counting.by(name).map_err(mistake)?;
        }
        for figure in &self.figures {
            counting = counting.measure(Measure::parse(figure).map_err(mistake)?);
        }
        if let Some(period) = self.per {
            let per = match period {
                Period::Hour => Per::Hour,
                Period::Day => Per::Day,
                Period::Week => Per::Week,
                Period::Month => Per::Month,
            };
            counting = counting.per(per, zone.clone());
        }
        let counts = self.at.read(&dir)?.count(&counting)?;
        if self.at.json {
            output::print(&self.object(&counts))?;
        } else {
            self.table(&counts, &zone)?;
            self.foot(&dir, expr, &counts);
        }
        Ok(match counts.reach.matched {
            _ if counts.is_partial() => Answer::Partial,
            0 => Answer::No,
            _ => Answer::Yes,
        })
    }

    fn table(&self, counts: &Counts, zone: &Zone) -> Result<(), Stop> {
        let head = self.per.map(|_| "from".to_owned()).into_iter();
        let head = head.chain(self.by.iter().cloned()).chain(["count".to_owned()]);
        let head: Vec<String> = head.chain(self.figures.iter().cloned()).collect();
        let cells = |row: &CountRow| -> Vec<String> {
            let start = row.start.map(|start| self.period(start, zone)).into_iter();
            let values = row.values.iter().map(|value| match value {
                Some(value) => printable(value).into_owned(),
                None => "-".to_owned(),
            });
            let measures = row
                .measures
                .iter()
                .map(|figure| figure.map_or_else(|| "-".to_owned(), short));
            start.chain(values).chain([count(row.count)]).chain(measures).collect()
        };
        let rows: Vec<Vec<String>> = counts.rows.iter().map(cells).collect();
        let widths: Vec<usize> = (0..head.len())
            .map(|column| {
                let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        // Numbers stand to the right.
        let text_columns = head.len() - 1 - self.figures.len();
        let line = |row: &[String]| -> String {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                let room = " ".repeat(width.saturating_sub(cell.chars().count()));
                if column < text_columns {
                    format!("{cell}{room}")
                } else {
                    format!("{room}{cell}")
                }
            });
            cells.collect::<Vec<_>>().join("  ")
        };
        let most = counts.rows.iter().map(|row| row.count).max().unwrap_or(0);
        let mut out = Out::new();
        if !rows.is_empty() && (head.len() > 1 || self.chart) {
            out.line(line(&head).trim_end())?;
        }
        for (cells, row) in rows.iter().zip(&counts.rows) {
            let bar = if self.chart {
                format!("  {}", bar(row.count, most))
            } else {
                String::new()
            };
            out.line(format!("{}{bar}", line(cells)).trim_end())?;
        }
        out.flush()
    }

    /// When a period begins, as precisely as it is long.
    fn period(&self, start: i64, zone: &Zone) -> String {
        let text = if zone.is_utc() {
            format_time(start).replace('T', " ")
        } else {
            zone.show(start)
        };
        let len = match self.per {
            Some(Period::Hour) => "2026-11-24 15:00".len(),
            Some(Period::Month) => "2026-11".len(),
            _ => "2026-11-24".len(),
        };
        text.get(..len).unwrap_or(&text).to_owned()
    }

    fn object(&self, counts: &Counts) -> String {
        let row = |row: &CountRow| {
            let by: serde_json::Map<String, serde_json::Value> = self
                .by
                .iter()
                .cloned()
                .zip(row.values.iter().map(|value| serde_json::json!(value)))
                .collect();
            let figures: serde_json::Map<String, serde_json::Value> = self
                .figures
                .iter()
                .cloned()
                .zip(row.measures.iter().map(|figure| serde_json::json!(figure)))
                .collect();
            serde_json::json!({ "from": row.start.map(format_time), "by": by, "count": row.count, "figures": figures })
        };
        let rows: Vec<_> = counts.rows.iter().map(row).collect();
        let unreadable: Vec<String> = counts.reach.unreadable.iter().map(ToString::to_string).collect();
        serde_json::json!({
            "rows": rows, "matched": counts.reach.matched, "in_range": counts.reach.in_range, "scanned": counts.reach.scanned,
            "pruned": counts.reach.pruned, "partial": counts.is_partial(), "cut": counts.cut, "unreadable": unreadable,
            "stopped": counts.reach.stopped.map(Stopped::as_str), "logs": counts.reach.logs,
            "unasked": output::unasked(&counts.reach),
        })
        .to_string()
    }

    fn foot(&self, dir: &Path, expr: &str, counts: &Counts) {
        output::left_out(&counts.reach);
        match counts.reach.stopped {
            Some(stopped) => {
                let why = output::stopped(stopped);
                output::say(&format!("auditdb: PARTIAL: {why} before everything was counted"));
            }
            None if counts.reach.is_partial() => {
                output::say("auditdb: PARTIAL: records that could not be read are not counted");
            }
            None => {}
        }
        if counts.cut {
            let (limit, each) = (count(Counts::LIMIT as u64), count(Counts::GROUPS_OF_A_RECORD as u64));
            output::say(&format!(
                "auditdb: PARTIAL: more than {limit} groups or values, or a record in more than {each} groups; ask for less at a time"
            ));
        }
        output::say(&format!(
            "{} records matched in {} groups; of {} in range{} {} were looked at",
            count(counts.reach.matched),
            count(counts.rows.len() as u64),
            count(counts.reach.in_range),
            match counts.reach.logs {
                1 => String::new(),
                logs => format!(" in {logs} logs"),
            },
            count(counts.reach.scanned)
        ));
        let dir = quoted(&dir.to_string_lossy());
        let expr = if expr.is_empty() {
            String::new()
        } else {
            format!(" {}", quoted(expr))
        };
        let log = self.at.log().map(|log| format!(" --log {}", quoted(log)));
        if counts.reach.matched > 0 {
            let log = log.unwrap_or_default();
            output::say(&format!("next: auditdb query {dir}{expr}{log}"));
        }
    }
}

/// A figure with at most three digits behind the point.
fn short(figure: f64) -> String {
    let text = format!("{figure:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A bar of up to forty columns, in eighths.
fn bar(count: u64, most: u64) -> String {
    const COLUMNS: u64 = 40;
    let eighths = u128::from(count) * u128::from(COLUMNS) * 8 / u128::from(most.max(1));
    let eighths = u64::try_from(eighths).unwrap_or(COLUMNS * 8);
    let full = usize::try_from(eighths / 8).unwrap_or(0);
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = usize::try_from(eighths % 8)
        .ok()
        .and_then(|part| parts.get(part))
        .unwrap_or(&"");
    let bar = format!("{}{part}", "█".repeat(full));
    if bar.is_empty() && count > 0 {
        "▏".to_owned()
    } else {
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(10, 10).chars().count(), 40);
        assert_eq!(bar(5, 10).chars().count(), 20);
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(u64::MAX, u64::MAX).chars().count(), 40);
        assert_eq!([0.0, 0.25, 2.0, 1234.5678].map(short), ["0", "0.25", "2", "1234.568"]);
    }
}
