//! A purchase in the terminal, as the page makes it: every hop with its time, and the order's timeline at the end.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, header};
use serde_json::{Value, json};

use crate::{
    aws::{RunningOutputs, running_outputs},
    progress::{bold, faint, green},
};

const SKU: &str = "kettle-steel";

/// Buys a kettle as Kareem.
pub async fn run() -> Result<()> {
    let shop = running_outputs()?;
    let kareem = shop.users.get("kareem").context("outputs.json names no kareem")?;
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(40)).build()?;
    println!("{} at {}\n", bold("Kareem buys a kettle"), shop.web_url);

    let sign_in = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": shop.client_id,
        "AuthParameters": {"USERNAME": kareem.username, "PASSWORD": kareem.password},
    });
    let request = http
        .post(format!("{}/cognito", shop.web_url))
        .header("X-Amz-Target", "AWSCognitoIdentityProviderService.InitiateAuth")
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
        .body(sign_in.to_string());
    let (signed_in, _) = hop("signs in", "Cognito checks the password and signs a token", request).await?;
    let token = signed_in["AuthenticationResult"]["IdToken"].as_str().context("Cognito gave no ID token")?.to_owned();

    let request = http.get(format!("{}/v1/products/{SKU}", shop.web_url));
    let (product, _) = hop("looks", "browse-catalog reads the product and its stock", request).await?;
    println!("    {}, {}, {} available", product["name"].as_str().unwrap_or(SKU), money(&product["price"]), product["available"]);

    let key = format!("demo-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    let purchase = json!({
        "items": [{"sku": SKU, "quantity": 1}],
        "payment_methods": [{"provider": "stripe", "token": "pm_card_visa"}],
        "shipping_address": {"name": "Kareem", "line1": "26 July Street 12", "city": "Cairo", "postal_code": "11511", "country": "EG"},
        "expected_total": product["price"],
    });
    let buy = |meaning: &'static str| {
        let request = http
            .post(format!("{}/v1/checkout", shop.web_url))
            .bearer_auth(&token)
            .header("Idempotency-Key", &key)
            .json(&purchase);
        async move { hop("clicks Buy Now", meaning, request).await }
    };
    let (order, status) = buy("checkout writes the order and runs its workflow").await?;
    let order_id = order["order_id"].as_str().context("the answer names no order")?.to_owned();
    println!("    {} {} {}", green(&status.to_string()), order["status"].as_str().unwrap_or("?"), faint(&order_id));
    let (again, _) = buy("the same key again: the same answer, nothing done twice").await?;
    if again != order {
        bail!("the repeat was answered differently: {again}");
    }
    wait_for_mail(&http, &shop, &order_id).await?;

    let own = format!("{}/v1/orders/{order_id}", shop.web_url);
    let request = http.get(format!("{own}/receipt")).bearer_auth(&token).header(header::ACCEPT, "application/json");
    let (receipt, _) = hop("opens the receipt", "view-orders signs a link to the PDF in S3", request).await?;
    println!("    {}", faint(receipt["url"].as_str().unwrap_or_default()));
    let (order, _) = hop("reads her order", "view-orders loads its events", http.get(own).bearer_auth(&token)).await?;
    timeline(&order);
    println!("\n  the order on the page   {}/#/orders/{order_id}", shop.web_url);
    Ok(())
}

async fn hop(what: &str, meaning: &str, request: RequestBuilder) -> Result<(Value, u16)> {
    let started = Instant::now();
    let answer = request.send().await.with_context(|| format!("she {what}, and nobody answered"))?;
    let status = answer.status();
    let body = answer.text().await?;
    line(started.elapsed(), what, meaning);
    if !status.is_success() {
        bail!("she {what}, and the answer is {status}: {body}");
    }
    Ok((serde_json::from_str(&body)?, status.as_u16()))
}

fn line(took: Duration, what: &str, meaning: &str) {
    println!("{:>7} ms  {what:<18} {}", took.as_millis(), faint(meaning));
}

async fn wait_for_mail(http: &Client, shop: &RunningOutputs, order_id: &str) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        let sent = http.get(format!("{}/_ministack/ses/messages", shop.aws_endpoint)).send().await?.text().await?;
        if sent.contains(order_id) {
            line(started.elapsed(), "gets an e-mail", "stream → publish-events → bus → queue → send-email");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("no e-mail came within 30 s; look at the dead letters and at .local/logs/local-aws.log")
}

fn timeline(order: &Value) {
    println!("\n{}", bold("What happened to the order"));
    for event in order["timeline"].as_array().into_iter().flatten() {
        let at = event["at"].as_str().unwrap_or_default();
        let time = at.split('T').nth(1).unwrap_or(at).trim_end_matches('Z');
        let time = time.get(..12).unwrap_or(time);
        println!("  {:>2}  {time:<12}  {}", event["sequence"], event["type"].as_str().unwrap_or_default());
    }
}

fn money(price: &Value) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown only, and the catalogue's prices are small")]
    let amount = price["amount"].as_u64().unwrap_or_default() as f64 / 100.0;
    format!("{amount:.2} {}", price["currency"].as_str().unwrap_or_default())
}
