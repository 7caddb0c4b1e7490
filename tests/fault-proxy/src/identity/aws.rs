//! AWS operations: from the target header where the protocol has one, else from the path.

use hyper::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
    http::request::Parts,
};
use url::form_urlencoded;

use super::parts;

const TARGET: &str = "x-amz-target";
const COPY_SOURCE: &str = "x-amz-copy-source";
const SES_PATH: &str = "/v2/email/";

/// The service as it is signed for, and its operation.
pub(super) fn operation(head: &Parts, body: &[u8]) -> (String, Option<String>) {
    if let Some((prefix, operation)) = header(head, TARGET).and_then(|target| target.rsplit_once('.')) {
        return (targeted_service(prefix, head), Some(operation.to_owned()));
    }
    let path = head.uri.path();
    let service = signed_service(head).unwrap_or_else(|| if path.starts_with(SES_PATH) { "ses".into() } else { "s3".into() });
    let operation = match service.as_str() {
        "ses" => ses(&head.method, path),
        "s3" => s3(head),
        "lambda" => path.ends_with("/invocations").then(|| "Invoke".into()),
        _ => None,
    };
    let operation = operation.or_else(|| action(head, body));
    (service, operation)
}

fn targeted_service(prefix: &str, head: &Parts) -> String {
    let name = prefix.split(['_', '.']).next().unwrap_or(prefix);
    match name {
        "DynamoDB" => "dynamodb".into(),
        "DynamoDBStreams" => "dynamodbstreams".into(),
        "AWSEvents" => "events".into(),
        "AWSStepFunctions" => "states".into(),
        "AmazonSQS" => "sqs".into(),
        "secretsmanager" => "secretsmanager".into(),
        _ => signed_service(head).unwrap_or_else(|| name.to_ascii_lowercase()),
    }
}

/// From the credential's scope, `key/date/region/service/aws4_request`, in the header or, presigned, in the query.
fn signed_service(head: &Parts) -> Option<String> {
    let signed = header(head, AUTHORIZATION.as_str()).and_then(|value| value.split_once("Credential=")).map(|(_, rest)| rest);
    let credential = signed.map(|rest| rest.split([',', ' ']).next().unwrap_or(rest).to_owned());
    let scope = credential.or_else(|| parameter(head.uri.query()?.as_bytes(), "X-Amz-Credential"))?;
    scope.split('/').nth(3).map(str::to_owned)
}

fn ses(method: &Method, path: &str) -> Option<String> {
    let name = match (method.as_str(), parts(path).as_slice()) {
        ("POST", ["v2", "email", "outbound-emails"]) => "SendEmail",
        ("POST", ["v2", "email", "outbound-bulk-emails"]) => "SendBulkEmail",
        ("POST", ["v2", "email", "identities"]) => "CreateEmailIdentity",
        ("GET", ["v2", "email", "identities"]) => "ListEmailIdentities",
        ("GET", ["v2", "email", "identities", _]) => "GetEmailIdentity",
        ("GET", ["v2", "email", "account"]) => "GetAccount",
        _ => return None,
    };
    Some(name.into())
}

/// The SDKs name an object's operation in the query. Without that, the method and the path tell it; buckets stand in the path.
fn s3(head: &Parts) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    let has = |name: &str| parameter(query.as_bytes(), name).is_some();
    if let Some(name) = parameter(query.as_bytes(), "x-id") {
        return Some(name);
    }
    let depth = parts(head.uri.path()).len().min(2);
    let name = match (head.method.as_str(), depth) {
        ("GET", 0) => "ListBuckets",
        ("PUT", 1) if query.is_empty() => "CreateBucket",
        ("HEAD", 1) => "HeadBucket",
        ("DELETE", 1) if query.is_empty() => "DeleteBucket",
        ("GET", 1) if has("list-type") => "ListObjectsV2",
        ("POST", 1) if has("delete") => "DeleteObjects",
        ("PUT", 2) if head.headers.contains_key(COPY_SOURCE) => "CopyObject",
        ("PUT", 2) if has("partNumber") => "UploadPart",
        ("POST", 2) if has("uploads") => "CreateMultipartUpload",
        ("POST", 2) if has("uploadId") => "CompleteMultipartUpload",
        ("PUT", 2) => "PutObject",
        ("GET", 2) => "GetObject",
        ("HEAD", 2) => "HeadObject",
        ("DELETE", 2) => "DeleteObject",
        _ => return None,
    };
    Some(name.into())
}

/// The query protocol's: a parameter of the URL or of the form.
fn action(head: &Parts, body: &[u8]) -> Option<String> {
    let is_form = header(head, CONTENT_TYPE.as_str()).is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let form = if is_form { body } else { &[] };
    parameter(head.uri.query().unwrap_or_default().as_bytes(), "Action").or_else(|| parameter(form, "Action"))
}

fn parameter(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn named(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (service, name) = operation(&request.body(()).unwrap().into_parts().0, body.as_bytes());
        format!("{service} {}", name.as_deref().unwrap_or("-"))
    }

    #[test]
    fn a_target_names_service_and_operation() {
        for (target, name) in [
            ("DynamoDB_20120810.PutItem", "dynamodb PutItem"),
            ("AWSEvents.PutEvents", "events PutEvents"),
            ("AWSStepFunctions.StartSyncExecution", "states StartSyncExecution"),
            ("AmazonSQS.SendMessage", "sqs SendMessage"),
            ("secretsmanager.GetSecretValue", "secretsmanager GetSecretValue"),
            ("Logs_20140328.PutLogEvents", "logs PutLogEvents"),
        ] {
            assert_eq!(named("POST", "/", &[("X-Amz-Target", target)], "{}"), name);
        }
    }

    #[test]
    fn a_path_names_the_operation_where_there_is_no_target() {
        let scope = |service: &str| {
            format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0")
        };
        for (service, method, uri, name) in [
            ("ses", "POST", "/v2/email/outbound-emails", "ses SendEmail"),
            ("s3", "PUT", "/receipts/2026/a.pdf?x-id=PutObject", "s3 PutObject"),
            ("s3", "PUT", "/receipts/2026/a.pdf", "s3 PutObject"),
            ("s3", "GET", "/receipts/a.pdf", "s3 GetObject"),
            ("s3", "HEAD", "/receipts/a.pdf", "s3 HeadObject"),
            ("s3", "HEAD", "/receipts", "s3 HeadBucket"),
            ("s3", "GET", "/receipts?list-type=2", "s3 ListObjectsV2"),
            ("lambda", "POST", "/2015-03-31/functions/checkout/invocations", "lambda Invoke"),
            ("execute-api", "GET", "/health", "execute-api -"),
        ] {
            assert_eq!(named(method, uri, &[("Authorization", &scope(service))], ""), name, "{method} {uri}");
        }
    }

    #[test]
    fn a_presigned_url_an_unsigned_one_and_a_form_are_understood_too() {
        let presigned = "/b/k?X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fs3%2Faws4_request";
        assert_eq!(named("GET", presigned, &[], ""), "s3 GetObject");
        assert_eq!(named("POST", "/v2/email/outbound-emails", &[], ""), "ses SendEmail");
        let headers = [
            ("Authorization", "AWS4-HMAC-SHA256 Credential=A/1/r/sts/aws4_request"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        assert_eq!(named("POST", "/", &headers, "Action=GetCallerIdentity&Version=1"), "sts GetCallerIdentity");
    }
}
