//! The Python tools: a virtual environment under `.local/`, every package pinned with its hash.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, anyhow, bail};

use crate::{paths, process::Program, progress::step};

const OLDEST: (u32, u32) = (3, 10);

/// A Python that is new enough.
///
/// # Errors
/// What was found instead, and how to get one.
pub fn interpreter() -> Result<PathBuf> {
    let own = paths::tool("python");
    if own.exists() {
        return Ok(own);
    }
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
    let mut found = Vec::new();
    for name in names {
        match version(name) {
            Some(version) if version >= OLDEST => return Ok(name.into()),
            Some((major, minor)) => found.push(format!("{name} is {major}.{minor}")),
            None => {}
        }
    }
    let what = if found.is_empty() { "none was found".to_owned() } else { found.join(", ") };
    bail!(
        "Souk needs Python {}.{} or newer; {what}.\nwhat to do: install it from your system's packages or from python.org",
        OLDEST.0,
        OLDEST.1
    )
}

fn version(name: &str) -> Option<(u32, u32)> {
    let output = Command::new(name).args(["-c", "import sys; print(*sys.version_info[:2])"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Makes the environment, or leaves it alone when it is what the lock file says.
pub async fn prepare() -> Result<()> {
    let lock = std::fs::read_to_string(paths::root().join("xtask/python/requirements.txt"))?;
    let stamp = paths::local().join("venv").join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step("Python tools", Some(&paths::log("pip")), install(&lock)).await?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

async fn install(lock: &str) -> Result<()> {
    std::fs::create_dir_all(paths::local())?;
    let venv = paths::local().join("venv");
    if venv.exists() {
        std::fs::remove_dir_all(&venv)?;
    }
    let python = interpreter()?;
    let make = Program::new("venv", &python).args(["-m", "venv"]).args([venv.display().to_string()]);
    make.hint("on Debian and Ubuntu: apt install python3-venv").run().await?;
    let file = paths::local().join("requirements.txt");
    std::fs::write(&file, lock)?;
    // What is imported compiles itself; most of it never is.
    let pip = Program::new("pip", paths::tool("pip")).args([
        "install",
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
        "-r",
    ]);
    let installed = pip
        .args([file.display().to_string()])
        .hint("check the connection to the package index, and run the command again")
        .run()
        .await;
    if installed.is_err() {
        std::fs::remove_dir_all(&venv)
            .map_err(|error| anyhow!("the broken environment {} cannot be removed: {error}", venv.display()))?;
    }
    installed
}
