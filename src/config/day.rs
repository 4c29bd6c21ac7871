//! A day, written `2026-11-01` with or without quotes.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(day: &Option<NaiveDate>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&day.map(|day| day.to_string()).unwrap_or_default())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
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
