//! What the service tells operators about itself: metrics, health, readiness.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use mailtrail::metrics::{FAMILIES, Family, Kind};

use crate::support::faults::Started;
use crate::support::scrape::{Scrape, free_address};
use crate::support::world::{BCC, Engine, World, engines, mail};
use provider::Profile;

const CARLA: &str = "carla@customer.example";

async fn served(engine: Engine, more: &str) -> (World, Started, Scrape) {
    let listen = free_address();
    let world = World::new(engine, Profile::Plain, &format!("[http]\nlisten = \"{listen}\"\n{more}")).await;
    let service = Started::new(world.trail.command(&["run"]));
    let scrape = Scrape::of(&listen);
    scrape.until_ready().await;
    (world, service, scrape)
}

/// The metric that a line is of, and its labels' names.
fn parsed(line: &str) -> (String, BTreeSet<String>) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    value.parse::<f64>().expect("a number");
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once('='));
    (name.to_owned(), labels.map(|(label, _)| label.to_owned()).collect())
}

fn family_of<'a>(name: &str, families: &BTreeMap<&str, &'a Family>) -> Option<&'a Family> {
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let histogram = families.get(base).filter(|family| family.kind == Kind::Histogram);
    histogram.or_else(|| families.get(name)).copied()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_every_documented_metric_is_there() {
    for engine in engines() {
        let (world, service, scrape) = served(engine, "").await;
        world.deliver(mail("old@ours.example", CARLA, ""));
        scrape.until("mailtrail_verdicts_total{code=\"logged\"} 1").await;
        let text = scrape.metrics().await;
        let families: BTreeMap<&str, &Family> = FAMILIES.iter().map(|family| (family.name, family)).collect();
        assert_eq!(families.len(), FAMILIES.len(), "each once");
        let head = |what: &str| -> BTreeMap<String, String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("# {what} ")));
            lines
                .filter_map(|line| line.split_once(' '))
                .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
                .collect()
        };
        let (types, helps) = (head("TYPE"), head("HELP"));
        let documented: BTreeSet<String> = families.keys().map(|name| (*name).to_owned()).collect();
        assert_eq!(types.keys().cloned().collect::<BTreeSet<_>>(), documented);
        for (name, family) in &families {
            assert_eq!(types[*name], family.kind.as_str(), "{name}");
            assert!(helps.get(*name).is_some_and(|help| help.starts_with(family.help)), "{name}: {helps:?}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, labels) = parsed(line);
            let family = family_of(&name, &families).unwrap_or_else(|| panic!("{name} is not documented"));
            let allowed = |label: &String| family.labels.contains(&label.as_str()) || label == "le";
            assert!(labels.iter().all(allowed), "{line}");
        }
        assert!(!text.contains('@') && !text.contains("Offer"), "a label names somebody: {text}");
        service.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_is_that_of_mail_that_arrived_while_it_was_watched() {
    let (world, service, scrape) = served(Engine::Sqlite, "").await;
    scrape.until("mailtrail_connections_open 1").await;
    // Dated months ago: a backlog, whose age is nobody's fault.
    world.deliver(mail("1@ours.example", CARLA, ""));
    scrape.until("mailtrail_verdicts_total{code=\"logged\"} 1").await;
    assert!(!scrape.metrics().await.contains("mailtrail_lag_seconds_count{"));
    world.deliver_now(mail("2@ours.example", CARLA, ""));
    scrape.until("mailtrail_lag_seconds_count{kind=\"bcc\",provider=\"imap\"} 1").await;
    let text = scrape.metrics().await;
    assert!(text.contains("mailtrail_lag_seconds_bucket{kind=\"bcc\",provider=\"imap\",le=\"60\"} 1"), "{text}");
    assert!(text.contains("mailtrail_verdicts_total{code=\"logged\"} 2"), "{text}");
    assert!(text.contains("mailtrail_token_refreshes_total{provider=\"imap\",outcome=\"renewed\"} 1"), "{text}");
    assert!(
        text.contains("mailtrail_accounts_running 1") && text.contains("mailtrail_accounts{state=\"active\","),
        "{text}"
    );
    let ended = service.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_served_and_metrics_can_be_switched_off() {
    let (_world, service, scrape) = served(Engine::Sqlite, "metrics = false\n").await;
    let (status, body) = scrape.get("/healthz").await;
    assert!(status == 200 && body.contains("\"alive\":true"), "{status} {body}");
    let (status, body) = scrape.get("/readyz").await;
    assert_eq!((status, body.trim()), (200, "{\"ready\":true}"));
    assert_eq!(scrape.get("/metrics").await.0, 404);
    service.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_database_is_away_is_alive_and_not_ready() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let (world, service, scrape) = served(Engine::Postgres, "").await;
    let database = world.trail.database().expect("it is PostgreSQL");
    database.shut();
    let (mut status, mut body) = scrape.get("/readyz").await;
    while status == 200 {
        (status, body) = scrape.get("/readyz").await;
    }
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(status == 503 && told["ready"] == false && told["reason"].as_str().unwrap().contains("database"), "{body}");
    assert_eq!(scrape.get("/healthz").await.0, 200);
    scrape.until("mailtrail_database_up 0").await;
    database.open();
    scrape.until_ready().await;
    scrape.until("mailtrail_database_up 1").await;
    service.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_one_machine_is_told_how_to_get_metrics_of_its_own() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let world = World::new(Engine::Sqlite, Profile::Plain, &format!("[http]\nlisten = \"{listen}\"\n")).await;
    let service = Started::new(world.trail.command(&["run"]));
    world
        .provider
        .mail
        .wait_for_command(|command| command.verb == "IDLE" && command.user.as_deref() == Some(BCC))
        .await;
    let ended = service.terminate();
    assert!(ended.err.contains("MAILTRAIL_HTTP__LISTEN") && ended.err.contains("/metrics"), "{ended:?}");
}

#[test]
fn the_example_alerts_ask_for_metrics_that_there_are() {
    let rules = include_str!("../../examples/alerts.yml");
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let asked: BTreeSet<&str> =
        rules.split(|c: char| !is_part(c)).filter(|word| word.starts_with("mailtrail_")).collect();
    let families: BTreeMap<&str, &Family> = FAMILIES.iter().map(|family| (family.name, family)).collect();
    assert!(asked.len() > 8, "{asked:?}");
    for name in asked {
        assert!(family_of(name, &families).is_some(), "{name}");
    }
}
