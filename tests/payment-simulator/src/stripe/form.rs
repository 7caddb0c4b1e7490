//! Stripe's parameters: form-encoded, with brackets for lists and maps.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::error::ApiError;

/// The parameters of one request, taken one by one; what is left at the end is unknown.
#[derive(Debug)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// From a body or a query.
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self { fields: form_urlencoded::parse(encoded).into_owned().collect() }
    }

    /// The parameters in an order of their own, so that equal ones compare equal.
    pub(super) fn canonical(&self) -> String {
        let mut fields = self.fields.clone();
        fields.sort();
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// Looks at a parameter and leaves it.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// A parameter; an empty one is an error, as Stripe has it.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let Some(index) = self.fields.iter().position(|(field, _)| field == name) else {
            return Ok(None);
        };
        let (_, value) = self.fields.remove(index);
        if value.is_empty() { Err(ApiError::empty(name)) } else { Ok(Some(value)) }
    }

    /// A parameter that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| ApiError::missing(name))
    }

    /// A whole number.
    pub(super) fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |value: String| value.parse().map_err(|_| ApiError::invalid_integer(name, &value));
        self.text(name)?.map(parse).transpose()
    }

    /// A whole number that is 1 or more.
    pub(super) fn positive(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let number = self.integer(name)?;
        if number.is_some_and(|number| number < 1) { Err(ApiError::too_low(name)) } else { Ok(number) }
    }

    /// `true` or `false`; `false` when absent.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.text(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::invalid(format!("Invalid boolean: {other}")).param(name)),
        }
    }

    /// One of the allowed values.
    pub(super) fn choice(&mut self, name: &str, allowed: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
        let Some(value) = self.text(name)? else { return Ok(None) };
        match allowed.iter().find(|allowed| **allowed == value) {
            Some(choice) => Ok(Some(choice)),
            None => Err(ApiError::invalid(format!("Invalid {name}: must be one of {}", allowed.join(", "))).param(name)),
        }
    }

    /// `name[key]=value`, each.
    pub(super) fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        self.bracketed(name).into_iter().collect()
    }

    /// `name[]=value` or `name[0]=value`, each; none when absent.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let values: Vec<_> = self.bracketed(name).into_iter().map(|(_, value)| value).collect();
        (!values.is_empty()).then_some(values)
    }

    fn bracketed(&mut self, name: &str) -> Vec<(String, String)> {
        let key = |field: &str| Some(field.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        let mut taken = Vec::new();
        self.fields.retain(|(field, value)| match key(field) {
            Some(key) => {
                taken.push((key, value.clone()));
                false
            }
            None => true,
        });
        taken
    }

    /// Nothing is left over.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        self.fields.first().map_or(Ok(()), |(name, _)| Err(ApiError::unknown_parameter(name)))
    }
}
