//! What one scenario took: told by the fault proxy's calls, the functions' invocations, the workflows' histories, the
//! rules of the bus and the lines logged.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail};
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
/// What the API calls.
const FRONT: [&str; 2] = ["checkout", "amend-orders"];
const WEBHOOKS: &str = "receive-webhook";
/// What a process does once when it starts, for no order.
const START_UP: [&str; 2] = ["GetSecretValue", "DescribeStateMachine"];

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
    /// Those of the order, and those of none: nobody else was in the shop.
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
    at: String,
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
    /// What it got from a queue or a stream, each one invocation.
    batches: u64,
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
    /// The state that is entered.
    state: Option<String>,
}

impl HistoryEvent {
    /// Whether level ERROR logs it.
    fn is_an_error(&self) -> bool {
        self.kind == "FailStateEntered" || ["Failed", "TimedOut", "Aborted"].iter().any(|end| self.kind.ends_with(end))
    }
}

impl Execution {
    fn count(&self, is_wanted: impl Fn(&HistoryEvent) -> bool) -> u64 {
        self.events.iter().filter(|event| is_wanted(event)).count() as u64
    }

    /// The functions of the tasks, which the house calls by the same name.
    fn steps(&self) -> impl Iterator<Item = String> {
        let tasks = self.events.iter().filter(|event| event.kind == "TaskStateEntered");
        tasks.filter_map(|event| event.state.as_deref()).map(kebab)
    }

    /// Tasks inside a parallel or a map state, of which the local AWS tells no more than that they ran.
    fn nested_tasks(&self) -> u64 {
        let scheduled = self.count(|event| event.kind == "TaskScheduled");
        scheduled.saturating_sub(self.count(|event| event.kind == "TaskStateEntered"))
    }
}

/// `ReserveInventory` as `reserve-inventory`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
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
    pub logged_lines: u64,
    pub logged_bytes: u64,
    /// What the Express workflow logs at level ERROR: a line for each event that is one.
    pub workflow_lines: u64,
    pub s3_puts: u64,
    pub emails: u64,
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

    fn line(&mut self, line: &str) {
        self.logged_lines += 1;
        self.logged_bytes += line.len() as u64;
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
    /// What the provider's webhooks take of all.
    pub webhooks: Tally,
}

impl Scenario {
    /// # Errors
    /// Invocations that nothing explains.
    pub fn sides(&self) -> Result<Sides> {
        let [mut path, mut all, mut mail, mut webhooks] = [(); 4].map(|()| Tally::default());
        for call in self.calls.iter().filter(|call| !START_UP.contains(&call.operation.as_str())) {
            if call.caller == MAIL {
                mail.call(call, self);
                continue;
            }
            all.call(call, self);
            if self.is_on_path(call) {
                path.call(call, self);
            }
            if call.caller == WEBHOOKS {
                webhooks.call(call, self);
            }
        }
        self.webhooks(&mut webhooks, &mut all);
        self.invocations(&mut path, &mut all, &mut mail);
        self.workflows(&mut path, &mut all);
        self.follow_events(&mut all, &mut mail);
        self.logged(&mut path, &mut all, &mut mail);
        let (counted, seen) = (all.invocations() + mail.invocations(), self.new_streams().count() as u64);
        if counted != seen {
            bail!("{}: {seen} invocations were logged, and {counted} of them are known", self.name);
        }
        Ok(Sides { name: self.name.clone(), status: self.status, events: self.events.clone(), path, all, mail, webhooks })
    }

    fn is_on_path(&self, call: &Call) -> bool {
        call.number <= self.answered && ON_THE_PATH.contains(&call.caller.as_str())
    }

    /// Each invocation is asked for by the API, by a workflow, or by a queue or a stream.
    fn invocations(&self, path: &mut Tally, all: &mut Tally, mail: &mut Tally) {
        let front = self.calls.iter().filter(|call| self.is_on_path(call)).find(|call| FRONT.contains(&call.caller.as_str()));
        if let Some(front) = front {
            for side in [&mut *path, &mut *all] {
                side.api_requests += 1;
                side.work(&front.caller, self).invocations += 1;
            }
        }
        for (name, function) in &self.after.functions {
            let before = self.before.functions.get(name).map_or(0, |function| function.batches);
            if function.batches > before {
                let side = if name == MAIL { &mut *mail } else { &mut *all };
                side.work(name, self).invocations += function.batches - before;
            }
        }
    }

    /// What the provider told: each webhook is a request and an invocation. Its lines are among those of all.
    fn webhooks(&self, webhooks: &mut Tally, all: &mut Tally) {
        for lines in self.new_streams().filter(|lines| self.function_of(lines).as_deref() == Some(WEBHOOKS)) {
            for side in [&mut *webhooks, &mut *all] {
                side.api_requests += 1;
                side.work(WEBHOOKS, self).invocations += 1;
            }
            lines.iter().filter(|line| line.starts_with('{')).for_each(|line| webhooks.line(line));
        }
    }

    fn workflows(&self, path: &mut Tally, all: &mut Tally) {
        let new = self.after.executions.iter().filter(|(arn, _)| !self.before.executions.contains_key(*arn));
        let (mut nested_here, mut nested_later) = (0, 0);
        for (_, execution) in new {
            let entered = execution.count(|event| event.kind.ends_with("StateEntered"));
            let nested = execution.nested_tasks();
            if execution.kind == "EXPRESS" {
                nested_here += nested;
                for side in [&mut *path, &mut *all] {
                    side.express_executions += 1;
                    side.express_transitions += entered + nested;
                    side.workflow_lines += execution.count(HistoryEvent::is_an_error);
                    execution.steps().for_each(|step| side.work(&step, self).invocations += 1);
                }
            } else {
                nested_later += nested;
                // The start counts as one too; and inside the map a choice comes before each task.
                all.standard_transitions += 1 + entered + 2 * nested;
                execution.steps().for_each(|step| all.work(&step, self).invocations += 1);
            }
        }
        self.nested(nested_here, nested_later, path, all);
    }

    /// Which functions ran inside parallel and map states: those that called something and were not asked for elsewhere.
    /// If these are not as many as ran, the sum of invocations tells.
    fn nested(&self, here: u64, later: u64, path: &mut Tally, all: &mut Tally) {
        let unasked = all.functions.iter().filter(|(_, work)| work.invocations == 0).map(|(name, _)| name.clone());
        let (on_path, off_path): (Vec<String>, Vec<String>) = unasked.partition(|name| path.functions.contains_key(name));
        if on_path.len() as u64 == here {
            for name in &on_path {
                path.work(name, self).invocations += 1;
                all.work(name, self).invocations += 1;
            }
        }
        if off_path.len() as u64 == later {
            for name in &off_path {
                all.work(name, self).invocations += 1;
            }
        }
    }

    /// Who asked for what was published: a message for each queue behind each rule.
    fn follow_events(&self, all: &mut Tally, mail: &mut Tally) {
        for event in &self.events {
            let takers: Vec<&Rule> = self.after.rules.values().filter(|rule| rule.types.contains(event)).collect();
            all.bus_events += u64::from(!takers.is_empty());
            for queue in takers.iter().flat_map(|rule| &rule.queues) {
                let side = if queue.contains(MAIL_QUEUE) { &mut *mail } else { &mut *all };
                side.messages += 1;
            }
        }
    }

    /// The lines of each invocation.
    fn new_streams(&self) -> impl Iterator<Item = &Vec<String>> {
        let new = self.after.logs.iter().filter(|(stream, _)| !self.before.logs.contains_key(*stream));
        new.map(|(_, lines)| lines).filter(|lines| lines.iter().any(|line| line.starts_with("START ")))
    }

    /// The functions' own lines. Those of steps name no function; what they log before the answer, the customer waits for.
    fn logged(&self, path: &mut Tally, all: &mut Tally, mail: &mut Tally) {
        let answered = self.calls.iter().find(|call| call.number == self.answered).map_or("", |call| call.at.as_str());
        for lines in self.new_streams() {
            let function = self.function_of(lines);
            let may_be_on_path = function.as_deref().is_none_or(|function| ON_THE_PATH.contains(&function));
            for line in lines.iter().filter(|line| line.starts_with('{')) {
                let mut sides = if function.as_deref() == Some(MAIL) { vec![&mut *mail] } else { vec![&mut *all] };
                if may_be_on_path && member(line, "timestamp").is_some_and(|at| at.as_str() <= answered) {
                    sides.push(&mut *path);
                }
                for side in sides {
                    side.line(line);
                }
            }
        }
    }

    /// The function that an invocation's lines name, if one does: most steps log only what all share.
    fn function_of(&self, lines: &[String]) -> Option<String> {
        lines.iter().find_map(|line| {
            let name = member(line, "target")?.split("::").next()?.replace('_', "-");
            self.after.functions.contains_key(&name).then_some(name)
        })
    }
}

fn member(line: &str, name: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line[name].as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(events: &[(&str, &str)]) -> Execution {
        let event = |(kind, state): &(&str, &str)| HistoryEvent {
            kind: (*kind).to_owned(),
            state: (!state.is_empty()).then(|| (*state).to_owned()),
        };
        Execution { kind: "EXPRESS".into(), events: events.iter().map(event).collect() }
    }

    #[test]
    fn a_task_is_called_as_its_function_is() {
        let execution =
            execution(&[("TaskStateEntered", "ReserveInventory"), ("TaskScheduled", ""), ("SucceedStateEntered", "Confirmed")]);
        assert_eq!(execution.steps().collect::<Vec<_>>(), ["reserve-inventory"]);
        assert_eq!(execution.nested_tasks(), 0);
    }

    #[test]
    fn level_error_logs_what_failed_and_nothing_that_went_well() {
        // As AWS lists them: https://docs.aws.amazon.com/step-functions/latest/dg/cloudwatch-log-level.html
        let logged = [
            "ExecutionAborted",
            "ExecutionFailed",
            "ExecutionTimedOut",
            "FailStateEntered",
            "LambdaFunctionTimedOut",
            "MapIterationFailed",
            "ParallelStateAborted",
            "ParallelStateFailed",
            "TaskFailed",
            "TaskStateAborted",
            "TaskTimedOut",
        ];
        let not_logged = ["ExecutionStarted", "ExecutionSucceeded", "ParallelStateSucceeded", "TaskScheduled", "TaskStateExited"];
        let is_logged = |kind: &&str| HistoryEvent { kind: (*kind).to_owned(), state: None }.is_an_error();
        assert_eq!(logged.iter().filter(|kind| !is_logged(kind)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(not_logged.iter().filter(|kind| is_logged(kind)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn tasks_without_a_state_of_their_own_are_nested() {
        let execution = execution(&[
            ("TaskStateEntered", "RejectOrder"),
            ("TaskScheduled", ""),
            ("TaskScheduled", ""),
            ("TaskScheduled", ""),
        ]);
        assert_eq!(execution.nested_tasks(), 2);
    }
}
