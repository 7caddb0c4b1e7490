//! The program: how it starts, and how it ends.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// A running simulator and its ready file, both gone at the end of the test.
struct Program {
    child: Child,
    ready_file: PathBuf,
}

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let ready_file = std::env::temp_dir().join(format!("payment-simulator-{}-{name}.json", std::process::id()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_payment-simulator"));
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
    let program = Program::start("ready", &["--stripe-port", "0", "--paypal-port", "0", "--control-port", "0"]);
    let addresses = program.addresses();
    for (name, path, status) in [
        ("stripe_url", "/v1/payment_intents", 401),
        ("paypal_url", "/v2/checkout/orders/X", 401),
        ("control_url", "/ledger", 200),
    ] {
        let url = addresses[name].as_str().unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        assert_eq!(reqwest::get(format!("{url}{path}")).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn sigterm_and_sigint_end_it_at_once_though_requests_are_under_way() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::start(signal, &["--exit-with-stdin"]);
        let addresses = program.addresses();
        let url = |name: &str, path: &str| format!("{}{path}", addresses[name].as_str().unwrap());
        let http = reqwest::Client::new();
        let fault = serde_json::json!({"provider": "stripe", "operation": "read", "fault": "delay", "delay_ms": 60_000});
        http.put(url("control_url", "/faults")).json(&fault).send().await.unwrap();
        let slow = http
            .get(url("stripe_url", "/v1/payment_intents"))
            .bearer_auth("sk_test_1")
            .header("Stripe-Version", "2025-09-30.clover");
        let under_way = tokio::spawn(slow.send());
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
fn a_port_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut program = Program::start("taken", &["--stripe-port", &port]);
    assert!(program.ends());
    assert!(!program.child.wait().unwrap().success());
}
