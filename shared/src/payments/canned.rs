//! A provider that answers from a script and keeps what it was asked, for the adapters' tests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::Limits;

/// Secrets Manager, answered from this script.
pub(crate) fn secrets_manager(canned: &Canned) -> aws_sdk_secretsmanager::Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(canned.url.as_str());
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

/// What Secrets Manager answers, whose secret has this value.
pub(crate) fn stored(value: &Value) -> Script {
    Script::Json(200, json!({"SecretString": value.to_string()}))
}

/// How one request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// With this status and body.
    Json(u16, Value),
    /// Well, with this text.
    Text(&'static str),
    /// The same as JSON, with one more header.
    WithHeader(u16, Value, &'static str),
    /// The connection breaks after the request was heard.
    Break,
    /// Not at all.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// `GET /v1/x?y=z`.
    pub line: String,
    head: String,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body's form, decoded.
    pub fn form(&self) -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", self.body)).unwrap();
        url.query_pairs().into_owned().collect()
    }

    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The provider.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub url: reqwest::Url,
    script: Arc<Mutex<VecDeque<Script>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) const LIMITS: Limits = Limits { connect: Duration::from_millis(500), call: Duration::from_millis(1500) };

impl Canned {
    /// Answers these, one after the other; what is asked after them gets 500.
    pub async fn answering(script: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let script = Arc::new(Mutex::new(script.into_iter().collect()));
        let canned = Self { url, script, asked: Arc::default() };
        let server = canned.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(stream));
            }
        });
        canned
    }

    /// Everything that was asked, without the requests that only open a connection.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(asked) = hear(&mut stream).await {
            self.asked.lock().unwrap().push(asked);
            let next = self.script.lock().unwrap().pop_front().unwrap_or(Script::Json(500, Value::Null));
            let (status, body, header) = match next {
                Script::Json(status, body) => (status, body.to_string(), ""),
                Script::Text(body) => (200, body.to_owned(), ""),
                Script::WithHeader(status, body, header) => (status, body.to_string(), header),
                Script::Break => return,
                Script::Silence => {
                    sleep(Duration::from_mins(1)).await;
                    return;
                }
            };
            let separator = if header.is_empty() { "" } else { "\r\n" };
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}{separator}{header}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn hear(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (line, head) = head.split_once("\r\n").unwrap_or((head, ""));
            let line = line.trim_end_matches(" HTTP/1.1").to_owned();
            let asked = Asked { line, head: head.replace("\r\n", "\n"), body: body.to_owned() };
            let length: usize = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(asked);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}
