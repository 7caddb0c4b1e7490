//! What one scenario took: told by the fault proxy's calls, the functions' invocations, the workflows' histories, the
//! rules of the bus and the lines logged.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The functions that a customer may be waiting for.
const ON_THE_PATH: [&str; 8] = [
    "checkout",
    "amend-orders",
    "reserve-inventory",
    "authorize-payment",
    "confirm-order",
    "reject-order",
    "void-payment",
    "release-inventory",
];
/// The e-mail, its receipt, and the queue that brings it.
const MAIL: &str = "send-email";
const MAIL_QUEUE: &str = "SendEmailQueue";
const PUBLISHER: &str = "publish-events";

/// What `bench-orders` wrote.
#[derive(Debug, Deserialize)]
pub struct Counted {
    pub scenarios: Vec<Scenario>,
}

impl Counted {
    pub fn read(file: &Path) -> Result<Self> {
        serde_json::from_str(&std::fs::read_to_string(file)?).context("the counts are not as the bench knows them")
    }
}

#[derive(Debug, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub status: u16,
    /// The last call before the answer.
    answered: u64,
    calls: Vec<Call>,
    /// What was appended to the order.
    pub events: Vec<String>,
    before: Counters,
    after: Counters,
}

#[derive(Debug, Deserialize)]
struct Call {
    number: u64,
    upstream: String,
    caller: String,
    service: String,
    operation: String,
    write_units: Option<u64>,
    read_units: Option<f64>,
    table: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Counters {
    functions: BTreeMap<String, Function>,
    executions: BTreeMap<String, Execution>,
    logs: BTreeMap<String, Vec<String>>,
    rules: BTreeMap<String, Rule>,
}

#[derive(Debug, Deserialize)]
struct Function {
    memory_mb: u32,
    invocations: u64,
}

#[derive(Debug, Deserialize)]
struct Execution {
    kind: String,
    events: Vec<HistoryEvent>,
}

#[derive(Debug, Deserialize)]
struct HistoryEvent {
    #[serde(rename = "type")]
    kind: String,
    bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Rule {
    types: Vec<String>,
    queues: Vec<String>,
}

/// One function's part.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub memory_mb: u32,
    pub invocations: u64,
    pub dynamodb_calls: u64,
    pub provider_calls: u64,
    /// To other services of AWS, but for the wait for a workflow.
    pub aws_calls: u64,
    pub waits_for_workflow: bool,
}

/// What was counted on one side: on the path, in all, or for the e-mail.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often each operation of AWS was called, by service, operation and table.
    pub calls: BTreeMap<String, u64>,
    /// The same for the payment providers.
    pub provider_calls: BTreeMap<String, u64>,
    pub write_units: u64,
    pub read_units: f64,
    pub functions: BTreeMap<String, Work>,
    pub api_requests: u64,
    pub express_executions: u64,
    pub express_transitions: u64,
    pub standard_transitions: u64,
    pub messages: u64,
    pub bus_events: u64,
    /// What the functions wrote themselves.
    pub logged: Lines,
    /// The Express workflow's log, computed from its history.
    pub workflow_logged: Lines,
    pub s3_puts: u64,
    pub emails: u64,
}

/// Lines in a log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    pub count: u64,
    pub bytes: u64,
}

impl Lines {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

impl Tally {
    pub fn aws_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    pub fn invocations(&self) -> u64 {
        self.functions.values().map(|work| work.invocations).sum()
    }

    fn work(&mut self, function: &str, scenario: &Scenario) -> &mut Work {
        let memory_mb = scenario.after.functions.get(function).map_or(0, |function| function.memory_mb);
        let work = self.functions.entry(function.to_owned()).or_default();
        work.memory_mb = memory_mb;
        work
    }

    fn call(&mut self, call: &Call, scenario: &Scenario) {
        let calls = if call.upstream == "aws" { &mut self.calls } else { &mut self.provider_calls };
        *calls.entry(call.name()).or_default() += 1;
        self.write_units += call.write_units.unwrap_or_default();
        self.read_units += call.read_units.unwrap_or_default();
        match (call.upstream.as_str(), call.service.as_str(), call.operation.as_str()) {
            ("aws", "dynamodb", _) => self.work(&call.caller, scenario).dynamodb_calls += 1,
            ("aws", "states", "StartSyncExecution") => self.work(&call.caller, scenario).waits_for_workflow = true,
            ("aws", service, operation) => {
                self.work(&call.caller, scenario).aws_calls += 1;
                match (service, operation) {
                    ("sqs", "SendMessage") => self.messages += 1,
                    ("s3", "PutObject") => self.s3_puts += 1,
                    ("ses", "SendEmail") => self.emails += 1,
                    _ => {}
                }
            }
            _ => self.work(&call.caller, scenario).provider_calls += 1,
        }
    }
}

impl Call {
    /// As the proxy names it, without caller and number.
    fn name(&self) -> String {
        let table = self.table.as_deref().map(|table| format!(" {table}")).unwrap_or_default();
        format!("{}.{}{table}", self.service, self.operation)
    }
}

/// A scenario's three sides.
#[derive(Clone, Debug)]
pub struct Sides {
    pub name: String,
    pub status: u16,
    pub events: Vec<String>,
    /// Until the answer.
    pub path: Tally,
    /// Everything but the e-mail.
    pub all: Tally,
    pub mail: Tally,
    /// The write units, if every event came from the stream in a batch of its own.
    pub most_write_units: u64,
}

impl Scenario {
    pub fn sides(&self) -> Sides {
        let (mut path, mut all, mut mail) = (Tally::default(), Tally::default(), Tally::default());
        for call in &self.calls {
            if call.caller == MAIL {
                mail.call(call, self);
                continue;
            }
            all.call(call, self);
            if self.is_on_path(call) {
                path.call(call, self);
            }
        }
        self.invocations(&mut path, &mut all, &mut mail);
        self.workflows(&mut path, &mut all);
        self.follow_events(&mut all, &mut mail);
        self.logged(&mut path, &mut all, &mut mail);
        for side in [&mut path, &mut all] {
            side.api_requests = 1;
        }
        let most_write_units = all.write_units + self.rows_saved_by_batches(&all);
        Sides { name: self.name.clone(), status: self.status, events: self.events.clone(), path, all, mail, most_write_units }
    }

    fn is_on_path(&self, call: &Call) -> bool {
        call.number <= self.answered && ON_THE_PATH.contains(&call.caller.as_str())
    }

    /// The functions that were called for the answer. Each step of a healthy workflow is one invocation; what runs on
    /// the path runs nowhere else in that scenario, unless a settlement runs it too.
    fn invocations(&self, path: &mut Tally, all: &mut Tally, mail: &mut Tally) {
        let front = ON_THE_PATH[..2].iter().copied();
        let callers: BTreeSet<&str> =
            self.calls.iter().filter(|call| self.is_on_path(call)).map(|call| call.caller.as_str()).collect();
        for (name, function) in &self.after.functions {
            let before = self.before.functions.get(name).map_or(0, |function| function.invocations);
            let count = function.invocations.saturating_sub(before);
            if count == 0 {
                continue;
            }
            let side = if name == MAIL { &mut *mail } else { &mut *all };
            side.work(name, self).invocations = count;
            if callers.contains(name.as_str()) {
                // A settlement runs only where a customer waits for no workflow.
                let here = if front.clone().any(|front| front == name) { 1 } else { count };
                path.work(name, self).invocations = here;
            }
        }
    }

    fn workflows(&self, path: &mut Tally, all: &mut Tally) {
        let new = self.after.executions.iter().filter(|(arn, _)| !self.before.executions.contains_key(*arn));
        for (_, execution) in new {
            let entered = execution.events.iter().filter(|event| event.kind.ends_with("StateEntered")).count() as u64;
            if execution.kind == "EXPRESS" {
                for side in [&mut *path, &mut *all] {
                    side.express_executions += 1;
                    side.express_transitions += entered;
                    execution.events.iter().for_each(|event| side.workflow_logged.add(event.bytes));
                }
            } else {
                // The start counts as one too.
                all.standard_transitions += entered + 1;
            }
        }
    }

    /// Who asked for what was published: a message for each queue behind each rule.
    fn follow_events(&self, all: &mut Tally, mail: &mut Tally) {
        let published = self.calls.iter().any(|call| call.caller == PUBLISHER);
        for event in self.events.iter().filter(|_| published) {
            let takers: Vec<&Rule> = self.after.rules.values().filter(|rule| rule.types.contains(event)).collect();
            all.bus_events += u64::from(!takers.is_empty());
            for queue in takers.iter().flat_map(|rule| &rule.queues) {
                let side = if queue.contains(MAIL_QUEUE) { &mut *mail } else { &mut *all };
                side.messages += 1;
            }
        }
    }

    /// The functions' own lines, each stream being one invocation's; whose it is stands in its lines.
    fn logged(&self, path: &mut Tally, all: &mut Tally, mail: &mut Tally) {
        let new = self.after.logs.iter().filter(|(stream, _)| !self.before.logs.contains_key(*stream));
        for (_, lines) in new {
            let own: Vec<&String> = lines.iter().filter(|line| line.starts_with('{')).collect();
            let function = own.iter().find_map(|line| function_of(line, &self.after.functions)).unwrap_or_default();
            for line in own {
                let bytes = line.len() as u64;
                if function == MAIL {
                    mail.logged.add(bytes);
                    continue;
                }
                all.logged.add(bytes);
                if path.functions.contains_key(&function) {
                    path.logged.add(bytes);
                }
            }
        }
    }

    /// The view's row is put once for all of an order's events in a batch. How many come together is the stream's matter.
    fn rows_saved_by_batches(&self, all: &Tally) -> u64 {
        let puts = all.calls.get("dynamodb.PutItem CustomerOrdersTable").copied().unwrap_or_default();
        (self.events.len() as u64).saturating_sub(puts)
    }
}

/// The function that a line's target names; none for the lines of what all share.
fn function_of(line: &str, functions: &BTreeMap<String, Function>) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let name = line["target"].as_str()?.split("::").next()?.replace('_', "-");
    functions.contains_key(&name).then_some(name)
}
