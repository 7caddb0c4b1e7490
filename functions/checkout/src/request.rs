//! The request's body: parsed, not validated. Every wrong field is named at once, with how to fix it.

use secrecy::SecretString;
use serde_json::{Map, Value};
use shared::{
    domain::{
        event::Provider,
        ids::Sku,
        money::Money,
        personal::{Address, PaymentMethod},
    },
    http::FieldError,
};

const MAX_LINES: usize = 40;
const MAX_QUANTITY: u64 = 99;
const MAX_METHODS: usize = 5;

/// What she wants, from whom she pays, and where it goes. It carries no price: prices come from the catalogue.
#[derive(Clone, Debug)]
pub struct CheckoutRequest {
    /// SKUs with their quantities, as she listed them.
    pub items: Vec<(Sku, u32)>,
    /// In her order of preference.
    pub payment_methods: Vec<PaymentMethod>,
    /// Where the goods go.
    pub shipping_address: Address,
    /// E.164.
    pub phone: Option<String>,
    /// What she was shown. Another total is `price_changed`, never charged.
    pub expected_total: Option<Money>,
}

impl CheckoutRequest {
    /// The request in this JSON.
    ///
    /// # Errors
    /// Every wrong field.
    pub fn parse(body: &Value) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut object = Object::new("", body, &mut errors);
        let items = object.list("items", 1..=MAX_LINES, "lines", item);
        let payment_methods = object.list("payment_methods", 1..=MAX_METHODS, "payment methods", payment_method);
        let shipping_address =
            object.required("shipping_address").and_then(|value| address("/shipping_address", &value, object.errors));
        let phone = object.optional("phone").and_then(|value| phone("/phone", &value, object.errors));
        let expected_total = object.optional("expected_total").and_then(|value| money("/expected_total", &value, object.errors));
        object.end();
        match (items, payment_methods, shipping_address, errors.is_empty()) {
            (Some(items), Some(payment_methods), Some(shipping_address), true) => {
                Ok(Self { items, payment_methods, shipping_address, phone, expected_total })
            }
            _ => Err(errors),
        }
    }
}

/// The members of a JSON object, each taken once; what is left over at the end is unknown.
struct Object<'e> {
    pointer: String,
    members: Map<String, Value>,
    errors: &'e mut Vec<FieldError>,
}

impl<'e> Object<'e> {
    fn new(pointer: &str, value: &Value, errors: &'e mut Vec<FieldError>) -> Self {
        let members = value.as_object().cloned().unwrap_or_else(|| {
            errors.push(FieldError::new(pointer, "must be a JSON object"));
            Map::new()
        });
        Self { pointer: pointer.to_owned(), members, errors }
    }

    fn optional(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn required(&mut self, name: &str) -> Option<Value> {
        let value = self.optional(name);
        if value.is_none() {
            self.wrong(name, "is required");
        }
        value
    }

    fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(format!("{}/{name}", self.pointer), detail));
    }

    fn text(&mut self, name: &str, max: usize) -> Option<String> {
        let value = self.required(name)?;
        self.text_of(name, &value, max)
    }

    fn optional_text(&mut self, name: &str, max: usize) -> Option<String> {
        let value = self.optional(name)?;
        self.text_of(name, &value, max)
    }

    fn text_of(&mut self, name: &str, value: &Value, max: usize) -> Option<String> {
        let text = value.as_str().map(str::trim);
        let fits = |text: &&str| (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let text = text.filter(fits).map(ToOwned::to_owned);
        if text.is_none() {
            self.wrong(name, format!("must be text of 1 to {max} characters on one line"));
        }
        text
    }

    fn list<T>(
        &mut self,
        name: &str,
        count: std::ops::RangeInclusive<usize>,
        what: &str,
        parse: impl Fn(&str, &Value, &mut Vec<FieldError>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let value = self.required(name)?;
        let elements = value.as_array().filter(|elements| count.contains(&elements.len()));
        let Some(elements) = elements else {
            self.wrong(name, format!("must be an array of {} to {} {what}", count.start(), count.end()));
            return None;
        };
        let pointer = format!("{}/{name}", self.pointer);
        let parsed =
            elements.iter().enumerate().map(|(index, element)| parse(&format!("{pointer}/{index}"), element, self.errors));
        // Every element is looked at, so that every error is named.
        parsed.collect::<Vec<_>>().into_iter().collect()
    }

    fn end(self) {
        for name in self.members.keys() {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            self.errors.push(FieldError::new(format!("{}/{escaped}", self.pointer), "is not a field of this object; remove it"));
        }
    }
}

fn item(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) -> Option<(Sku, u32)> {
    let mut object = Object::new(pointer, value, errors);
    let sku = object.required("sku").and_then(|value| {
        let sku = value.as_str().and_then(|text| text.parse().ok());
        if sku.is_none() {
            object.wrong("sku", "must be a product's SKU: 1 to 64 lower-case letters, digits and hyphens");
        }
        sku
    });
    let quantity = object.required("quantity").and_then(|value| {
        let quantity = value.as_u64().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
        if quantity.is_none() {
            object.wrong("quantity", format!("must be a whole number from 1 to {MAX_QUANTITY}"));
        }
        quantity.and_then(|quantity| u32::try_from(quantity).ok())
    });
    object.end();
    Some((sku?, quantity?))
}

fn payment_method(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) -> Option<PaymentMethod> {
    let mut object = Object::new(pointer, value, errors);
    let provider = object.required("provider").and_then(|value| {
        let provider = Provider::ALL.into_iter().find(|provider| value.as_str() == Some(provider.name()));
        if provider.is_none() {
            let names: Vec<_> = Provider::ALL.iter().map(|provider| provider.name()).collect();
            object.wrong("provider", format!("must be one of: {}", names.join(", ")));
        }
        provider
    });
    let token = object.required("token").and_then(|value| {
        let printable = |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let token = value.as_str().filter(printable).map(SecretString::from);
        if token.is_none() {
            object.wrong(
                "token",
                "must be the token that the provider gave for the payment method: 1 to 255 printable characters, no spaces",
            );
        }
        token
    });
    object.end();
    Some(PaymentMethod { provider: provider?, token: token?, owner_known: false, account: None })
}

fn address(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) -> Option<Address> {
    let mut object = Object::new(pointer, value, errors);
    let name = object.text("name", 100);
    let line1 = object.text("line1", 200);
    let line2 = object.optional_text("line2", 200);
    let city = object.text("city", 100);
    let postal_code = object.text("postal_code", 20);
    let country = object.required("country").and_then(|value| {
        let country = value.as_str().filter(|code| COUNTRIES.contains(code)).map(ToOwned::to_owned);
        if country.is_none() {
            object.wrong("country", "must be a country's two capital letters (ISO 3166-1 alpha-2), such as EG");
        }
        country
    });
    object.end();
    Some(Address { name: name?, line1: line1?, line2, city: city?, postal_code: postal_code?, country: country? })
}

fn phone(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) -> Option<String> {
    let e164 = |text: &&str| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let phone = value.as_str().filter(e164).map(ToOwned::to_owned);
    if phone.is_none() {
        errors.push(FieldError::new(pointer, "must be an international number, such as +201001234567"));
    }
    phone
}

fn money(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) -> Option<Money> {
    let money = serde_json::from_value(value.clone()).ok();
    if money.is_none() {
        errors.push(FieldError::new(pointer, r#"must be {"amount": whole minor units, "currency": ISO 4217 code}"#));
    }
    money
}

/// ISO 3166-1 alpha-2, as officially assigned.
#[rustfmt::skip]
const COUNTRIES: [&str; 249] = [
    "AD","AE","AF","AG","AI","AL","AM","AO","AQ","AR","AS","AT","AU","AW","AX","AZ","BA","BB","BD","BE","BF","BG","BH","BI","BJ",
    "BL","BM","BN","BO","BQ","BR","BS","BT","BV","BW","BY","BZ","CA","CC","CD","CF","CG","CH","CI","CK","CL","CM","CN","CO","CR",
    "CU","CV","CW","CX","CY","CZ","DE","DJ","DK","DM","DO","DZ","EC","EE","EG","EH","ER","ES","ET","FI","FJ","FK","FM","FO","FR",
    "GA","GB","GD","GE","GF","GG","GH","GI","GL","GM","GN","GP","GQ","GR","GS","GT","GU","GW","GY","HK","HM","HN","HR","HT","HU",
    "ID","IE","IL","IM","IN","IO","IQ","IR","IS","IT","JE","JM","JO","JP","KE","KG","KH","KI","KM","KN","KP","KR","KW","KY","KZ",
    "LA","LB","LC","LI","LK","LR","LS","LT","LU","LV","LY","MA","MC","MD","ME","MF","MG","MH","MK","ML","MM","MN","MO","MP","MQ",
    "MR","MS","MT","MU","MV","MW","MX","MY","MZ","NA","NC","NE","NF","NG","NI","NL","NO","NP","NR","NU","NZ","OM","PA","PE","PF",
    "PG","PH","PK","PL","PM","PN","PR","PS","PT","PW","PY","QA","RE","RO","RS","RU","RW","SA","SB","SC","SD","SE","SG","SH","SI",
    "SJ","SK","SL","SM","SN","SO","SR","SS","ST","SV","SX","SY","SZ","TC","TD","TF","TG","TH","TJ","TK","TL","TM","TN","TO","TR",
    "TT","TV","TW","TZ","UA","UG","UM","US","UY","UZ","VA","VC","VE","VG","VI","VN","VU","WF","WS","YE","YT","ZA","ZM","ZW",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid() -> Value {
        json!({
            "items": [{"sku": "kettle-steel", "quantity": 1}],
            "payment_methods": [{"provider": "stripe", "token": "pm_card_visa"}],
            "shipping_address": {"name": "Kareem", "line1": "1 Nile St", "line2": "Flat 3", "city": "Cairo", "postal_code": "11511", "country": "EG"},
            "phone": "+201001234567",
            "expected_total": {"amount": 4599, "currency": "USD"},
        })
    }

    fn pointers(body: &Value) -> Vec<String> {
        CheckoutRequest::parse(body).unwrap_err().into_iter().map(|error| error.pointer).collect()
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut body = valid();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    }

    #[test]
    fn a_valid_request_is_taken_as_it_is() {
        let request = CheckoutRequest::parse(&valid()).unwrap();
        assert_eq!(request.items, [("kettle-steel".parse().unwrap(), 1)]);
        assert_eq!(request.expected_total.unwrap().amount, 4599);
        assert_eq!(request.shipping_address.line2.as_deref(), Some("Flat 3"));
    }

    #[test]
    fn what_is_optional_may_be_missing_or_null() {
        let mut body = valid();
        body["phone"] = Value::Null;
        body.as_object_mut().unwrap().remove("expected_total");
        body["shipping_address"].as_object_mut().unwrap().remove("line2");
        assert!(CheckoutRequest::parse(&body).is_ok());
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let body = json!({
            "items": [{"sku": "Kettle!", "quantity": 0}, {"sku": "mug"}, 7],
            "payment_methods": [],
            "shipping_address": {"name": "", "line1": "x\ny", "city": "Cairo", "country": "Egypt"},
            "phone": "0100",
            "expected_total": {"amount": 45.99, "currency": "USD"},
            "coupon/code": "X",
        });
        let expected = [
            "/items/0/sku",
            "/items/0/quantity",
            "/items/1/quantity",
            "/items/2",
            "/items/2/sku",
            "/items/2/quantity",
            "/payment_methods",
            "/shipping_address/name",
            "/shipping_address/line1",
            "/shipping_address/postal_code",
            "/shipping_address/country",
            "/phone",
            "/expected_total",
            "/coupon~1code",
        ];
        assert_eq!(pointers(&body), expected);
    }

    #[test]
    fn an_empty_body_says_what_is_required() {
        assert_eq!(pointers(&json!({})), ["/items", "/payment_methods", "/shipping_address"]);
        assert_eq!(pointers(&json!([]))[0], "");
    }

    #[test]
    fn the_limits_hold_at_both_ends() {
        for quantity in [json!(0), json!(100), json!(-1), json!(1.5), json!("1")] {
            assert_eq!(pointers(&with("/items/0/quantity", quantity)), ["/items/0/quantity"]);
        }
        assert!(CheckoutRequest::parse(&with("/items/0/quantity", json!(99))).is_ok());
        let lines = |count| json!(vec![json!({"sku": "mug", "quantity": 1}); count]);
        assert!(CheckoutRequest::parse(&with("/items", lines(40))).is_ok());
        assert_eq!(pointers(&with("/items", lines(41))), ["/items"]);
        assert_eq!(pointers(&with("/items", lines(0))), ["/items"]);
    }

    #[test]
    fn a_token_with_a_space_and_an_unknown_provider_are_refused() {
        assert_eq!(pointers(&with("/payment_methods/0/token", json!("pm card"))), ["/payment_methods/0/token"]);
        assert_eq!(pointers(&with("/payment_methods/0/provider", json!("cash"))), ["/payment_methods/0/provider"]);
    }

    #[test]
    fn a_wrong_value_is_never_repeated_in_the_error() {
        let errors = CheckoutRequest::parse(&with("/payment_methods/0/token", json!("pm secret token"))).unwrap_err();
        assert!(!format!("{errors:?}").contains("pm secret"));
    }
}
