//! File and environment become a [`Config`], or an error that says where and what.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::Config;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "mailtrail.toml";

const PREFIX: &str = "MAILTRAIL_";

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The effective configuration.
    pub config: Config,
    /// The file that was read; none if there was none at the default place.
    pub file: Option<PathBuf>,
}

impl Loaded {
    /// What to tell a person who runs without a file.
    pub fn hint(&self) -> Option<String> {
        if self.file.is_some() {
            return None;
        }
        Some(format!("no {DEFAULT_FILE} here: using the defaults and the environment; name a file with --config FILE"))
    }
}

/// Why there is no configuration. The text never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {why}; check the path given with --config or MAILTRAIL_CONFIG", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file says something we do not understand.
    #[error("{0}")]
    Invalid(String),
    /// An environment variable says something we do not understand.
    #[error("environment variable {name}: {what}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Config {
    /// Reads `file`, or the default file if there is one, and lays the environment over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        match file {
            Some(file) => Self::load_from(file, true, environment),
            None => Self::load_from(Path::new(DEFAULT_FILE), false, environment),
        }
    }

    pub(super) fn load_from(
        path: &Path,
        required: bool,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let (text, found) = match fs::read_to_string(path) {
            Ok(text) => (text, true),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => (String::new(), false),
            Err(error) => return Err(ConfigError::Unreadable { file: path.to_owned(), why: error.to_string() }),
        };
        let config = Self::parse(&text, &path.display().to_string(), environment)?;
        Ok(Loaded { config, file: found.then(|| path.to_owned()) })
    }

    /// Reads a configuration from `text`, called `name` in errors, and lays the environment over it.
    pub fn parse(
        text: &str,
        name: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let invalid = |error: toml::de::Error| ConfigError::Invalid(explain(text, name, &error));
        let config: Self = toml::from_str(text).map_err(invalid)?;
        let mut table: Table = text.parse().map_err(invalid)?;
        let mut changed = false;
        for (name, value) in environment {
            if let Some(keys) = keys(&name) {
                merge(&mut table, overlay(&name, &keys, &value)?);
                changed = true;
            }
        }
        if !changed {
            return Ok(config);
        }
        Self::deserialize(table).map_err(|error| ConfigError::Invalid(format!("{name}: {}", error.message())))
    }
}

/// The path of keys that an environment variable names. Variables of one level are commands' own (`MAILTRAIL_CONFIG`),
/// but for the two lists.
fn keys(name: &str) -> Option<Vec<String>> {
    let keys: Vec<String> = name.strip_prefix(PREFIX)?.split("__").map(str::to_lowercase).collect();
    let alone = matches!(keys.as_slice(), [only] if only != "accounts" && only != "workspaces");
    (!alone).then_some(keys)
}

/// A table that holds nothing but this variable: as a TOML value if the key takes it, else as a string.
fn overlay(name: &str, keys: &[String], value: &str) -> Result<Table, ConfigError> {
    let text = nest(keys, Value::String(value.to_owned()));
    let as_text = Config::deserialize(text.clone());
    let Some(value) = typed(value) else {
        return as_text.map(|_| text).map_err(|error| refuse(name, keys, None, &error));
    };
    let typed = nest(keys, value.clone());
    match Config::deserialize(typed.clone()) {
        Ok(_) => Ok(typed),
        // A client id may be all digits, a password may be `true`.
        Err(error) => as_text.map(|_| text).map_err(|_| refuse(name, keys, Some(&value), &error)),
    }
}

fn typed(value: &str) -> Option<Value> {
    let mut table: Table = format!("value = {value}").parse().ok()?;
    (table.len() == 1).then(|| table.remove("value")).flatten()
}

fn refuse(name: &str, keys: &[String], value: Option<&Value>, error: &toml::de::Error) -> ConfigError {
    let takes = |items: Vec<Value>| Config::deserialize(nest(keys, Value::Array(items))).is_ok();
    let is_list = matches!(value, Some(Value::Array(_)));
    // What stands there instead of a list is not repeated: an account may hold a token.
    let what = if takes(Vec::new()) && !is_list {
        let sample = if takes(vec![Value::String("a.example".to_owned())]) {
            "[\"a.example\", \"b.example\"]"
        } else {
            "[{ … }, { … }], each as in the file"
        };
        format!("{} takes a list, written as {sample}", keys.join("."))
    } else {
        error.message().to_owned()
    };
    ConfigError::Variable { name: name.to_owned(), what }
}

fn nest(keys: &[String], value: Value) -> Table {
    let Some((last, outer)) = keys.split_last() else { return Table::new() };
    let innermost = Table::from_iter([(last.clone(), value)]);
    outer.iter().rev().fold(innermost, |table, key| Table::from_iter([(key.clone(), Value::Table(table))]))
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// `file:line:column: what`, and the line up to its `=`: what follows might be a secret.
fn explain(text: &str, name: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else { return format!("{name}: {}", error.message()) };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    let mut out = format!("{name}:{line}:{column}: {}", error.message());
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let shown = shown.split_inclusive('=').next().unwrap_or_default();
    let _ = write!(out, "\n  {line} | {shown}");
    if shown.chars().count() >= column {
        let _ = write!(out, "\n  {} | {}^", " ".repeat(line.to_string().len()), " ".repeat(column - 1));
    }
    out
}
