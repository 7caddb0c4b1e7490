//! Counting for dashboards and alarms.

/// Counts one.
pub fn count(name: &str, dimensions: &[(&str, &str)]) {
    tracing::info!(metric = name, ?dimensions, "counted");
}
