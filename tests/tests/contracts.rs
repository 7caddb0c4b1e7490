//! The template, the state machines, the API document, the events and the code cannot drift apart. Needs no shop.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value as Json, json};
use serde_yaml_ng::Value as Yaml;
use shared::saga::StepError;
use system_tests::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn template() -> Yaml {
    serde_yaml_ng::from_str(&read("template.yaml")).unwrap()
}

/// A value without its template tags: `!Ref X` is `X`, `!GetAtt X.Arn` is `X.Arn`.
fn plain(value: &Yaml) -> Yaml {
    match value {
        Yaml::Tagged(tagged) => plain(&tagged.value),
        Yaml::Sequence(values) => Yaml::Sequence(values.iter().map(plain).collect()),
        Yaml::Mapping(members) => Yaml::Mapping(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        other => other.clone(),
    }
}

fn resources(kind: &str) -> BTreeMap<String, Yaml> {
    let template = plain(&template());
    let all = template["Resources"].as_mapping().unwrap().iter();
    let of_kind = all.filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource["Properties"].clone())).collect()
}

fn folder_names(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(path)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// `reserve-inventory` as `ReserveInventory`.
fn pascal(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn number_parameter(name: &str) -> u64 {
    template()["Parameters"][name]["Default"].as_u64().unwrap_or_else(|| panic!("{name} has no number as its default"))
}

const MACHINES: [&str; 2] = ["checkout", "settlement"];

/// A state machine with every substitution made: numbers for numbers, its own name for the rest.
fn machine(machine: &str) -> Json {
    let mut text = read(&format!("statemachines/{machine}.asl.json"));
    for name in substitutions(machine) {
        let value = if name.ends_with("Seconds") { number_parameter(&name).to_string() } else { name.clone() };
        text = text.replace(&format!("${{{name}}}"), &value);
    }
    serde_json::from_str(&text).expect("the state machine is JSON once its substitutions are made")
}

fn substitutions(machine: &str) -> BTreeSet<String> {
    let machine = &resources("AWS::Serverless::StateMachine")[&format!("{}StateMachine", pascal(machine))];
    let names = machine["DefinitionSubstitutions"].as_mapping().unwrap().keys();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Every state by name, those inside branches too.
fn states(machine: &Json) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    for (name, state) in machine["States"].as_object().unwrap() {
        found.insert(name.clone(), state.clone());
        for branch in state["Branches"].as_array().into_iter().flatten() {
            found.extend(states(branch));
        }
        if state["ItemProcessor"].is_object() {
            found.extend(states(&state["ItemProcessor"]));
        }
    }
    found
}

fn tasks(name: &str) -> BTreeMap<String, Json> {
    states(&machine(name)).into_iter().filter(|(_, state)| state["Type"] == "Task").collect()
}

/// The tasks of every state machine.
fn all_tasks() -> impl Iterator<Item = (String, Json)> {
    MACHINES.into_iter().flat_map(tasks)
}

#[test]
fn each_state_machine_uses_every_substitution_of_the_template_and_no_other() {
    for machine in MACHINES {
        let text = read(&format!("statemachines/{machine}.asl.json"));
        let used: BTreeSet<String> = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
        assert_eq!(used, substitutions(machine));
    }
}

#[test]
fn every_task_calls_the_function_of_its_own_name_within_a_limit_and_catches_everything() {
    for (name, task) in all_tasks() {
        assert_eq!(task["Arguments"]["FunctionName"], format!("{name}FunctionArn"), "{name}");
        assert!(task["TimeoutSeconds"].is_number(), "{name} has no limit");
        let catches = task["Catch"].as_array().unwrap_or_else(|| panic!("{name} catches nothing"));
        let last = catches.last().unwrap();
        assert_eq!(last["ErrorEquals"], serde_json::json!(["States.ALL"]), "{name}");
    }
}

#[test]
fn every_error_that_the_state_machine_names_can_happen() {
    for (name, task) in all_tasks() {
        let rules = ["Retry", "Catch"].iter().flat_map(|kind| task[*kind].as_array().cloned().unwrap_or_default());
        for error in rules.flat_map(|rule| rule["ErrorEquals"].as_array().cloned().unwrap()) {
            let error = error.as_str().unwrap().to_owned();
            let known =
                error.starts_with("States.") || error.starts_with("Lambda.") || StepError::NAMES.contains(&error.as_str());
            assert!(known, "{name} names {error}, which no step returns");
        }
    }
}

#[test]
fn business_failures_reject_the_order_and_anything_else_leaves_it_pending() {
    let states = states(&machine("checkout"));
    for (name, task) in tasks("checkout") {
        for catch in task["Catch"].as_array().unwrap() {
            let next = catch["Next"].as_str().unwrap();
            let error = catch["ErrorEquals"][0].as_str().unwrap();
            let expected = match (error, name.as_str()) {
                ("OutOfStock" | "PaymentDeclined", _) => "RejectOrder",
                (_, "VoidPayment") => "VoidStillOwed",
                (_, "ReleaseInventory") => "ReleaseStillOwed",
                _ => "Pending",
            };
            assert_eq!(next, expected, "{name} on {error}");
            assert!(states.contains_key(next));
        }
    }
    assert!(states.values().all(|state| state["Type"] != "Fail"), "no order ends as a failed execution");
    for (state, error) in [("ReserveInventory", "OutOfStock"), ("AuthorizePayment", "PaymentDeclined")] {
        assert!(states[state]["Catch"].to_string().contains(error), "{state} does not catch {error}");
    }
}

#[test]
fn the_settlement_runs_exactly_the_steps_that_a_plan_may_name_and_no_failure_stops_it() {
    let states = states(&machine("settlement"));
    let choices = states["Which"]["Choices"].as_array().unwrap();
    let named: BTreeSet<&str> = choices.iter().map(|choice| choice["Next"].as_str().unwrap()).collect();
    assert_eq!(named, BTreeSet::from(plan_settlement::STEPS));
    for choice in choices {
        let next = choice["Next"].as_str().unwrap();
        assert_eq!(choice["Condition"], format!("{{% $states.input.name = '{next}' %}}"));
    }
    for name in plan_settlement::STEPS {
        let task = &states[name];
        assert_eq!(task["Arguments"]["Payload"], "{% $states.input.input %}", "{name}");
        let (last, business) = task["Catch"].as_array().unwrap().split_last().unwrap();
        assert_eq!(last["ErrorEquals"], json!(["States.ALL"]), "{name}");
        assert_eq!(last["Next"], "StillOwed", "{name}: what failed stays owed, and stops nothing");
        let business: Vec<_> = business.iter().map(|catch| (&catch["ErrorEquals"], &catch["Next"])).collect();
        let ends: &[_] = &[(&json!(["OutOfStock"]), &json!("RejectOrder"))];
        assert_eq!(business, if name == "ReserveInventory" { ends } else { &[] }, "{name}: only a shortage ends the order");
    }
    let plan = states["PlanSettlement"]["Catch"].as_array().unwrap();
    assert_eq!(plan.last().unwrap()["Next"], "Rest", "a plan that cannot be made is made later");
    assert_eq!(states["Rest"]["Next"], "PlanSettlement");
    assert_eq!(states["DoWhatIsOwed"]["Next"], "PlanSettlement", "only a plan ends the settlement");
    let ends = |condition: &str| {
        let choice = states["IsClosed"]["Choices"].as_array().unwrap().iter().find(|choice| choice["Condition"] == condition);
        &states[choice.unwrap()["Next"].as_str().unwrap()]["Type"]
    };
    assert_eq!(ends("{% $states.input.is_closed %}"), "Succeed");
    assert_eq!(ends("{% $states.input.history_is_full %}"), "Fail", "what is stuck for days rings");
}

#[test]
fn every_retry_waits_with_full_jitter_and_none_repeats_a_business_failure() {
    for (name, task) in all_tasks() {
        for retry in task["Retry"].as_array().into_iter().flatten() {
            assert_eq!(retry["JitterStrategy"], "FULL", "{name}");
            assert!(!retry.to_string().contains("OutOfStock") && !retry.to_string().contains("PaymentDeclined"), "{name}");
        }
    }
}

#[test]
fn every_function_has_its_folder_its_resource_its_role_and_its_events() {
    let functions = resources("AWS::Serverless::Function");
    let roles = resources("AWS::IAM::Role");
    let folders = folder_names("functions");
    let expected: BTreeSet<_> = folders.iter().map(|folder| format!("{}Function", pascal(folder))).collect();
    assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(folder_names("events"), folders);
    for folder in &folders {
        let function = &functions[&format!("{}Function", pascal(folder))];
        assert_eq!(function["CodeUri"], format!("target/lambda/{folder}/bootstrap.zip"));
        assert_eq!(function["Role"], format!("{}Role.Arn", pascal(folder)));
        assert!(roles.contains_key(&format!("{}Role", pascal(folder))));
        assert!(function["Timeout"].is_string(), "{folder}'s limit is a parameter");
        assert_eq!(function["Environment"]["Variables"]["AWS_SDK_UA_APP_ID"], folder.as_str(), "its calls bear its name");
        assert!(folder_names(&format!("events/{folder}")).len() >= 2, "{folder} has a happy and a failing case");
    }
}

#[test]
fn every_event_is_what_its_function_takes() {
    for folder in folder_names("functions") {
        for case in folder_names(&format!("events/{folder}")) {
            let text = read(&format!("events/{folder}/{case}"));
            let failure = match folder.as_str() {
                "checkout" | "view-orders" | "browse-catalog" | "amend-orders" | "receive-webhook" => {
                    lambda_http::request::from_str(&text).err().map(|error| error.to_string())
                }
                "project-orders" | "publish-events" => {
                    serde_json::from_str::<aws_lambda_events::event::dynamodb::Event>(&text).err().map(|error| error.to_string())
                }
                "send-email" | "guard-order" => {
                    serde_json::from_str::<aws_lambda_events::event::sqs::SqsEvent>(&text).err().map(|error| error.to_string())
                }
                "capture-payment" => serde_json::from_str::<capture_payment::Call>(&text).err().map(|error| error.to_string()),
                "plan-settlement" => serde_json::from_str::<plan_settlement::Round>(&text).err().map(|error| error.to_string()),
                "cancel-order" => serde_json::from_str::<cancel_order::CancelOrder>(&text).err().map(|error| error.to_string()),
                "reconcile-money" => serde_json::from_str::<Json>(&text).err().map(|error| error.to_string()),
                "reject-order" => serde_json::from_str::<reject_order::RejectOrder>(&text).err().map(|error| error.to_string()),
                _ => serde_json::from_str::<shared::saga::OrderRef>(&text).err().map(|error| error.to_string()),
            };
            assert_eq!(failure, None, "events/{folder}/{case}");
        }
    }
}

#[test]
fn every_limit_fits_into_the_next() {
    let seconds = |name: &str| number_parameter(name) * 1000;
    let millis = number_parameter;
    let chain = [
        ("connect", millis("ProviderConnectTimeoutMs")),
        ("provider call", millis("ProviderCallTimeoutMs")),
        ("all calls to one provider", millis("ProviderTotalTimeoutMs")),
        ("payment function", seconds("PaymentFunctionTimeoutSeconds")),
        ("payment step", seconds("PaymentStepTimeoutSeconds")),
        ("workflow", seconds("WorkflowTimeoutSeconds")),
        ("checkout's wait", millis("WorkflowWaitMs")),
        ("checkout", seconds("CheckoutTimeoutSeconds")),
        ("gateway", 29_000),
        ("lease", millis("IdempotencyLeaseMs")),
        ("guard", seconds("GuardDelaySeconds")),
        ("the longest delay of a message", 900_000),
    ];
    for pair in chain.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{} is not shorter than {}", pair[0].0, pair[1].0);
    }
    assert!(seconds("StepFunctionTimeoutSeconds") < seconds("StepTimeoutSeconds"));
    assert!(6 * seconds("SendEmailTimeoutSeconds") <= seconds("SendEmailVisibilitySeconds"));
    assert!(6 * seconds("QueueTimeoutSeconds") <= seconds("QueueVisibilitySeconds"));
    // Two providers, one after the other.
    assert!(2 * millis("ProviderTotalTimeoutMs") < seconds("PaymentFunctionTimeoutSeconds"));
    assert!(millis("ProviderQuestionTimeoutMs") + millis("WorkflowWaitMs") < seconds("CheckoutTimeoutSeconds"));
    assert!(seconds("SettlementFirstWaitSeconds") < seconds("SettlementLongestWaitSeconds"));
    assert!(seconds("PaymentActionDeadlineSeconds") < seconds("PaymentDeadlineSeconds"));
    // Longer than anything that could still authorise an attempt of a dead order, or send a refund.
    assert!(seconds("CheckoutTimeoutSeconds") < millis("RequestLifeMs"));
    assert!(seconds("PaymentFunctionTimeoutSeconds") < millis("RequestLifeMs"));
    let waits = read("xtask/python/operate.py");
    let wait = waits.split("RECONCILE_WAIT = ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert!(seconds("ReconcileTimeoutSeconds") < wait.parse::<u64>().unwrap() * 1000, "cargo xtask reconcile gives up first");
    assert!(
        seconds("SendEmailTimeoutSeconds") < millis("SendingLeaseMs")
            && millis("SendingLeaseMs") < seconds("SendEmailVisibilitySeconds")
    );
}

fn has_star(resource: &Yaml) -> bool {
    match resource {
        Yaml::Sequence(values) => values.iter().any(has_star),
        other => other == "*",
    }
}

#[test]
fn what_is_granted_on_everything_is_exactly_this() {
    let mut wild = BTreeSet::new();
    let roles =
        resources("AWS::IAM::Role").into_values().flat_map(|role| role["Policies"].as_sequence().cloned().unwrap_or_default());
    let managed = resources("AWS::IAM::ManagedPolicy").into_values();
    let documents = roles.chain(managed).map(|policy| policy["PolicyDocument"].clone());
    for statement in documents.flat_map(|document| document["Statement"].as_sequence().cloned().unwrap()) {
        let actions: Vec<String> = match &statement["Action"] {
            Yaml::Sequence(actions) => actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect(),
            action => vec![action.as_str().unwrap().to_owned()],
        };
        assert!(actions.iter().all(|action| !action.contains('*')), "{actions:?}");
        if has_star(&statement["Resource"]) {
            wild.extend(actions);
        }
    }
    let expected = [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "dynamodb:ListStreams",
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
        // On this machine alone.
        "ses:SendEmail",
        "ses:GetEmailIdentity",
    ];
    assert_eq!(wild, expected.map(str::to_owned).into());
    for (name, function) in resources("AWS::Serverless::Function") {
        assert!(function["Policies"].is_null() && function["ManagedPolicyArns"].is_null(), "{name} has its rights in its role");
    }
    for (name, role) in resources("AWS::IAM::Role") {
        let text = serde_yaml_ng::to_string(&role).unwrap();
        let has = |what: &str| text.contains(what);
        assert_eq!(has("StreamsPolicy"), has("dynamodb:GetShardIterator"), "{name}");
        assert_eq!(has("LogDeliveryPolicy"), has("states.amazonaws.com"), "{name}");
    }
}

/// A gateway's own answers are templates: what stands in them is filled in, and is not a status.
#[test]
fn what_the_gateway_answers_itself_is_a_problem_with_its_own_status() {
    let api: Yaml = serde_yaml_ng::from_str(&read("openapi.yaml")).unwrap();
    let responses = api["x-amazon-apigateway-gateway-responses"].as_mapping().unwrap();
    assert!(responses.contains_key("DEFAULT_4XX") && responses.contains_key("DEFAULT_5XX"));
    for (kind, response) in responses {
        let template = response["responseTemplates"]["application/json"].as_str().unwrap();
        let filled = template.replace("$context.error.messageString", "\"why\"").replace("$context.requestId", "id");
        assert!(!filled.contains('$'), "{kind:?}: {filled}");
        let problem: Json = serde_json::from_str(&filled).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(problem["status"].to_string(), response["statusCode"].as_str().unwrap(), "{kind:?}");
        assert!(problem["code"].is_string() && problem["instance"] == "id", "{kind:?}");
    }
}

/// Every other resource that a part of the template names: `!Ref` and `!GetAtt` are plain text by now, `!Sub` has its `${…}`.
fn named_in(value: &Yaml, names: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    match value {
        Yaml::String(text) => {
            let inserted = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
            let all = inserted.chain([text.as_str()]).map(|reference| reference.split('.').next().unwrap_or_default());
            found.extend(all.filter(|reference| names.contains(*reference)).map(str::to_owned));
        }
        Yaml::Sequence(values) => values.iter().for_each(|value| named_in(value, names, found)),
        Yaml::Mapping(members) => members.values().for_each(|value| named_in(value, names, found)),
        _ => {}
    }
}

/// `CloudFormation` makes resources in the order of who names whom. No linter looks into the API's document, nor into what a
/// laptop leaves out.
#[test]
fn no_resource_waits_for_itself() {
    let template = plain(&template());
    let api: Yaml = plain(&serde_yaml_ng::from_str(&read("openapi.yaml")).unwrap());
    let resources = template["Resources"].as_mapping().unwrap();
    let names: BTreeSet<String> = resources.keys().map(|name| name.as_str().unwrap().to_owned()).collect();
    let mut waits_for: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, resource) in resources {
        let (name, found) = (name.as_str().unwrap(), &mut BTreeSet::new());
        named_in(resource, &names, found);
        match resource["Type"].as_str().unwrap() {
            "AWS::Serverless::Function" => named_in(&template["Globals"]["Function"], &names, found),
            "AWS::Serverless::Api" => named_in(&api, &names, found),
            _ => {}
        }
        found.remove(name);
        waits_for.insert(name, found.clone());
    }
    assert!(waits_for["Api"].contains("UserPool") && waits_for["CheckoutFunction"].contains("WebDistribution"));
    while let Some(ready) = waits_for.iter().find(|(_, others)| others.is_empty()).map(|(name, _)| *name) {
        waits_for.remove(ready);
        for others in waits_for.values_mut() {
            others.remove(ready);
        }
    }
    assert!(waits_for.is_empty(), "these wait for each other: {waits_for:?}");
}

/// Lambda stops what calls itself through its own queue after some sixteen times.
#[test]
fn only_a_function_that_sends_to_its_own_queue_may_call_itself() {
    let roles = resources("AWS::IAM::Role");
    let mut loops = Vec::new();
    for (name, function) in resources("AWS::Serverless::Function") {
        let role = &roles[function["Role"].as_str().unwrap().trim_end_matches(".Arn")];
        let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_sequence().cloned().unwrap_or_default();
        let sends_to = |queue: &Yaml| {
            let queue = queue.as_str().unwrap();
            let has = |part: &Yaml, text: &str| serde_yaml_ng::to_string(part).unwrap().contains(text);
            statements.iter().any(|statement| has(&statement["Action"], "sqs:SendMessage") && has(&statement["Resource"], queue))
        };
        let sources = function["Events"].as_mapping().into_iter().flat_map(|events| events.values());
        let is_loop = sources.filter(|source| source["Type"] == "SQS").any(|source| sends_to(&source["Properties"]["Queue"]));
        assert_eq!(function["RecursiveLoop"] == "Allow", is_loop, "{name}");
        loops.extend(is_loop.then_some(name));
    }
    assert_eq!(loops, ["GuardOrderFunction"]);
}

/// What a laptop does not show: several stages share an account, and AWS has defaults of its own.
#[test]
fn what_stages_share_and_what_aws_adds_by_itself_is_as_it_must_be() {
    let template = plain(&template());
    let resource = |name: &str| template["Resources"][name].clone();
    assert_eq!(resource("ShopIdentity")["Condition"], "IsLocal", "an identity is the account's");
    for name in ["ApiAccount", "ApiLogsRole"] {
        assert_eq!(resource(name)["DeletionPolicy"], "Retain", "{name} serves every stage");
    }
    let reconciles = &resource("ReconcileMoneyFunction")["Properties"];
    assert_eq!(reconciles["EventInvokeConfig"]["MaximumRetryAttempts"], 0, "Lambda runs what failed three times");
    let hourly = &reconciles["Events"]["Hourly"]["Properties"];
    assert_eq!(hourly["OmitName"], true, "a schedule's name is the account's");
    assert!(resource("AlarmTopic")["Properties"]["KmsMasterKeyId"].is_null(), "CloudWatch may not use AWS's key");
    assert_eq!(template["Globals"]["Function"]["LoggingConfig"]["ApplicationLogLevel"], "TRACE", "LOG_LEVEL decides");
    let verified =
        &resource("UserPool")["Properties"]["UserAttributeUpdateSettings"]["AttributesRequireVerificationBeforeUpdate"];
    assert_eq!(verified[0], "email", "letters go to verified addresses");
    let errors = &resource("WebDistribution")["Properties"]["DistributionConfig"]["CustomErrorResponses"];
    let kept =
        errors.as_sequence().unwrap().iter().map(|error| (error["ErrorCode"].as_u64(), error["ErrorCachingMinTTL"].as_u64()));
    assert_eq!(kept.collect::<Vec<_>>(), [500, 502, 503, 504].map(|code| (Some(code), Some(0))), "one customer's error is hers");
    let stages = read("samconfig.toml");
    let overrides: Vec<_> = stages.lines().filter(|line| line.starts_with("parameter_overrides")).collect();
    let sandbox = |line: &&&str| line.contains("PaypalBaseUrl=https://api-m.sandbox.paypal.com");
    assert!(
        overrides.len() == 3 && overrides.iter().filter(sandbox).count() == 2,
        "dev and staging move no money: {overrides:?}"
    );
}

#[test]
fn every_table_is_recoverable_encrypted_and_protected() {
    let tables = resources("AWS::DynamoDB::Table");
    assert!(tables.len() >= 7);
    for (name, table) in &tables {
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
        assert_eq!(table["DeletionProtectionEnabled"][0], "IsProd", "{name}");
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
    }
    for expiring in ["IdempotencyKeysTable", "WebhookEventsTable"] {
        assert_eq!(tables[expiring]["TimeToLiveSpecification"]["AttributeName"], "expires_at");
    }
    assert_eq!(tables["OrderDetailsTable"]["SSESpecification"]["SSEType"], "KMS");
    assert!(tables["OrderDetailsTable"]["StreamSpecification"].is_null(), "personal data has no stream");
    for bucket in resources("AWS::S3::Bucket").into_values() {
        let block = &bucket["PublicAccessBlockConfiguration"];
        assert!(block.as_mapping().unwrap().values().all(|blocked| *blocked == true) && block.as_mapping().unwrap().len() == 4);
        assert!(!bucket["BucketEncryption"].is_null() && !bucket["LifecycleConfiguration"].is_null());
        assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    }
}

/// SQS puts a message away without a reason; its consumer does so with one, at the try before.
#[test]
fn a_consumer_that_puts_messages_away_knows_which_try_is_the_last() {
    let (functions, queues) = (resources("AWS::Serverless::Function"), resources("AWS::SQS::Queue"));
    for name in ["SendEmail", "CapturePayment"] {
        let function = &functions[&format!("{name}Function")];
        assert_eq!(function["Events"]["Queue"]["Properties"]["Queue"], format!("{name}Queue.Arn"));
        let variables = &function["Environment"]["Variables"];
        let tries = queues[&format!("{name}Queue")]["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap();
        assert_eq!(variables["MAX_RECEIVES"], tries.to_string(), "{name}");
        let dead_letters = variables.as_mapping().unwrap().values().filter(|value| **value == format!("{name}DeadLetters"));
        assert_eq!(dead_letters.count(), 1, "{name}");
    }
}

#[test]
fn every_rule_has_a_queue_a_policy_and_dead_letters_and_every_dead_letter_an_alarm() {
    let queues = resources("AWS::SQS::Queue");
    let policies = resources("AWS::SQS::QueuePolicy");
    let alarms = resources("AWS::CloudWatch::Alarm");
    for (name, rule) in resources("AWS::Events::Rule") {
        for target in rule["Targets"].as_sequence().unwrap() {
            let queue = target["Arn"].as_str().unwrap().trim_end_matches(".Arn").to_owned();
            let dead = target["DeadLetterConfig"]["Arn"]
                .as_str()
                .unwrap_or_else(|| panic!("{name} has no dead letters"))
                .trim_end_matches(".Arn")
                .to_owned();
            assert_eq!(queues[&queue]["RedrivePolicy"]["deadLetterTargetArn"], format!("{dead}.Arn"));
            let allowed = policies.values().any(|policy| {
                let text = serde_yaml_ng::to_string(policy).unwrap();
                text.contains(&format!("{queue}.Arn"))
                    && text.contains(&format!("{dead}.Arn"))
                    && text.contains(&format!("{name}.Arn"))
            });
            assert!(allowed, "the bus may not write to {queue}");
        }
    }
    for dead in queues.keys().filter(|name| name.ends_with("DeadLetters")) {
        let alarmed =
            alarms.values().any(|alarm| serde_yaml_ng::to_string(alarm).unwrap().contains(&format!("{dead}.QueueName")));
        assert!(alarmed, "{dead} fills up unseen");
    }
    for (name, function) in resources("AWS::Serverless::Function") {
        let reads_the_stream = function["Events"]["OrderEvents"]["Type"] == "DynamoDB";
        let alarmed =
            alarms.values().any(|alarm| alarm["MetricName"] == "IteratorAge" && alarm["Dimensions"][0]["Value"] == name.as_str());
        assert_eq!(reads_the_stream, alarmed, "{name}: a stream that falls behind is told");
    }
}

#[test]
fn what_fails_of_a_batch_comes_again_alone_or_in_halves_and_is_never_lost() {
    let mut sources = BTreeMap::new();
    for (function, resource) in resources("AWS::Serverless::Function") {
        for (_, source) in resource["Events"].as_mapping().into_iter().flatten() {
            let (kind, settings) = (source["Type"].as_str().unwrap(), &source["Properties"]);
            *sources.entry(kind.to_owned()).or_insert(0) += 1;
            match kind {
                "SQS" => {
                    assert_eq!(settings["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{function}");
                }
                "DynamoDB" => {
                    assert_eq!(settings["BisectBatchOnFunctionError"], true, "{function}");
                    assert!(settings["MaximumRetryAttempts"].is_null(), "{function}: it is tried until the record is too old");
                    assert_eq!(settings["MaximumRecordAgeInSeconds"], 23 * 3600, "{function}: the stream keeps a day");
                    let aside = settings["DestinationConfig"]["OnFailure"]["Destination"].as_str().unwrap();
                    let own = function.trim_end_matches("Function");
                    assert_eq!(aside, format!("{own}DeadLetters.Arn"));
                }
                "ScheduleV2" => assert_eq!(settings["ScheduleExpression"], "rate(1 hour)", "{function}"),
                _ => {}
            }
        }
    }
    assert_eq!((sources["SQS"], sources["DynamoDB"], sources["ScheduleV2"]), (3, 2, 1));
    for (queue, properties) in resources("AWS::SQS::Queue") {
        assert_eq!(properties["MessageRetentionPeriod"], 14 * 24 * 3600, "{queue}: as long as SQS can");
        let most = properties["RedrivePolicy"]["maxReceiveCount"].as_u64();
        let expected = match queue.as_str() {
            // A guard sends itself again whatever happens: SQS puts away only what no guard can be started for, and late.
            "GuardQueue" => Some(1000),
            _ if queue.ends_with("DeadLetters") => None,
            _ => Some(5),
        };
        assert_eq!(most, expected, "{queue}");
    }
}

#[test]
fn the_breaker_opens_after_five_failures_a_minute_for_half_a_minute_and_its_probe_may_die() {
    let of = ["BreakerFailures", "BreakerWindowMs", "BreakerOpenMs"].map(number_parameter);
    assert_eq!(of, [5, 60_000, 30_000]);
    assert!(number_parameter("BreakerProbeLeaseMs") > number_parameter("ProviderCallTimeoutMs"));
}

/// The tests run with others, which are shorter.
#[test]
fn an_order_is_looked_at_as_often_and_given_up_as_late_as_the_design_says() {
    let of = [
        ("PaymentDeadlineSeconds", 24 * 3600),
        ("PaymentActionDeadlineSeconds", 3600),
        ("SettlementFirstWaitSeconds", 10),
        ("SettlementLongestWaitSeconds", 5 * 60),
        ("RequestLifeMs", 3_600_000),
        ("RefundPauseMs", 600_000),
    ];
    for (name, value) in of {
        assert_eq!(number_parameter(name), value, "{name}");
    }
}

/// A closed order has no guard any more: whatever makes it owe something again brings one.
#[test]
fn every_queue_behind_the_bus_gets_its_events_and_no_others() {
    let rules = resources("AWS::Events::Rule");
    let types = |rule: &str| -> BTreeSet<String> {
        let types = rules[rule]["EventPattern"]["detail-type"].as_sequence().unwrap();
        types.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let of = [
        ("CapturePaymentRule", vec!["OrderConfirmed"]),
        ("GuardRule", vec!["OrderPlaced", "OrderCancelled", "RefundStarted", "RefundFailed", "CaptureFailed"]),
        (
            "SendEmailRule",
            vec![
                "OrderConfirmed",
                "OrderRejected",
                "OrderCancelled",
                "PaymentActionRequired",
                "PaymentDeferred",
                "PaymentRefunded",
            ],
        ),
    ];
    assert_eq!(rules.len(), of.len());
    for (rule, expected) in of {
        assert_eq!(types(rule), expected.into_iter().map(ToOwned::to_owned).collect(), "{rule}");
    }
}

#[test]
fn the_stream_lets_through_exactly_the_types_that_rules_ask_for() {
    let asked: BTreeSet<String> = resources("AWS::Events::Rule")
        .into_values()
        .flat_map(|rule| rule["EventPattern"]["detail-type"].as_sequence().cloned().unwrap())
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let function = &resources("AWS::Serverless::Function")["PublishEventsFunction"];
    let pattern = function["Events"]["OrderEvents"]["Properties"]["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap();
    let pattern: Json = serde_json::from_str(pattern).unwrap();
    let let_through =
        pattern["dynamodb"]["NewImage"]["type"]["S"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    assert_eq!(let_through.collect::<BTreeSet<_>>(), asked);
}

#[test]
fn every_operation_of_the_api_calls_a_function_that_the_gateway_may_call() {
    let api: Yaml = serde_yaml_ng::from_str(&read("openapi.yaml")).unwrap();
    assert_eq!(api["openapi"], "3.0.3", "API Gateway imports no 3.1");
    let functions = resources("AWS::Serverless::Function");
    let permissions = resources("AWS::Lambda::Permission");
    for (path, operations) in api["paths"].as_mapping().unwrap() {
        let path = path.as_str().unwrap();
        assert!(path.starts_with("/v1/"));
        let methods = operations.as_mapping().unwrap().iter().filter(|(name, _)| *name != "parameters");
        let methods: Vec<_> = methods.collect();
        for (method, operation) in &methods {
            let uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"].as_str().unwrap();
            let name = uri.split(":function:").last().unwrap().trim_end_matches("/invocations");
            let named = functions.iter().find(|(_, properties)| properties["FunctionName"] == name);
            let (function, _) = named.unwrap_or_else(|| panic!("{method:?} {path}: there is no {name}"));
            let permission = &permissions[&function.replace("Function", "Permission")];
            assert_eq!(permission["FunctionName"], function.as_str());
            let by_signature = path.starts_with("/v1/webhooks/");
            let open =
                by_signature || path.starts_with("/v1/products") || path == "/v1/health" || operation["operationId"].is_null();
            assert_eq!(operation["security"].is_null(), open, "{method:?} {path} is open to whom it should be");
        }
        assert_eq!(methods.len(), 5, "{path}: a method that is not listed would be answered 403, not 405");
    }
}

#[test]
fn the_catalogue_is_what_the_code_reads() {
    let products: Vec<Json> = serde_json::from_str(&read("catalogue/products.json")).unwrap();
    let stock: BTreeMap<_, _> =
        products.iter().map(|product| (product["sku"].as_str().unwrap(), product["stock"].as_u64().unwrap())).collect();
    assert_eq!((stock["limited-lamp"], stock["sold-out-vase"]), (5, 0));
    for product in &products {
        serde_json::from_value::<shared::domain::product::Product>(product.clone()).unwrap();
    }
    let kettle = products.iter().find(|product| product["sku"] == "kettle-steel").unwrap();
    assert_eq!(kettle["price"], serde_json::json!({"amount": 4599, "currency": "USD"}));
}

/// The row has the order's status, and whether its money is settled: what never changes one needs no put.
#[test]
fn the_view_is_told_of_exactly_the_events_that_change_a_row() {
    let function = &resources("AWS::Serverless::Function")["ProjectOrdersFunction"];
    let pattern = function["Events"]["OrderEvents"]["Properties"]["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap();
    let pattern: Json = serde_json::from_str(pattern).unwrap();
    let told: BTreeSet<&str> =
        pattern["dynamodb"]["NewImage"]["type"]["S"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let expected = [
        "OrderPlaced",
        "PaymentActionRequired",
        "PaymentDeferred",
        "PaymentVoided",
        "OrderConfirmed",
        "OrderRejected",
        "OrderCancelled",
        "PaymentCaptured",
        "RefundStarted",
        "PaymentRefunded",
        "RefundFailed",
    ];
    assert_eq!(told, expected.into());
}

#[test]
fn every_alarm_names_a_runbook_that_there_is() {
    for (name, alarm) in resources("AWS::CloudWatch::Alarm") {
        let description = alarm["AlarmDescription"].as_str().unwrap();
        let runbook = description.split("See ").nth(1).and_then(|rest| rest.strip_suffix('.'));
        let runbook = runbook.unwrap_or_else(|| panic!("{name} names no runbook"));
        assert!(root().join(runbook).exists(), "{name}: {runbook}");
        assert_eq!(alarm["AlarmActions"][0], "AlarmTopic", "{name} tells nobody");
    }
}

/// Nobody looks at logs: what an operator must know of is counted, and rings.
#[test]
fn what_an_operator_must_know_of_is_counted_and_rings() {
    let metrics = |namespace: &str| {
        let alarms = resources("AWS::CloudWatch::Alarm").into_values().filter(|alarm| alarm["Namespace"] == namespace);
        alarms.map(|alarm| alarm["MetricName"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let ours = [
        ("AuthorizationEndsSoon", "functions/plan-settlement/src/lib.rs"),
        ("BreakerOpened", "shared/src/payments/breaker/mod.rs"),
        ("GuardFailed", "functions/guard-order/src/lib.rs"),
        ("MoneyDifference", "shared/src/books.rs"),
        ("MoneyReconciled", "functions/reconcile-money/src/lib.rs"),
        ("ProviderRefused", "shared/src/payments/http.rs"),
        ("RefundFailed", "shared/src/books.rs"),
        ("WebhookRejected", "functions/receive-webhook/src/lib.rs"),
    ];
    assert_eq!(metrics("Souk"), ours.map(|(metric, _)| metric.to_owned()).into());
    assert_eq!(metrics("AWS/States"), ["ExecutionsFailed", "ExecutionsTimedOut"].map(ToOwned::to_owned).into());
    for (metric, counted_in) in ours {
        assert!(read(counted_in).contains(&format!("\"{metric}\"")), "{counted_in} does not count {metric}");
    }
    let grew = &resources("AWS::CloudWatch::Alarm")["MoneyDifferenceGrewAlarm"]["Metrics"];
    assert_eq!(grew[0]["MetricStat"]["Metric"]["MetricName"], "MoneyDifference");
    assert_eq!(grew[1]["Expression"], "DIFF(differences)", "a difference that lasts hides no other");
}

/// An operator sets up by hand at the providers what the simulator is told here.
#[test]
fn the_webhooks_that_the_readme_asks_for_are_those_that_the_tests_run_with() {
    let between = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from} is gone"));
        rest.split_once(to).unwrap_or_else(|| panic!("{to} is gone")).0.to_owned()
    };
    let within = |text: &str, quote: char| text.split(quote).skip(1).step_by(2).map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    let (readme, stack) = (read("README.md"), read("xtask/src/stack.rs"));
    for (name, from, to) in [
        ("STRIPE_EVENTS", "have Stripe send ", " to `…/v1/webhooks/stripe`"),
        ("PAYPAL_EVENTS", "and PayPal ", " to\n  `…/v1/webhooks/paypal`"),
    ] {
        let tested = within(&between(&stack, &format!("const {name}:"), ";\n\n"), '"');
        let asked = within(&between(&readme, from, to), '`');
        assert!(!tested.is_empty());
        assert_eq!(asked, tested, "{name}");
    }
}
