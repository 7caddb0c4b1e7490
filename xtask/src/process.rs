//! Running other programs so that none is left behind: each runs under `lifeline.py`, which ends it and all that it
//! started when our end of its standard input closes, however we die.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    paths,
    progress::{faint, tail},
    python,
};

/// A program that is to run.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Vec<String>,
    environment: Vec<(String, String)>,
    clean: bool,
    directory: PathBuf,
    hint: String,
    visible: bool,
}

impl Program {
    /// A program under this name; its output goes to the log of that name.
    pub fn new(name: &str, program: impl AsRef<Path>) -> Self {
        Self {
            name: name.to_owned(),
            command: vec![program.as_ref().display().to_string()],
            environment: Vec::new(),
            clean: false,
            directory: paths::root(),
            hint: String::new(),
            visible: false,
        }
    }

    /// With these arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With these variables.
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// With nothing of our own environment but the search path and the home directory.
    pub fn clean_environment(mut self) -> Self {
        self.clean = true;
        self
    }

    /// In this directory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// What a person can do when it fails.
    pub fn hint(mut self, hint: &str) -> Self {
        hint.clone_into(&mut self.hint);
        self
    }

    /// With its output on the terminal instead of in the log.
    pub fn visible(mut self) -> Self {
        self.visible = true;
        self
    }

    /// The file that its output goes to.
    pub fn log(&self) -> PathBuf {
        paths::log(&self.name)
    }

    /// Starts it.
    pub fn start(self) -> Result<Running> {
        std::fs::create_dir_all(paths::local().join("logs"))?;
        let log = self.log();
        let lifeline = paths::root().join("xtask/python/lifeline.py");
        let mut command = Command::new(python::interpreter()?);
        command.arg(lifeline).args(&self.command).current_dir(&self.directory).stdin(Stdio::piped()).process_group(0);
        if self.clean {
            command.env_clear();
            let kept = ["PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];
            command.envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.envs(self.environment.iter().cloned());
        if !self.visible {
            let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", self.command[0]))?;
        let lifeline = child.stdin.take();
        Ok(Running { name: self.name, hint: self.hint, log: (!self.visible).then_some(log), child, lifeline })
    }

    /// Runs it to its end. When it fails, the error says what, shows the last lines, and tells what to do.
    pub async fn run(self) -> Result<()> {
        self.start()?.succeeded().await
    }

    /// Runs it to its end and answers what it printed.
    pub async fn output(self) -> Result<String> {
        let log = self.log();
        self.run().await?;
        Ok(std::fs::read_to_string(log)?)
    }
}

/// A program that runs. Dropping it ends it and all that it started, and waits until they are gone.
#[derive(Debug)]
pub struct Running {
    name: String,
    hint: String,
    log: Option<PathBuf>,
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Running {
    /// Whether it ended, and how.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it ends well.
    pub async fn succeeded(mut self) -> Result<()> {
        loop {
            match self.ended()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!(self.failure(&format!("ended with {status}"))),
                None => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    }

    /// What to tell of its failure.
    pub fn failure(&self, what: &str) -> String {
        let mut text = format!("{} {what}", self.name);
        if let Some(log) = &self.log {
            let whole = faint(&format!("all of its output: {}", log.display()));
            text = format!("{text}\n\n{}\n\n{whole}", tail(log, 25));
        }
        if !self.hint.is_empty() {
            text = format!("{text}\nwhat to do: {}", self.hint);
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Resolves when somebody wants us to end: Ctrl-C, or a signal.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
}

/// Runs this unless it is interrupted; what it started is gone then.
pub async fn or_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        outcome = work => outcome,
        () = interrupted() => bail!("interrupted; everything that was started is stopped"),
    }
}
