//! A key that may be left empty: `""` in the file is `None`, so that every key can be shown with its default.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: OfText,
    D: Deserializer<'de>,
{
    let text = super::Secret::deserialize(deserializer)?;
    if text.expose().is_empty() {
        return Ok(None);
    }
    T::of_text(text.expose()).map(Some).map_err(serde::de::Error::custom)
}

/// What can be read from a string of the file.
pub(super) trait OfText: Sized {
    fn of_text(text: &str) -> Result<Self, String>;
}

impl OfText for String {
    fn of_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl OfText for SocketAddr {
    fn of_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "expected an IP address and a port, as in 192.0.2.53:53".to_owned())
    }
}

impl OfText for PathBuf {
    fn of_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl OfText for super::Secret {
    fn of_text(text: &str) -> Result<Self, String> {
        Ok(text.into())
    }
}

impl OfText for super::Auth {
    fn of_text(text: &str) -> Result<Self, String> {
        let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        Self::deserialize(text).map_err(said)
    }
}

fn said(error: impl Display) -> String {
    error.to_string()
}
