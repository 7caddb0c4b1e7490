//! The page on this machine: the files of `web/`, with the API and the sign-in on the same origin, as CloudFront has it.

use std::{net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::paths;

/// As the template sets it on AWS, where `connect-src` also names Cognito: here it is on this origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' https://js.stripe.com; frame-src https://js.stripe.com \
    https://hooks.stripe.com; connect-src 'self' https://api.stripe.com; img-src 'self' data:; style-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// More than any request of the page.
const MAX_BODY: usize = 1024 * 1024;

/// The running server.
#[derive(Debug)]
pub struct Web(JoinHandle<()>);

impl Web {
    /// Stops it.
    pub fn stop(&self) {
        self.0.abort();
    }
}

struct Site {
    files: PathBuf,
    config: String,
    api: String,
    aws: String,
    http: reqwest::Client,
}

/// Serves the page on this port.
pub async fn serve(port: u16, outputs: &Value) -> Result<Web> {
    let text = |name: &str| outputs[name].as_str().unwrap_or_default().to_owned();
    let site = Site {
        files: paths::root().join("web"),
        config: config(outputs).to_string(),
        api: text("api_url"),
        aws: text("aws_endpoint"),
        http: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?,
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener = listener.with_context(|| format!("port {port}, for the page, is in use"))?;
    let router = Router::new().fallback(answer).with_state(Arc::new(site));
    Ok(Web(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("the page is no longer served: {error}");
        }
    })))
}

/// What the page must know of where it is. The accounts are this machine's own.
fn config(outputs: &Value) -> Value {
    let users = outputs["users"].as_object().into_iter().flatten().filter(|(name, _)| name.as_str() != "admin");
    let users =
        users.map(|(name, user)| json!({"name": capitalised(name), "username": user["username"], "password": user["password"]}));
    json!({
        "stage": "local",
        "cognito": {"endpoint": "/cognito", "client_id": outputs["client_id"]},
        "payment": {"stripe_publishable_key": null, "test_cards": true},
        "test_users": users.rev().collect::<Vec<_>>(),
    })
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = match path.as_str() {
        "/config.json" => plain(StatusCode::OK, "application/json", site.config.clone().into()),
        "/cognito" => forward(&site, format!("{}/", site.aws), request).await,
        path if path.starts_with("/v1/") => forward(&site, format!("{}{path}{query}", site.api), request).await,
        path => file(&site, path).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

fn plain(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn file(site: &Site, path: &str) -> Response<Body> {
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    let plain_name = name.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
    match tokio::fs::read(site.files.join(name)).await {
        Ok(bytes) if plain_name => plain(StatusCode::OK, content_type(name), bytes.into()),
        _ => plain(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "There is nothing here.".into()),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

async fn forward(site: &Site, url: String, request: Request) -> Response<Body> {
    match forwarded(site, url, request).await {
        Ok(response) => response,
        Err(error) => {
            plain(StatusCode::BAD_GATEWAY, "text/plain; charset=utf-8", format!("the local AWS did not answer: {error}").into())
        }
    }
}

async fn forwarded(site: &Site, url: String, request: Request) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let own =
        |name: &HeaderName| [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING].contains(name);
    let headers =
        parts.headers.iter().filter(|(name, _)| !own(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let answer = site.http.request(parts.method, url).headers(headers).body(to_bytes(body, MAX_BODY).await?).send().await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers().iter().filter(|(name, _)| !own(name)) {
        response.headers_mut().append(name, value.clone());
    }
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}
