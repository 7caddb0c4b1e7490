//! A product as the shop shows and prices it.

use serde::{Deserialize, Serialize};

use super::{ids::Sku, money::Money};

/// A product of the catalogue. What is left of it stands in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its identity.
    pub sku: Sku,
    /// What it is called.
    pub name: String,
    /// A few sentences.
    pub description: String,
    /// A slug: `kitchen`, `lighting`.
    pub category: String,
    /// For one.
    pub price: Money,
    /// Paths on the shop's own origin, the best first.
    pub images: Vec<String>,
}
