//! What goes through unharmed.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use axum::http::Method;
use fault_proxy::{Route, Setup};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Answer, ORDER, Proxy, is_reset, put_event, read};

/// Sends text as it is and reads the answer to its head's end.
fn exchange(stream: &mut TcpStream, request: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_host_and_signature_included() {
    let proxy = Proxy::start().await;
    let target = "/receipts/a%20b/%C3%A9.pdf?x-id=PutObject&empty=&q=%2F";
    let request = proxy
        .http
        .put(format!("{}{target}", proxy.aws()))
        .header("Host", "s3.us-east-1.amazonaws.com")
        .header("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, Signature=12")
        .header("X-Amz-Date", "20260101T000000Z")
        .body(vec![0, 255, 10, 13]);
    assert_eq!(read(request).await.unwrap().status, 200);
    let seen = proxy.upstream.seen().remove(0);
    assert_eq!((seen.method, seen.target.as_str()), (Method::PUT, target));
    assert_eq!(seen.body.as_ref(), [0, 255, 10, 13]);
    for (name, value) in [
        ("host", "s3.us-east-1.amazonaws.com"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, Signature=12"),
        ("x-amz-date", "20260101T000000Z"),
        ("content-length", "4"),
    ] {
        assert_eq!(seen.headers[name], value);
    }
    assert_eq!(seen.headers.len(), 5, "accept is reqwest's own: {:?}", seen.headers);
}

#[tokio::test]
async fn an_answer_comes_back_as_it_was_given() {
    let proxy = Proxy::start().await;
    proxy.upstream.will_answer_with(418, &[("x-amzn-requestid", "R1"), ("date", "yesterday")], "short and stout");
    let answer = proxy.put_event(ORDER).await.unwrap();
    assert_eq!((answer.status, answer.text.as_str()), (418, "short and stout"));
    assert_eq!(answer.headers["x-amzn-requestid"], "R1");
    assert_eq!(answer.headers["date"], "yesterday");
    let call = proxy.last_call().await;
    assert_eq!(call["status"], 418);
    assert_eq!(call["response_bytes"], 15);
    assert_eq!(call["request_bytes"], put_event(ORDER).to_string().len());
}

#[tokio::test]
async fn an_answer_to_head_keeps_the_length_of_what_it_does_not_send() {
    let proxy = Proxy::start().await;
    proxy.upstream.will_answer_with(200, &[("content-length", "12345"), ("etag", "\"e\"")], "");
    let answer = read(proxy.http.head(format!("{}/receipts/a.pdf", proxy.aws()))).await.unwrap();
    assert_eq!((answer.status, &answer.headers["content-length"]), (200, &"12345".parse().unwrap()));
    assert_eq!(proxy.last_call().await["name"], "other/s3.HeadObject#1");
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let proxy = Proxy::start().await;
    let address = proxy.aws_address();
    let request = "GET /receipts/a HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address)?;
        let first = exchange(&mut stream, request)?;
        stream.read_exact(&mut [0; 2])?;
        io::Result::Ok((first, exchange(&mut stream, request)?))
    });
    let (first, second) = both.await.unwrap().unwrap();
    for answer in [first, second] {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
    let seen = proxy.upstream.seen();
    assert_eq!(seen[0].peer, seen[1].peer, "one connection to the upstream");
}

#[tokio::test]
async fn a_connection_that_an_upstream_may_be_about_to_close_is_not_used_again() {
    let proxy = Proxy::start().await;
    proxy.put_event(ORDER).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    proxy.put_event(ORDER).await.unwrap();
    let seen = proxy.upstream.seen();
    assert_ne!(seen[0].peer, seen[1].peer);
}

#[tokio::test]
async fn a_chunked_request_is_sent_on_with_its_length() {
    let proxy = Proxy::start().await;
    let address = proxy.aws_address();
    let request = "PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address)?;
        exchange(&mut stream, request)
    });
    assert!(answer.await.unwrap().unwrap().starts_with("HTTP/1.1 "));
    proxy.upstream.has_seen(1).await;
    let seen = proxy.upstream.seen().remove(0);
    assert_eq!((seen.body.as_ref(), &seen.headers["content-length"]), (b"abcde".as_slice(), &"5".parse().unwrap()));
    assert!(!seen.headers.contains_key("expect") && !seen.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn nine_megabytes_go_through_either_way() {
    let proxy = Proxy::start().await;
    let large = "x".repeat(9 * 1024 * 1024);
    proxy.upstream.will_answer_with(200, &[], large.clone());
    let answer = read(proxy.http.put(format!("{}/b/k", proxy.aws())).body(large.clone())).await.unwrap();
    assert_eq!(answer.text.len(), large.len());
    assert_eq!(proxy.upstream.seen()[0].body.len(), large.len());
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_a_reset_either_way() {
    let proxy = Proxy::start().await;
    let large = "x".repeat(10 * 1024 * 1024 + 1);
    let sent = read(proxy.http.put(format!("{}/b/k", proxy.aws())).body(large.clone())).await;
    assert!(is_reset(&sent), "{:?}", sent.map(|answer| answer.status));
    assert!(proxy.upstream.seen().is_empty());
    proxy.upstream.will_answer_with(200, &[], large);
    let got = read(proxy.http.get(format!("{}/b/k", proxy.aws()))).await;
    assert!(is_reset(&got), "{:?}", got.map(|answer| answer.status));
}

#[tokio::test]
async fn an_upstream_that_is_down_looks_like_one_a_reset_and_no_answer() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let setup = Setup { aws: Some(Route { upstream: upstream.parse().unwrap(), port: 0 }), ..Setup::default() };
    let addresses = fault_proxy::start(setup).await.unwrap();
    let address = addresses.aws_url.unwrap().strip_prefix("http://").unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(answer.is_empty());
    let calls: Value = reqwest::get(format!("{}/calls", addresses.control_url)).await.unwrap().json().await.unwrap();
    assert_eq!(calls[0]["name"], "other/s3.GetObject#1");
    assert_eq!((&calls[0]["status"], &calls[0]["response_bytes"]), (&Value::Null, &Value::Null));
}

/// What comes through of an answer that an upstream sends as this text, closing the connection behind it.
async fn through(answer: &'static str) -> reqwest::Result<Answer> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let setup = Setup { aws: Some(Route { upstream: upstream.parse().unwrap(), port: 0 }), ..Setup::default() };
    let addresses = fault_proxy::start(setup).await.unwrap();
    read(reqwest::Client::new().get(addresses.aws_url.unwrap())).await
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_reset_not_half_an_answer() {
    let answer = through("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    assert!(is_reset(&answer), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_added_to_an_answer_but_the_length_of_a_chunked_one() {
    let answer = through("HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await.unwrap();
    let headers: Vec<(&str, &str)> =
        answer.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!((answer.text.as_str(), headers), ("ok", vec![("x-a", "1"), ("content-length", "2")]));
}

#[tokio::test]
async fn what_was_sent_is_sent_though_its_caller_gives_up() {
    let proxy = Proxy::start().await;
    proxy.upstream.is_slow(Duration::from_millis(300));
    proxy.upstream.will_answer(200, &json!({"id": "pi_1"}));
    let url = format!("{}/v1/payment_intents?o={ORDER}", proxy.addresses.stripe_url.as_deref().unwrap());
    let given_up = read(proxy.http.get(url).timeout(Duration::from_millis(100))).await;
    assert!(given_up.unwrap_err().is_timeout());
    crate::harness::eventually("an answer", async || proxy.last_call().await["status"] == 200).await;
}
