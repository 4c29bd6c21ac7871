//! What can be seen without a network: configuration, database, key file.

use std::path::Path;
use std::time::Duration;

use super::report::Finding;
use crate::cli::installation;
use crate::config::{Config, DEFAULT_FILE, Loaded, Secrets};
use crate::oauth::rekey;
use crate::oauth::vault::{Vault, open_to_others};
use crate::store::{Options, Store};

/// The configuration, if it can be read at all.
pub(super) fn configuration(file: Option<&Path>) -> (Option<Config>, Vec<Finding>) {
    const CHECK: &str = "configuration";
    let Loaded { config, file } = match installation::load(file) {
        Ok(loaded) => loaded,
        Err(error) => {
            let cure = "mend what it names; config.example.toml shows every key";
            return (None, vec![Finding::fail(CHECK, format!("{error:#}"), cure)]);
        }
    };
    let problems = config.check();
    let mut findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding::fail(CHECK, format!("{}: {}", problem.key, problem.what), problem.cure))
        .collect();
    if findings.is_empty() {
        findings.push(match file {
            Some(file) => Finding::ok(CHECK, format!("{} is valid", file.display())),
            None => Finding::warn(
                CHECK,
                format!("there is no {DEFAULT_FILE} here: defaults and environment are used"),
                "name the file with --config FILE",
            ),
        });
    }
    (Some(config), findings)
}

/// The database, if it is there and has the tables of this version.
pub(super) async fn database(config: &Config) -> (Option<Store>, Finding) {
    const CHECK: &str = "database";
    let (url, shown) = (config.database.url.expose(), config.database.url.redacted());
    if !Store::may_be_there(url) {
        let cure = "go to the folder of your configuration, or begin a database with `mailtrail migrate`";
        return (None, Finding::fail(CHECK, format!("there is no database {shown}"), cure));
    }
    let wait = Duration::from_secs(config.database.wait_seconds).min(super::PATIENCE);
    let store = match Store::open(url, &Options { connections: config.database.max_connections, wait }).await {
        Ok(store) => store,
        Err(error) => {
            let cure = "check database.url, the permissions of the file, or whether the server runs";
            return (None, Finding::fail(CHECK, error.to_string(), cure));
        }
    };
    match store.schema().await {
        (0, false) => (Some(store), Finding::ok(CHECK, format!("{shown} is up to date"))),
        (0, true) => {
            let finding = Finding::fail(
                CHECK,
                format!("{shown} was changed by a newer version"),
                "use that version of mailtrail",
            );
            (Some(store), finding)
        }
        (steps, _) => {
            let cure = "`mailtrail migrate` brings it up to date, and `mailtrail run` does so, too";
            (None, Finding::fail(CHECK, format!("{shown} is {steps} steps behind this version"), cure))
        }
    }
}

/// The key file: its mode, and whether its keys open everything that is sealed.
pub(super) async fn key(secrets: &Secrets, store: Option<&Store>) -> (Option<Vault>, Vec<Finding>) {
    const CHECK: &str = "key";
    let vault = match Vault::present(secrets) {
        Ok(vault) => vault,
        Err(trouble) => return (None, vec![Finding::failed(CHECK, &trouble, "restore your backup of the key file")]),
    };
    let file = secrets.key_file.display();
    let Some(vault) = vault else { return (None, vec![missing(secrets, store).await]) };
    let mut findings = Vec::new();
    match open_to_others(&secrets.key_file).filter(|_| secrets.key.is_none()) {
        Some(mode) => {
            let what = format!("other users of this machine can read {file} (mode {mode:o})");
            findings.push(Finding::warn(CHECK, what, format!("chmod 600 {file}")));
        }
        None if secrets.key.is_some() => findings.push(Finding::ok(CHECK, "secrets.key holds a key")),
        None => findings.push(Finding::ok(CHECK, format!("{file} is private"))),
    }
    if let Some(store) = store {
        findings.extend(seals(store, &vault).await);
    }
    (Some(vault), findings)
}

async fn missing(secrets: &Secrets, store: Option<&Store>) -> Finding {
    let what = format!("there is no key file {}", secrets.key_file.display());
    let sealed = match store {
        Some(store) => crate::store::grants::accounts(store).await.map_or(0, |accounts| accounts.len()),
        None => 0,
    };
    if sealed > 0 {
        let cure =
            "restore it from your backup; if it is lost, `mailtrail rekey --lost`, then connect these accounts again";
        return Finding::fail("key", format!("{what}, and the tokens of {sealed} accounts need it"), cure);
    }
    Finding::warn("key", what, "`mailtrail run` makes it; back it up then")
}

async fn seals(store: &Store, vault: &Vault) -> Vec<Finding> {
    const CHECK: &str = "seals";
    let seen = match rekey::examine(store, vault).await {
        Ok(seen) => seen,
        Err(trouble) => return vec![Finding::failed(CHECK, &trouble, "try again")],
    };
    let cure = "put the old key back as a further line of the key file";
    let mut findings: Vec<Finding> =
        seen.failed.iter().map(|(what, trouble)| Finding::failed(CHECK, trouble, cure).of(what)).collect();
    let all = seen.sealed + seen.current;
    if seen.sealed > 0 {
        let what = format!("{} of {all} sealed values need an older key", seen.sealed);
        findings.push(Finding::warn(CHECK, what, "`mailtrail rekey`, before an old key is taken out of the file"));
    } else if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("the key opens all {all} sealed values")));
    }
    findings
}
