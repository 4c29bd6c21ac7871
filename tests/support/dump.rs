//! A whole database as text that is equal for equal histories: without the times and identifiers that every run makes
//! anew.

use std::collections::{BTreeMap, BTreeSet};

use mailtrail::store::{Options, Store};
use sea_orm::EntityTrait;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// When we did something, how often, and what differs with that: the rest comes from mail and records.
const OWN: [&str; 19] = [
    "at",
    "count",
    "created_at",
    "connected_at",
    "disconnected_at",
    "last_attempt",
    "last_poll",
    "last_success",
    "next_look",
    "since",
    "until",
    "updated_at",
    "failures",
    "next_try",
    "reason_at",
    "seq",
    "highest_modseq",
    "state_at",
    "expires_at",
];

/// How far a row is told from others by what refers to it.
const ROUNDS: usize = 6;

const ID: usize = 36;

macro_rules! tables {
    ($db:expr, $($table:ident),+ $(,)?) => {{
        let mut rows: Vec<(&'static str, Value)> = Vec::new();
        $(
            let all = entity::$table::Entity::find().into_json().all($db).await.unwrap();
            rows.extend(all.into_iter().map(|row| (stringify!($table), row)));
        )+
        rows
    }};
}

/// Every row of the tables of the domain, sorted; identifiers are replaced by what they stand for.
pub async fn dump(url: &str) -> Vec<String> {
    let store = Store::open(url, &Options::default()).await.unwrap();
    let rows = tables!(
        &store.db,
        account,
        account_user,
        account_workspace,
        activity,
        activity_company,
        activity_contact,
        activity_deal,
        attachment,
        attempt,
        company,
        company_domain,
        contact,
        contact_address,
        contact_company,
        deal,
        deal_contact,
        late_attachment,
        ledger,
        mailbox,
        never_log,
        notice,
        outbox,
        pending_reference,
        quarantine,
        review,
        sighting,
        thread,
        thread_message,
        tombstone,
        user,
        user_address,
        workspace,
    );
    store.close().await.unwrap();
    let rows: Vec<String> = rows.into_iter().map(|(table, row)| format!("{table} {}", without_own(row))).collect();
    named_alike(&rows)
}

fn without_own(mut row: Value) -> Value {
    row.as_object_mut().unwrap().retain(|column, _| !OWN.contains(&column.as_str()));
    row
}

/// Gives each identifier a name made of the rows that it stands in, and of the names of what stands there with it.
fn named_alike(rows: &[String]) -> Vec<String> {
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut places: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            for (at, id) in ids(row) {
                let shown = renamed(row, &names);
                places.entry(id).or_default().insert(format!("{at} of {shown}"));
            }
        }
        names = places.into_iter().map(|(id, places)| (id, name(&places))).collect();
    }
    let mut shown: Vec<String> = rows.iter().map(|row| renamed(row, &names)).collect();
    shown.sort();
    shown
}

fn name(places: &BTreeSet<String>) -> String {
    let digest = Sha256::digest(places.iter().map(String::as_str).collect::<Vec<_>>().join("\n"));
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The UUIDs of a row, each with its number among them.
fn ids(row: &str) -> impl Iterator<Item = (usize, &str)> {
    let hex = |byte: &u8| byte.is_ascii_hexdigit();
    let dashes = [8, 13, 18, 23];
    let is_id = move |text: &&str| {
        let bytes = text.as_bytes();
        (0..ID).all(|at| if dashes.contains(&at) { bytes[at] == b'-' } else { hex(&bytes[at]) })
    };
    let all = (0..row.len().saturating_sub(ID - 1)).filter_map(move |at| row.get(at..at + ID).filter(is_id));
    all.enumerate()
}

fn renamed(row: &str, names: &BTreeMap<&str, String>) -> String {
    let mut shown = row.to_owned();
    for (at, id) in ids(row) {
        let name = names.get(id).map_or_else(|| format!("#{at}"), |name| format!("<{name}>"));
        shown = shown.replacen(id, &name, 1);
    }
    shown
}

/// What differs between two dumps: rows that say something else, or, where all say the same, rows that refer to another.
pub fn difference(found: &[String], expected: &[String]) -> Vec<String> {
    let bare = |rows: &[String]| -> Vec<String> {
        let mut rows: Vec<String> = rows.iter().map(|row| without_names(row)).collect();
        rows.sort();
        rows
    };
    let by_word = [("more", bare(found), bare(expected)), ("less", bare(expected), bare(found))];
    let by_name = [("more", found.to_vec(), expected.to_vec()), ("less", expected.to_vec(), found.to_vec())];
    let differing = |pairs: [(&str, Vec<String>, Vec<String>); 2]| -> Vec<String> {
        let [more, less] = pairs.map(|(word, these, mut those)| {
            let only = these.into_iter().filter(|row| match those.iter().position(|other| other == row) {
                Some(at) => {
                    those.remove(at);
                    false
                }
                None => true,
            });
            only.map(|row| format!("{word}: {row}")).collect::<Vec<_>>()
        });
        [more, less].concat()
    };
    let words = differing(by_word);
    if words.is_empty() { differing(by_name) } else { words }
}

fn without_names(row: &str) -> String {
    row.split('<')
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('>').map_or(part, |it| it.1) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(offer: u128, order: u128) -> Vec<String> {
        let [offer, order] = [offer, order].map(|number| uuid::Uuid::from_u128(number).to_string());
        let rows = [
            format!("activity {{\"id\":\"{offer}\",\"subject\":\"Offer\"}}"),
            format!("activity {{\"id\":\"{order}\",\"subject\":\"Order\"}}"),
            format!("sighting {{\"activity_id\":\"{offer}\",\"uid\":1}}"),
        ];
        named_alike(&rows)
    }

    #[test]
    fn other_identifiers_show_alike_and_other_references_do_not() {
        assert_eq!(history(7, 8), history(9, 3));
        let [offer, order] = [7, 8].map(|number| uuid::Uuid::from_u128(number).to_string());
        let swapped = [
            format!("activity {{\"id\":\"{offer}\",\"subject\":\"Offer\"}}"),
            format!("activity {{\"id\":\"{order}\",\"subject\":\"Order\"}}"),
            format!("sighting {{\"activity_id\":\"{order}\",\"uid\":1}}"),
        ];
        assert_ne!(history(7, 8), named_alike(&swapped));
    }
}
