//! What happens to a call: it is named, counted, and forwarded as it is, unless a fault strikes it.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
    http::{
        request::Parts,
        uri::{PathAndQuery, Scheme},
    },
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::sleep;

use crate::{
    World,
    answer::{self, Answer},
    caller_process,
    calls::{Named, Received},
    capacity::TableCall,
    connection::{Ends, Reset},
    faults::{Kind, Strike},
    identity::Identity,
    upstream::{BaseUrl, Upstream},
};

/// The largest body, either way. A call with a larger one is reset.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// How long an idle connection to an upstream is used again: less than any server here keeps one, so that none closes it
/// while a call is put on it.
const IDLE: Duration = Duration::from_secs(1);
/// By which AWS's clients say that a request is another try of the same call.
const INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
/// What belongs to a connection, not to what is sent over it. Bodies are sent with their length.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Stands for one upstream.
#[derive(Debug)]
pub(crate) struct Proxy {
    upstream: Upstream,
    base: BaseUrl,
    client: Client<HttpConnector, Full<Bytes>>,
    world: Arc<World>,
}

/// A call that has come and has its name.
struct Call {
    ends: Ends,
    head: Parts,
    body: Bytes,
    dynamodb: Option<TableCall>,
    identity: Identity,
    order_id: Option<String>,
    named: Named,
    invocation_id: Option<String>,
}

impl Proxy {
    /// Connects when it is called.
    pub(crate) fn new(upstream: Upstream, base: BaseUrl, world: Arc<World>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector);
        Self { upstream, base, client, world }
    }

    /// The answer to a call. A caller that gives up does not take the call back: it was sent.
    pub(crate) async fn answer(self: Arc<Self>, ends: Ends, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Reset> {
        let (head, body) = request.into_parts();
        let body = whole(body).await.ok_or(Reset)?;
        let call = self.arrived(ends, head, body);
        let answer = tokio::spawn(async move { self.play(call).await }).await;
        answer.ok().flatten().map(Response::from).ok_or(Reset)
    }

    fn arrived(&self, ends: Ends, head: Parts, body: Bytes) -> Call {
        let dynamodb = if self.upstream == Upstream::Aws { TableCall::parse(&head.headers, &body) } else { None };
        let identity = Identity::of(self.upstream, &head, &body, dynamodb.as_ref());
        let order_id = self.world.orders.order_of(&identity, &head, &body);
        let invocation_id = head.headers.get(INVOCATION_ID).and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        let received = Received { invocation_id: invocation_id.clone(), bytes: body.len() };
        let named = self.world.calls.arrived(order_id.clone(), identity.clone(), received);
        Call { ends, head, body, dynamodb, identity, order_id, named, invocation_id }
    }

    async fn play(&self, call: Call) -> Option<Answer> {
        let number = call.named.number;
        let strike = self.world.faults.take(call.order_id.as_deref(), &call.named.name, call.invocation_id.as_deref());
        let answer = match strike {
            None => self.forward(&call).await,
            Some(strike) => self.strike(&call, strike).await,
        };
        if let Some(answer) = &answer {
            self.world.calls.answered(number, call.order_id.as_deref(), answer.status.as_u16(), answer.body.len());
        }
        answer
    }

    async fn strike(&self, call: &Call, strike: Strike) -> Option<Answer> {
        let id = strike.id;
        let answer = self.struck(call, strike).await;
        self.world.faults.note_over(id);
        answer
    }

    async fn struck(&self, call: &Call, strike: Strike) -> Option<Answer> {
        let kind = strike.kind;
        if !matches!(kind, Kind::KillBefore | Kind::KillAfter) {
            self.note_fault(call, kind);
        }
        match kind {
            Kind::Refuse => None,
            Kind::Error => Some(answer::internal_error(&call.identity)),
            Kind::Throttle => {
                let items = call.dynamodb.as_ref().and_then(TableCall::transaction_items);
                Some(answer::throttled(&call.identity, items))
            }
            Kind::LoseAnswer => {
                self.forward(call).await;
                None
            }
            Kind::Delay => {
                sleep(strike.delay).await;
                self.forward(call).await
            }
            Kind::Freeze => {
                strike.thawed().await;
                self.forward(call).await
            }
            Kind::KillBefore if self.kill_caller(call, &strike).await => None,
            Kind::KillBefore => self.forward(call).await,
            Kind::KillAfter => {
                let answer = self.forward(call).await;
                if self.kill_caller(call, &strike).await { None } else { answer }
            }
        }
    }

    fn note_fault(&self, call: &Call, kind: Kind) {
        self.world.calls.change(call.named.number, |call| call.fault = Some(kind));
    }

    /// Whether the calling process was killed; the fault tells why, if not.
    async fn kill_caller(&self, call: &Call, strike: &Strike) -> bool {
        let ends = call.ends;
        let killed = tokio::task::spawn_blocking(move || caller_process::kill(ends)).await;
        let killed = killed.unwrap_or_else(|error| Err(error.to_string()));
        if killed.is_ok() {
            self.note_fault(call, strike.kind);
        }
        self.world.faults.report(strike.id, &killed);
        killed.is_ok()
    }

    /// Sends a call on and reads the whole answer; none, if there was no whole answer. What it tells is learned and counted
    /// before anybody gets it.
    async fn forward(&self, call: &Call) -> Option<Answer> {
        let (head, body) = self.client.request(self.onward(call)?).await.ok()?.into_parts();
        let body = whole(body).await?;
        self.world.orders.learn(&call.identity, call.order_id.as_deref(), &body);
        if let (true, Some(order_id), Some(subject)) =
            (head.status.is_success(), &call.order_id, call.identity.email_subject(&call.body))
        {
            self.world.calls.email_taken(order_id, subject);
        }
        let units = call.dynamodb.as_ref().map(|table_call| table_call.units(head.status.as_u16(), &body));
        self.world.calls.change(call.named.number, |call| {
            call.response_bytes = Some(body.len());
            call.units = units.unwrap_or(call.units);
        });
        let mut headers = end_to_end(&head.headers);
        if call.head.method != Method::HEAD {
            headers.remove(CONTENT_LENGTH);
        }
        Some(Answer { status: head.status, headers, body })
    }

    fn onward(&self, call: &Call) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.head.method.clone();
        *request.headers_mut() = end_to_end(&call.head.headers);
        let target = call.head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.base.authority().clone()).path_and_query(target);
        *request.uri_mut() = uri.build().ok()?;
        Some(request)
    }
}

/// A body to its end; none, if it breaks off or is too large.
async fn whole(body: Incoming) -> Option<Bytes> {
    Limited::new(body, LARGEST_BODY).collect().await.ok().map(|body| body.to_bytes())
}

/// The headers without those of the connection they came on.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}
