//! Values that need care: secrets, connection URLs, and keys that may be empty.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

const REDACTED: &str = "(redacted)";

/// A secret in the configuration. Prints and serialises as `(redacted)`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The clear text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The secret in the type the rest of the program carries.
    pub fn to_secret_string(&self) -> SecretString {
        self.0.clone()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Quoted).map(Self::from)
    }
}

/// Takes a string and nothing else, without repeating in the error what was there instead: it was a secret.
struct Quoted;

impl Quoted {
    fn refuse<E: de::Error>() -> E {
        E::custom("invalid type: expected a string in quotes")
    }
}

impl de::Visitor<'_> for Quoted {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<String, E> {
        Err(Self::refuse())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<String, E> {
        Err(Self::refuse())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<String, E> {
        Err(Self::refuse())
    }
}

/// A database URL. It may hold a password, so it prints and serialises without one.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    /// The URL with its password.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The URL for people's eyes.
    pub fn redacted(&self) -> String {
        if self.expose().starts_with("sqlite:") {
            return self.expose().to_owned();
        }
        let Ok(mut url) = Url::parse(self.expose()) else { return REDACTED.to_owned() };
        if url.password().is_some() && url.set_password(Some(REDACTED)).is_err() {
            return REDACTED.to_owned();
        }
        // PostgreSQL takes the password as a parameter, too.
        if url.query_pairs().any(|(name, _)| name.contains("pass")) {
            url.set_query(Some("redacted"));
        }
        url.to_string()
    }
}

impl From<&str> for DatabaseUrl {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Quoted).map(|text| Self::from(text.as_str()))
    }
}

/// A key that may be left empty: `""` in the file is `None`, so that every key can be shown with its default.
pub(super) mod optional {
    use std::fmt::Display;
    use std::path::PathBuf;

    use serde::de::IntoDeserializer;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::config) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }

    pub(in crate::config) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
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
    pub(in crate::config) trait OfText: Sized {
        fn of_text(text: &str) -> Result<Self, String>;
    }

    impl OfText for String {
        fn of_text(text: &str) -> Result<Self, String> {
            Ok(text.to_owned())
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

    impl OfText for crate::config::Auth {
        fn of_text(text: &str) -> Result<Self, String> {
            let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
            Self::deserialize(text).map_err(said)
        }
    }

    fn said(error: impl Display) -> String {
        error.to_string()
    }
}

/// A day, written `2026-11-01` with or without quotes.
pub(super) mod day {
    use std::fmt;

    use chrono::NaiveDate;
    use serde::{Deserializer, Serializer, de};

    pub(in crate::config) fn serialize<S: Serializer>(
        day: &Option<NaiveDate>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&day.map(|day| day.to_string()).unwrap_or_default())
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<NaiveDate>, D::Error> {
        deserializer.deserialize_any(Day)
    }

    struct Day;

    impl<'de> de::Visitor<'de> for Day {
        type Value = Option<NaiveDate>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a day such as 2026-11-01")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            if text.is_empty() {
                return Ok(None);
            }
            text.parse().map(Some).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }

        /// TOML's own dates arrive as a map of one entry.
        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            match map.next_entry::<String, String>()? {
                Some((_, text)) => self.visit_str(&text),
                None => Ok(None),
            }
        }
    }
}
