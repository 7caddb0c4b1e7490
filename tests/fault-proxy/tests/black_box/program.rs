//! The program: how it starts, and how it ends.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// A running proxy and its ready file, both gone at the end of the test.
struct Program {
    child: Child,
    ready_file: PathBuf,
}

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let ready_file = std::env::temp_dir().join(format!("fault-proxy-{}-{name}.json", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_fault-proxy"));
        command.arg("--ready-file").arg(&ready_file).args(arguments).stdin(Stdio::piped());
        Self { child: command.spawn().unwrap(), ready_file }
    }

    fn addresses(&self) -> Value {
        let started = Instant::now();
        while !self.ready_file.exists() {
            assert!(started.elapsed() < Duration::from_secs(10), "not ready");
            thread::sleep(Duration::from_millis(10));
        }
        serde_json::from_slice(&fs::read(&self.ready_file).unwrap()).unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn ends(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            if self.child.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.ready_file);
    }
}

#[tokio::test]
async fn the_ready_file_says_where_each_port_answers_on_this_machine_only() {
    let upstream = ["--stripe-upstream", "http://127.0.0.1:1", "--stripe-port", "0"];
    let program = Program::start("ready", &[&upstream[..], &["--aws-upstream", "http://127.0.0.1:1"]].concat());
    let addresses = program.addresses();
    for name in ["aws_url", "stripe_url", "control_url"] {
        assert!(addresses[name].as_str().unwrap().starts_with("http://127.0.0.1:"), "{addresses}");
    }
    assert_eq!(addresses["paypal_url"], Value::Null);
    let health = format!("{}/health", addresses["control_url"].as_str().unwrap());
    assert_eq!(reqwest::get(health).await.unwrap().status(), 200);
}

#[tokio::test]
async fn sigterm_and_sigint_end_it_at_once_though_a_call_is_under_way() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", silent.local_addr().unwrap());
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(signal, &["--aws-upstream", &upstream, "--exit-with-stdin"]);
        let addresses = program.addresses();
        let url = addresses["aws_url"].as_str().unwrap().to_owned();
        let under_way = tokio::spawn(reqwest::get(url));
        tokio::time::sleep(Duration::from_millis(200)).await;
        program.signal(signal);
        assert!(program.ends(), "{signal}");
        assert!(under_way.await.unwrap().is_err());
    }
}

#[test]
fn it_ends_with_whoever_holds_its_standard_input() {
    let mut program = Program::start("orphan", &["--exit-with-stdin"]);
    program.addresses();
    assert!(program.child.try_wait().unwrap().is_none());
    drop(program.child.stdin.take());
    assert!(program.ends());
}

#[test]
fn it_goes_on_without_standard_input_unless_told_otherwise() {
    let mut program = Program::start("daemon", &[]);
    program.addresses();
    drop(program.child.stdin.take());
    thread::sleep(Duration::from_millis(300));
    assert!(program.child.try_wait().unwrap().is_none());
}

#[test]
fn a_port_that_is_taken_and_an_upstream_that_is_none_are_errors() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for arguments in [&["--control-port", port.as_str()][..], &["--aws-upstream", "https://a"], &["--aws-port", "0"]] {
        let mut program = Program::start("wrong", arguments);
        assert!(program.ends());
        assert!(!program.child.wait().unwrap().success(), "{arguments:?}");
    }
}
