//! The text that Prometheus reads: what this process counted, and what the database knows of the whole installation.
//!
//! The latter is written here and not through a recorder, which would go on showing an account that is well again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::families::{FAMILIES, Kind};
use super::state::{Standing, Usual, trouble_of};
use crate::store::health::Health;

/// The media type of [`render`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Which of the accounts of a class a poll age is of: in hundredths.
const QUANTILES: [(usize, &str); 4] = [(50, "0.5"), (90, "0.9"), (99, "0.99"), (100, "1")];

/// All metrics; without what the database knows if it does not answer.
pub fn render(health: Option<&Health>, usual: &Usual, now: DateTime<Utc>) -> String {
    let mut text = super::counted();
    let mut read = BTreeMap::new();
    read.insert("mailtrail_database_up", one(i64::from(health.is_some())));
    if let Some(health) = health {
        read.extend(of_installation(health, usual, now));
    }
    for family in FAMILIES {
        let head = format!("# TYPE {} {}\n", family.name, family.kind.as_str());
        if text.contains(&head) {
            continue;
        }
        let _ = writeln!(text, "# HELP {} {}", family.name, family.told());
        text.push_str(&head);
        if family.kind == Kind::Gauge {
            for (labels, value) in read.remove(family.name).unwrap_or_default() {
                let _ = writeln!(text, "{}{labels} {value}", family.name);
            }
        }
    }
    text
}

/// Labels in braces, and a value.
type Series = Vec<(String, String)>;

fn one(value: i64) -> Series {
    vec![(String::new(), value.to_string())]
}

fn of_installation(health: &Health, usual: &Usual, now: DateTime<Utc>) -> Vec<(&'static str, Series)> {
    let audited = health.oldest_audit.map(|at| one((now - at).num_seconds().max(0)));
    vec![
        ("mailtrail_poll_age_seconds", poll_ages(&health.standings, now)),
        ("mailtrail_accounts", states(&health.standings)),
        ("mailtrail_account_unwell", unwell(&health.standings, usual, now)),
        ("mailtrail_quarantined", one(health.quarantined)),
        ("mailtrail_uid_holes", one(health.uid_holes)),
        ("mailtrail_audit_age_seconds", audited.unwrap_or_default()),
        ("mailtrail_outbox_events", one(i64::try_from(health.outbox).unwrap_or(i64::MAX))),
        ("mailtrail_notices_waiting", one(health.notices_waiting)),
    ]
}

/// The age of the last completed poll that so many of a class of accounts are below.
fn poll_ages(standings: &[Standing], now: DateTime<Utc>) -> Series {
    let mut classes: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for one in standings.iter().filter(|one| one.is_watched()) {
        let age = one.poll_age(now).num_milliseconds() as f64 / 1e3;
        classes.entry((&one.kind, &one.provider)).or_default().push(age);
    }
    let mut series = Vec::new();
    for ((kind, provider), mut ages) in classes {
        ages.sort_by(f64::total_cmp);
        for (hundredths, quantile) in QUANTILES {
            let rank = (ages.len() * hundredths).div_ceil(100).max(1);
            if let Some(age) = ages.get(rank - 1) {
                let labels = labels(&[("kind", kind), ("provider", provider), ("quantile", quantile)]);
                series.push((labels, age.to_string()));
            }
        }
    }
    series
}

fn states(standings: &[Standing]) -> Series {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for one in standings {
        *counts.entry((&one.state, &one.kind, &one.provider)).or_default() += 1;
    }
    let named = |((state, kind, provider), count): ((&str, &str, &str), u64)| {
        (labels(&[("state", state), ("kind", kind), ("provider", provider)]), count.to_string())
    };
    counts.into_iter().map(named).collect()
}

fn unwell(standings: &[Standing], usual: &Usual, now: DateTime<Utc>) -> Series {
    let told = standings.iter().filter_map(|one| Some((one, trouble_of(one, usual, now)?)));
    let named = |(one, trouble): (&Standing, &str)| {
        let id = one.id.to_string();
        (labels(&[("account", &id), ("state", &one.state), ("trouble", trouble)]), "1".to_owned())
    };
    told.map(named).collect()
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    const USUAL: Usual = Usual { poll: Duration::from_secs(30), late: Duration::from_secs(480) };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn standing(last_success: i64) -> Standing {
        Standing {
            id: Uuid::from_u128(7),
            kind: "bcc".into(),
            provider: "google".into(),
            state: "active".into(),
            trouble: None,
            since: at(0),
            last_success: Some(at(last_success)),
            progress: None,
        }
    }

    fn shown(standings: Vec<Standing>) -> String {
        render(Some(&Health { standings, ..Health::default() }), &USUAL, at(1_000))
    }

    #[test]
    fn the_worst_of_a_class_is_its_last_quantile() {
        let text = shown((1..=100).map(|age| standing(1_000 - age)).collect());
        for (quantile, age) in [("0.5", 50), ("0.9", 90), ("0.99", 99), ("1", 100)] {
            let line = format!(
                "mailtrail_poll_age_seconds{{kind=\"bcc\",provider=\"google\",quantile=\"{quantile}\"}} {age}\n"
            );
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn an_account_that_is_well_again_is_shown_no_more() {
        let line = format!("mailtrail_account_unwell{{account=\"{}\"", Uuid::from_u128(7));
        assert!(shown(vec![standing(1)]).contains(&line));
        assert!(!shown(vec![standing(999)]).contains(&line));
    }

    #[test]
    fn without_the_database_that_is_said_and_nothing_is_made_up() {
        let text = render(None, &USUAL, at(0));
        assert!(text.contains("mailtrail_database_up 0\n") && !text.contains("\nmailtrail_uid_holes "), "{text}");
        assert!(text.contains("# TYPE mailtrail_uid_holes gauge\n"));
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        assert_eq!(labels(&[("a", "x\"y\\z\n")]), "{a=\"x\\\"y\\\\z\\n\"}");
    }
}
