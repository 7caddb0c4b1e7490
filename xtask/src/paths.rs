//! Where things are.

use std::path::PathBuf;

/// The repository's root.
pub fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map_or(own.clone(), PathBuf::from)
}

/// What is made on this machine and belongs to nobody else.
pub fn local() -> PathBuf {
    root().join(".local")
}

/// A program of the virtual environment.
pub fn tool(name: &str) -> PathBuf {
    local().join("venv").join("bin").join(name)
}

/// Where the output of what runs goes.
pub fn log(name: &str) -> PathBuf {
    local().join("logs").join(format!("{name}.log"))
}
