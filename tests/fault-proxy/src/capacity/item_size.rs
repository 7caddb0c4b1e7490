//! The size of an item by the rules of DynamoDB's developer guide, "item sizes and formats".

use serde_json::{Map, Value};

/// What a list or a map costs beside its elements.
const CONTAINER: u64 = 3;
/// What each element of a list or a map costs beside itself.
const ELEMENT: u64 = 1;

/// Bytes of an item: its attributes' names and values.
pub(super) fn item_size(item: &Map<String, Value>) -> u64 {
    item.iter().map(|(name, value)| length(name) + value_size(value)).sum()
}

/// Bytes of one value, in DynamoDB's JSON: `{"S": "text"}`.
pub(super) fn value_size(value: &Value) -> u64 {
    let Some((kind, value)) = value.as_object().and_then(|tagged| tagged.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => length(text),
        ("N", Value::String(number)) => number_size(number),
        ("B", Value::String(base64)) => binary_size(base64),
        ("BOOL" | "NULL", _) => 1,
        ("SS", Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(length).sum(),
        ("NS", Value::Array(numbers)) => numbers.iter().filter_map(Value::as_str).map(number_size).sum(),
        ("BS", Value::Array(binaries)) => binaries.iter().filter_map(Value::as_str).map(binary_size).sum(),
        ("L", Value::Array(values)) => CONTAINER + values.iter().map(|value| ELEMENT + value_size(value)).sum::<u64>(),
        ("M", Value::Object(values)) => {
            let element = |(name, value): (&String, &Value)| ELEMENT + length(name) + value_size(value);
            CONTAINER + values.iter().map(element).sum::<u64>()
        }
        _ => 0,
    }
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

/// One byte, and one for every two significant digits.
fn number_size(number: &str) -> u64 {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    1 + length(digits.trim_matches('0')).div_ceil(2)
}

fn binary_size(base64: &str) -> u64 {
    length(base64.trim_end_matches('=')) * 3 / 4
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_as_large_as_the_guide_says() {
        for (value, size) in [
            (json!({"S": "abc"}), 3),
            (json!({"S": "é"}), 2),
            (json!({"S": ""}), 0),
            (json!({"N": "0"}), 1),
            (json!({"N": "7"}), 2),
            (json!({"N": "4599"}), 3),
            (json!({"N": "-12345"}), 4),
            (json!({"N": "100"}), 2),
            (json!({"N": "0.0012"}), 2),
            (json!({"N": "1.5E10"}), 2),
            (json!({"B": "AQI="}), 2),
            (json!({"B": "AQID"}), 3),
            (json!({"BOOL": true}), 1),
            (json!({"NULL": true}), 1),
            (json!({"SS": ["ab", "c"]}), 3),
            (json!({"NS": ["1", "22"]}), 4),
            (json!({"L": []}), 3),
            (json!({"L": [{"S": "ab"}, {"N": "1"}]}), 3 + (1 + 2) + (1 + 2)),
            (json!({"M": {}}), 3),
            (json!({"M": {"key": {"S": "ab"}}}), 3 + (1 + 3 + 2)),
        ] {
            assert_eq!(value_size(&value), size, "{value}");
        }
    }

    #[test]
    fn an_item_is_its_names_and_values() {
        let item = json!({"pk": {"S": "ord_1"}, "total": {"N": "4599"}, "paid": {"BOOL": false}});
        assert_eq!(item_size(item.as_object().unwrap()), (2 + 5) + (5 + 3) + (4 + 1));
    }
}
