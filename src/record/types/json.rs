//! JSON values inside a typed record: any value, kept as its text, and objects of the user's own members.
//!
//! What must hold: a [`Json`] is valid JSON text, and a [`Members`] never has a name twice.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::{RawValue, Value, to_raw_value};

/// Any JSON value, kept as its text. Two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// What a value of one's own is as JSON. Floats that are not finite become `null`.
    ///
    /// # Errors
    ///
    /// If the value says so itself, or has map keys that are no strings.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        to_raw_value(value).map(Self)
    }

    /// JSON text as it stands, down to the spelling of its numbers; the log takes out its whitespace.
    ///
    /// # Errors
    ///
    /// If the text is not JSON.
    pub fn raw(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// The value's text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// For values that cannot fail to become JSON.
    fn sure(value: &(impl Serialize + ?Sized)) -> Self {
        to_raw_value(value).map_or_else(|_| Self(RawValue::NULL.to_owned()), Self)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

macro_rules! json_from {
    ($($type:ty)*) => {$(
        impl From<$type> for Json {
            fn from(value: $type) -> Self {
                Self::sure(&value)
            }
        }
    )*};
}

// Text becomes a JSON string, also where it looks like JSON; floats that are not finite become `null`.
json_from! { Value bool &str String i8 i16 i32 i64 u8 u16 u32 u64 usize f32 f64 Members }

/// An object of the user's own members, in the order in which they were set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members(Vec<(String, Json)>);

impl Members {
    /// With no member.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member; the value of an earlier one of that name is replaced where it stands.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Members whose names are known to differ: many are not compared with one another.
    #[cfg(feature = "otlp")]
    pub(crate) fn distinct(members: impl IntoIterator<Item = (String, Json)>) -> Self {
        Members(members.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: Into<Json>> FromIterator<(K, V)> for Members {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let mut all = Self::new();
        members.into_iter().for_each(|(name, value)| all.set(name, value));
        all
    }
}

impl<K: Into<String>, V: Into<Json>, const N: usize> From<[(K, V); N]> for Members {
    fn from(members: [(K, V); N]) -> Self {
        members.into_iter().collect()
    }
}

/// The members of an object; any other value becomes the one member `value`, so that nothing is lost.
impl From<Value> for Members {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(members) => members.into_iter().collect(),
            other => Self::from([("value", other)]),
        }
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A float, written without `.0` where it is whole, and as `null` where it is not finite.
pub(crate) struct Plain(pub(crate) f64);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        /// Up to here every whole number is a float of its own.
        const EXACT: f64 = (1_u64 << 53) as f64;
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            to.serialize_i64(self.0 as i64)
        } else {
            to.serialize_f64(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_their_text() {
        assert_eq!(Json::from("{}").as_str(), r#""{}""#);
        assert_eq!(Json::from(7).as_str(), "7");
        assert_eq!(Json::from(0.15).as_str(), "0.15");
        assert_eq!(Json::from(f64::NAN).as_str(), "null");
        assert_eq!(Json::from(json!({"a": [true, null]})).as_str(), r#"{"a":[true,null]}"#);
        assert_eq!(Json::raw(" 1.10 ").unwrap().as_str(), "1.10");
        assert!(Json::raw("{").is_err());
        assert_eq!(Json::of(&[1, 2]).unwrap(), Json::from(json!([1, 2])));
    }

    #[test]
    fn members_keep_their_order_and_never_double() {
        let mut members = Members::from([("b", 1), ("a", 2)]);
        members.set("b", "three");
        assert_eq!(serde_json::to_string(&members).unwrap(), r#"{"b":"three","a":2}"#);
        assert_eq!(members.get("a"), Some(&Json::from(2)));
        assert_eq!(Members::from(json!([1])), Members::from([("value", json!([1]))]));
    }

    #[test]
    fn floats_are_plain() {
        let text = |number| serde_json::to_string(&Plain(number)).unwrap();
        assert_eq!(
            [110_000.0, -3.0, 0.25, f64::INFINITY].map(text),
            ["110000", "-3", "0.25", "null"]
        );
        assert_eq!(text(1e300).parse(), Ok(1e300));
    }
}
