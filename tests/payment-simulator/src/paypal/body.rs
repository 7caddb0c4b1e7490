//! PayPal's bodies: JSON objects, whose every member is known.

use serde_json::{Map, Value};

use super::error::ApiError;

/// The members of an object, taken one by one; what is left at the end is unknown.
#[derive(Debug)]
pub(super) struct Fields {
    /// Where the object stands in the body, as a JSON pointer.
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// A body; an empty one is as good as `{}`.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let malformed = |_| ApiError::invalid("MALFORMED_REQUEST_JSON").location("body");
        let body = if body.is_empty() { b"{}" } else { body };
        Self::of(String::new(), serde_json::from_slice(body).map_err(malformed)?)
    }

    fn of(path: String, value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            _ => Err(ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&path)),
        }
    }

    /// Where a member stands.
    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn missing(&self, name: &str) -> ApiError {
        ApiError::invalid("MISSING_REQUIRED_PARAMETER").field(&self.pointer(name))
    }

    /// Text of 1 to so many characters.
    pub(super) fn text(&mut self, name: &str, longest: usize) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if (1..=longest).contains(&text.chars().count()) => Ok(Some(text)),
            Some(Value::String(text)) => Err(ApiError::invalid("INVALID_STRING_LENGTH").field(&self.pointer(name)).value(&text)),
            Some(_) => Err(ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&self.pointer(name))),
        }
    }

    /// Text that must be there.
    pub(super) fn required_text(&mut self, name: &str, longest: usize) -> Result<String, ApiError> {
        self.text(name, longest)?.ok_or_else(|| self.missing(name))
    }

    /// One of the allowed values.
    pub(super) fn choice(&mut self, name: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(value) = self.text(name, usize::MAX)? else { return Ok(None) };
        let unknown = || ApiError::invalid("INVALID_PARAMETER_VALUE").field(&self.pointer(name)).value(&value);
        allowed.iter().find(|allowed| **allowed == value).map(|choice| Some(*choice)).ok_or_else(unknown)
    }

    /// One of the allowed values, which must be there.
    pub(super) fn required_choice(&mut self, name: &str, allowed: &[&'static str]) -> Result<&'static str, ApiError> {
        self.choice(name, allowed)?.ok_or_else(|| self.missing(name))
    }

    /// `true` or `false`; `false` when absent.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&self.pointer(name))),
        }
    }

    /// An object within.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, ApiError> {
        let path = self.pointer(name);
        self.take(name).map(|value| Self::of(path, value)).transpose()
    }

    /// An object within that must be there.
    pub(super) fn required_object(&mut self, name: &str) -> Result<Self, ApiError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// The objects of a list that must be there.
    pub(super) fn required_objects(&mut self, name: &str) -> Result<Vec<Self>, ApiError> {
        let path = self.pointer(name);
        match self.take(name) {
            None => Err(self.missing(name)),
            Some(Value::Array(values)) => {
                let objects = values.into_iter().enumerate();
                objects.map(|(index, value)| Self::of(format!("{path}/{index}"), value)).collect()
            }
            Some(_) => Err(ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&path)),
        }
    }

    /// Nothing is left over. PayPal itself passes over some members that it does not know; here they are refused, since
    /// a misspelt one does nothing.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        let unknown = |name: &String| Err(ApiError::invalid("UNKNOWN_PARAMETER").field(&format!("{}/{name}", self.path)));
        self.members.keys().next().map_or(Ok(()), unknown)
    }
}
