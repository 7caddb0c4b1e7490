//! A calling process that is killed: this test program itself, started again under a function's name and another one's.

use std::{
    env,
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::symlink, process::ExitStatusExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fault_proxy::Addresses;
use serde_json::{Value, json};

use crate::harness::{ORDER, Proxy, put_event};

const ADDRESS: &str = "FAULT_PROXY_TEST_ADDRESS";
const PUT: &str = "other/dynamodb.PutItem(OrderEventsTable)#1";
const SIGKILL: i32 = 9;
static DIRECTORIES: AtomicU32 = AtomicU32::new(0);

/// One process does this: it puts an event and ends well if it is answered.
#[test]
#[ignore = "run by the other tests as a process of its own"]
fn plays_a_function() {
    let Ok(address) = env::var(ADDRESS) else { return };
    let mut stream = TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = put_event(ORDER).to_string();
    let length = body.len();
    let head =
        format!("POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

/// Another one does this: it is the proxy itself, and its own client.
#[tokio::test]
#[ignore = "run by the other tests as a process of its own"]
async fn plays_a_proxy_that_calls_itself() {
    spares_its_caller(&Proxy::start().await).await;
}

/// Another one does this: it starts the proxy, and is its client.
#[tokio::test]
#[ignore = "run by the other tests as a process of its own"]
async fn plays_the_proxys_parent() {
    let proxy = Proxy::start().await;
    let ready_file = env::temp_dir().join(format!("fault-proxy-child-{}.json", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_fault-proxy"));
    command.args(["--exit-with-stdin", "--aws-upstream", &proxy.upstream.url(), "--ready-file"]).arg(&ready_file);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    crate::harness::eventually("ready", async || ready_file.exists()).await;
    let addresses: Value = serde_json::from_slice(&fs::read(&ready_file).unwrap()).unwrap();
    fs::remove_file(&ready_file).unwrap();
    let url = |name: &str| addresses[name].as_str().unwrap().to_owned();
    let addresses =
        Addresses { aws_url: Some(url("aws_url")), stripe_url: None, paypal_url: None, control_url: url("control_url") };
    spares_its_caller(&Proxy { addresses, ..proxy }).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn spares_its_caller(proxy: &Proxy) {
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#1", "kill_before").await;
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200);
    let faults = proxy.faults().await;
    assert!(faults[0]["error"].as_str().unwrap().contains("the caller is: bootstrap ("), "{faults}");
}

/// This program under another name, gone with its directory at the end.
struct Process {
    child: Child,
    directory: PathBuf,
}

impl Process {
    /// Which puts one event.
    fn start(name: &str, proxy: &Proxy) -> Self {
        Self::play(name, "plays_a_function", &proxy.aws_address().to_string())
    }

    fn play(name: &str, part: &str, address: &str) -> Self {
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let directory = env::temp_dir().join(format!("fault-proxy-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        symlink(env::current_exe().unwrap(), directory.join(name)).unwrap();
        let mut command = Command::new(directory.join(name));
        command.args(["--exact", &format!("kills::{part}"), "--ignored"]).env(ADDRESS, address);
        let output = File::create(directory.join("output")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        Self { child, directory }
    }

    async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        crate::harness::eventually("the process ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn a_function_is_killed_before_its_call_is_forwarded() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "kill_before").await;
    assert_eq!(Process::start("bootstrap", &proxy).ended().await.signal(), Some(SIGKILL));
    crate::harness::eventually("struck", async || proxy.faults().await[0]["struck"] == true).await;
    assert!(proxy.upstream.seen().is_empty());
    let call = proxy.last_call().await;
    assert_eq!((&call["fault"], &call["status"]), (&json!("kill_before"), &Value::Null));
}

#[tokio::test]
async fn a_function_is_killed_after_its_call_took_effect() {
    let proxy = Proxy::start().await;
    proxy.upstream.is_slow(Duration::from_millis(200));
    proxy.fault(PUT, "kill_after").await;
    let mut process = Process::start("bootstrap", &proxy);
    proxy.upstream.has_seen(1).await;
    assert!(process.child.try_wait().unwrap().is_none(), "it lives until the answer is there");
    assert_eq!(process.ended().await.signal(), Some(SIGKILL));
    crate::harness::eventually("struck", async || proxy.faults().await[0]["struck"] == true).await;
    crate::harness::eventually("over", async || proxy.faults().await[0]["over"] == true).await;
    let call = proxy.last_call().await;
    assert_eq!((&call["fault"], &call["status"], &call["write_units"]), (&json!("kill_after"), &Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_process_that_is_no_function_is_spared_answered_and_the_fault_told_broken() {
    for fault in ["kill_before", "kill_after"] {
        let proxy = Proxy::start().await;
        proxy.fault(PUT, fault).await;
        assert!(Process::start("not-bootstrap", &proxy).ended().await.success(), "{fault}");
        proxy.upstream.has_seen(1).await;
        let faults = proxy.faults().await;
        assert_eq!((&faults[0]["struck"], &faults[0]["over"]), (&json!(false), &json!(true)));
        assert!(faults[0]["error"].as_str().unwrap().contains("the caller is: not-bootstrap ("), "{faults}");
        let call = proxy.last_call().await;
        assert_eq!((&call["fault"], &call["status"]), (&Value::Null, &json!(200)));
    }
}

#[tokio::test]
async fn the_proxy_kills_neither_itself_nor_its_parent_whatever_their_name() {
    for part in ["plays_a_proxy_that_calls_itself", "plays_the_proxys_parent"] {
        let mut process = Process::play("bootstrap", part, "");
        let status = process.ended().await;
        let output = fs::read_to_string(process.directory.join("output")).unwrap();
        assert!(status.success() && output.contains("1 passed"), "{part}: {status}: {output}");
    }
}
