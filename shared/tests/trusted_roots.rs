//! Whom the clients trust: the roots that are built in, and nobody whom the machine trusts besides.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, crypto::aws_lc_rs};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use shared::payments::{Limits, PaymentGateway, stripe::Stripe};

/// Of the child: which client is to connect.
const CLIENT: &str = "SOUK_TEST_CLIENT";

/// How long a client may take to connect, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server for `localhost`, and the root that it is issued by, as PEM.
struct Server {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    root: String,
}

impl Server {
    fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { listener, tls: Arc::new(tls), root: root.pem() }
    }

    fn connection(&self) -> TcpStream {
        self.listener.set_nonblocking(true).unwrap();
        let started = Instant::now();
        loop {
            match self.listener.accept() {
                Ok((connection, _)) => {
                    connection.set_nonblocking(false).unwrap();
                    return connection;
                }
                Err(_) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
                Err(error) => panic!("the client did not connect: {error}"),
            }
        }
    }

    /// Whether this client, in a process whose machine trusts the root, takes the server's word for who it is.
    fn is_trusted_by(&self, client: &str) -> bool {
        let directory = env::temp_dir().join(format!("souk-roots-{}-{client}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let root = directory.join("root.pem");
        fs::write(&root, &self.root).unwrap();
        let endpoint = format!("https://localhost:{}", self.listener.local_addr().unwrap().port());
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_client_connects", "--ignored"])
            .env(CLIENT, client)
            .env("SSL_CERT_FILE", &root)
            .envs([("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .envs([("AWS_CONNECT_TIMEOUT_MS", "5000"), ("AWS_ATTEMPT_TIMEOUT_MS", "5000")])
            .env("AWS_ENDPOINT_URL", endpoint)
            .spawn()
            .unwrap();
        let mut connection = self.connection();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut handshake = ServerConnection::new(self.tls.clone()).unwrap();
        let mut trusted = true;
        while trusted && handshake.is_handshaking() {
            trusted = handshake.complete_io(&mut connection).is_ok();
        }
        drop(connection);
        let _ = child.kill();
        child.wait().unwrap();
        fs::remove_dir_all(directory).unwrap();
        trusted
    }
}

#[test]
fn a_root_that_only_the_machine_trusts_is_not_trusted() {
    let trusted = |client: &'static str| thread::spawn(move || Server::start().is_trusted_by(client));
    let [machine, aws, provider] = ["machine", "aws", "provider"].map(trusted).map(|client| client.join().unwrap());
    assert!(machine, "a client with the machine's roots connects: else this test shows nothing");
    assert!(!aws, "AWS's clients know Amazon's roots alone");
    assert!(!provider, "the providers' clients know the roots alone that were built in");
}

#[tokio::test]
#[ignore = "a part of the test above, in a process of its own"]
async fn the_client_connects() {
    let config = shared::aws::config().unwrap();
    match env::var(CLIENT).unwrap().as_str() {
        "machine" => {
            let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
            list_tables(&config.into_builder().http_client(client).build()).await;
        }
        "aws" => list_tables(&config).await,
        _ => {
            let url = env::var("AWS_ENDPOINT_URL").unwrap().parse().unwrap();
            let limits = Limits { connect: Duration::from_secs(5), call: Duration::from_secs(5) };
            let stripe = Stripe::new(url, "https://souk.example", "sk_test".to_owned().into(), limits);
            let _ = stripe.read("pi_1").await;
        }
    }
}

/// Whatever comes of it: the server sees whether it was believed.
async fn list_tables(config: &SdkConfig) {
    let _ = DynamoDb::new(config).list_tables().send().await;
}
