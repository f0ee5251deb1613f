use super::*;
use crate::record::{Prepared, RECORD_LIMIT};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// 2026-01-05, a Monday, at midnight.
const START: i64 = 1_767_571_200_000_000_000;

fn day() -> Vec<(Entry, Value)> {
    let with_value = |entry: Entry| {
        let value = serde_json::from_str(&entry.json).unwrap();
        (entry, value)
    };
    Workforce::new(1, START)
        .take(RECORDS_PER_DAY as usize)
        .map(with_value)
        .collect()
}

#[test]
fn the_same_seed_makes_the_same_records() {
    let first: Vec<_> = Workforce::new(7, START).take(500).collect();
    assert!(
        first
            .iter()
            .eq(Workforce::new(7, START).take(500).collect::<Vec<_>>().iter())
    );
    assert_ne!(first.first(), Workforce::new(8, START).next().as_ref());
    let all: String = Workforce::new(7, START)
        .take(2_000)
        .map(|entry| entry.json + "\n")
        .collect();
    // The same on every platform: whoever changes a sentence changes this too.
    let digest = blake3::hash(all.as_bytes()).to_hex();
    assert_eq!(&digest[..16], "a8bc7d840c7463d8");
}

#[test]
fn every_record_is_taken_and_has_the_usual_size() {
    let mut sizes = Vec::new();
    for entry in Workforce::new(3, START).take(RECORDS_PER_DAY as usize) {
        if let Err(refusal) = Prepared::new(entry.json.as_bytes(), RECORD_LIMIT) {
            panic!("{refusal}\n{}", entry.json);
        }
        assert!(!entry.json.contains(['<', '|']), "{}", entry.json);
        sizes.push(entry.json.len());
    }
    sizes.sort_unstable();
    let average = sizes.iter().sum::<usize>() / sizes.len();
    let at = |share: usize| sizes[share * (sizes.len() - 1) / 100];
    println!("average {average}, {:?}", [0, 1, 10, 50, 90, 99, 100].map(at));
    assert!((1_900..3_000).contains(&average), "{average}");
    assert!(at(0) >= 400 && at(100) <= 16_000, "{} {}", at(0), at(100));
}

#[test]
fn a_day_has_all_agents_all_kinds_and_the_usual_failures() {
    let day = day();
    let span = day.last().unwrap().0.time_ns - START;
    assert!(span > 0 && span < 86_400_000_000_000);
    assert!(day.is_sorted_by(|a, b| a.0.time_ns < b.0.time_ns));
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut agents = HashSet::new();
    let mut ids = HashSet::new();
    for (entry, value) in &day {
        agents.insert(entry.agent);
        assert!(ids.insert(entry.id.clone()));
        assert_eq!(
            (value["id"].as_str(), value["agent"]["id"].as_str()),
            (Some(entry.id.as_str()), Some(entry.agent))
        );
        assert_eq!(value["correlation"].as_str().unwrap_or_default(), entry.correlation);
        *counts.entry(entry.kind.to_string()).or_default() += 1;
        *counts
            .entry(format!(
                "outcome {}",
                value["outcome"]["status"].as_str().unwrap_or("none")
            ))
            .or_default() += 1;
    }
    assert_eq!(agents, agent_names().collect());
    println!("{counts:#?}");
    assert!(Kind::NAMES.iter().all(|kind| counts.contains_key(*kind)));
    assert!((480..=960).contains(&counts["outcome failure"]) && counts["outcome denied"] > 20);
}

#[test]
fn chains_hang_together() {
    let day = day();
    let mut correlation_of: HashMap<String, String> = HashMap::new();
    let mut length: HashMap<String, usize> = HashMap::new();
    let mut numbers: HashMap<String, u64> = HashMap::new();
    let (mut first_end, mut retries) = (HashSet::new(), 0);
    for (entry, value) in &day {
        let source = &value["source"];
        let number = numbers.entry(source["id"].to_string()).or_default();
        *number += 1;
        assert_eq!(source["number"], *number);
        if let Some(parent) = value["parent"].as_str() {
            assert_eq!(correlation_of[parent], entry.correlation);
        } else {
            first_end.insert(entry.correlation.clone());
        }
        for link in value["links"].as_array().into_iter().flatten() {
            assert_eq!(correlation_of[link["id"].as_str().unwrap()], entry.correlation);
            retries += usize::from(link["rel"] == "retry_of");
        }
        correlation_of.insert(entry.id.clone(), entry.correlation.clone());
        *length.entry(entry.correlation.clone()).or_default() += 1;
    }
    assert!(length.remove("").unwrap() > 100);
    assert_eq!(
        first_end.len() - 1,
        length.len(),
        "one record without a parent in each chain"
    );
    let still_open = length.values().filter(|length| !(3..=12).contains(*length)).count();
    assert!(
        length.values().all(|length| *length <= 12) && still_open <= OPEN_CASES && retries > 200,
        "{retries}"
    );
    println!(
        "{} chains, {} records on average",
        length.len(),
        length.values().sum::<usize>() / length.len()
    );
}

#[test]
fn retries_follow_failures_and_effects_their_conditions() {
    let day = day();
    let by_id: HashMap<&str, &Value> = day.iter().map(|(entry, value)| (entry.id.as_str(), value)).collect();
    let mut defined = HashSet::new();
    for (_, value) in &day {
        defined.extend(value["definition"]["digest"].as_str());
        for link in value["links"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|link| link["rel"] == "retry_of")
        {
            let earlier = by_id[link["id"].as_str().unwrap()];
            assert_eq!(
                (&earlier["outcome"]["status"], &earlier["kind"]),
                (&"failure".into(), &value["kind"])
            );
        }
        let named = value["input"]["prompt"]["digest"].as_str().into_iter();
        for policy in value["policies"].as_array().into_iter().flatten() {
            let all = policy["conditions"]
                .as_array()
                .unwrap()
                .iter()
                .all(|condition| condition["met"] == true);
            let digest = policy["digest"].as_str().unwrap();
            assert!(defined.contains(digest), "{policy}");
            let definition = day
                .iter()
                .find(|(_, value)| value["definition"]["digest"] == digest)
                .unwrap();
            let effect = if all { "met" } else { "unmet" };
            assert_eq!(definition.1["attributes"][effect], policy["effect"], "{policy}");
        }
        named.for_each(|digest| assert!(defined.contains(digest), "{digest}"));
    }
}
