//! Values that must not be shown: secrets, and connection URLs that may hold one.

use std::path::Path;
use std::{fmt, fs, io};

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

    /// Reads a secret from a file, without the line break that editors leave at its end.
    pub fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(file)?;
        Ok(Self::from(text.trim_end_matches(['\r', '\n'])))
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
