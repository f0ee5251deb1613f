//! The page as one HTML file for a ticket: no script, no font, no picture, nothing from elsewhere, readable printed.
//!
//! What must hold: whatever stands in a record shows as text; a browser can neither run nor fetch anything for it.

use super::{Check, about, missing, place};
use crate::cli::figures::short_time;
use crate::query::{Fact, Said, Why};
use crate::record::{printable, printable_lines};

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111;background:#fff}\
h1{font-size:1.4em;margin:0}h2{font-size:1.05em;margin:1.6em 0 .3em;border-bottom:1px solid #bbb}\
table{border-collapse:collapse;width:100%}td{vertical-align:top;padding:.15em .4em}\
td.from{width:5em;color:#555;font-family:monospace}tr{break-inside:avoid}\
ul{margin:0;padding-left:1.2em;list-style:none}b{font-weight:600;color:#333}\
.text{white-space:pre-wrap;overflow-wrap:anywhere}.missing{color:#8a1500}\
code,pre{font-family:monospace;font-size:.9em;white-space:pre-wrap;overflow-wrap:anywhere}\
@media print{body{font-size:10pt;margin:0;max-width:none}}";

/// The whole file.
pub(super) fn file(why: &Why, check: &Check) -> String {
    let title = escaped(&printable(&why.title));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Why: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Why: {title}</h1>\n<p>{}, {}</p>\n",
        escaped(&short_time(&why.entry.time_text())),
        escaped(&about(why)),
    );
    if why.is_partial() {
        html +=
            "<p class=\"missing\">Partial: something of the chain could not be read, and facts may be missing.</p>\n";
    }
    for section in &why.sections {
        html += &format!("<h2>{}</h2>\n<table>\n", escaped(section.title));
        for fact in &section.facts {
            row(&mut html, why, fact);
        }
        html += "</table>\n";
    }
    let missing = missing(why);
    if !missing.is_empty() {
        html += "<h2>What is not on record</h2>\n<ul class=\"missing\">\n";
        for line in &missing {
            html += &format!("<li>{}</li>\n", escaped(&printable(line)));
        }
        html += "</ul>\n";
    }
    html += &format!(
        "<h2>How to check it</h2>\n<p>Log {}, record {}, id <code>{}</code><br>leaf <code>{}</code></p>\n<ul>\n",
        escaped(&printable(&why.record.log)),
        why.record.seq,
        escaped(&why.id),
        escaped(&check.leaf)
    );
    for (command, what) in check.commands() {
        html += &format!(
            "<li><code>{}</code><br>{}</li>\n",
            escaped(&printable(&command)),
            escaped(what)
        );
    }
    html += "</ul>\n";
    // With anything written out in it it would not be what was hashed.
    if printable(why.entry.text()) == why.entry.text() {
        html += &format!(
            "<p>The record as it was hashed:</p>\n<pre>{}</pre>\n",
            escaped(why.entry.text())
        );
    }
    html += "</body>\n</html>\n";
    html
}

fn row(html: &mut String, why: &Why, fact: &Fact) {
    *html += &format!("<tr><td class=\"from\">{}</td><td>", escaped(&place(why, &fact.from)));
    said(html, &fact.said);
    *html += "</td></tr>\n";
}

fn said(html: &mut String, said: &Said) {
    if !said.name.is_empty() {
        *html += &format!("<b>{}</b> ", escaped(&printable(&said.name)));
    }
    *html += &format!("<span class=\"text\">{}</span>", escaped(&printable_lines(&said.text)));
    if !said.under.is_empty() {
        *html += "<ul>";
        for under in &said.under {
            *html += "<li>";
            self::said(html, under);
            *html += "</li>";
        }
        *html += "</ul>";
    }
}

/// As text between tags and inside quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
