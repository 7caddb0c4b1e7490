//! The runbooks say what is true: every command in them runs, against a shop, and what they list is all that there is.

use std::{
    fs,
    process::{Command, Output},
};

use aws_sdk_sqs::Client as Sqs;
use shared::domain::order::Status;
use system_tests::{Shop, local_aws, new_key, purchase, root};

use crate::dead_letters::DEAD_LETTERS;

/// Runs one of Souk's commands on the shop under test: the binary that runs these tests, or one that is built now.
///
/// # Panics
/// When it cannot be started.
pub(crate) async fn xtask(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let run = move || {
        let built = root().join("target/debug/xtask");
        let mut command = if built.exists() { Command::new(built) } else { Command::new("cargo") };
        if command.get_program() == "cargo" {
            command.args(["run", "--quiet", "--package", "xtask", "--"]);
        }
        command.args(arguments).current_dir(root()).output().expect("xtask can be started")
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// What a command printed, for the message of a failed test.
pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Each runbook's name and text.
fn runbooks() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("docs/runbooks")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        files.map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(file).unwrap())).collect();
    all.sort();
    all
}

/// The lines of every block of shell commands.
fn commands(runbook: &str) -> Vec<&str> {
    let blocks = runbook.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    blocks.flat_map(str::lines).collect()
}

#[tokio::test]
async fn every_command_of_the_runbooks_runs() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("honey-jar", 1)], "pm_card_visa")).await.status, 201);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    let reconciled = xtask(&["reconcile"]).await;
    assert!(reconciled.status.success(), "as it is every hour, so that there is a last report: {}", printed(&reconciled));
    for (runbook, text) in runbooks() {
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{runbook} tells nobody what to do");
        for line in commands {
            let words = line.strip_prefix("cargo xtask ").unwrap_or_else(|| panic!("{runbook}: no test can run {line:?}"));
            let mut arguments = Vec::new();
            for word in words.split_whitespace() {
                arguments.push(match word {
                    "$ORDER_ID" => order_id.to_string(),
                    "$QUEUE" => "send-email".to_owned(),
                    "$PROVIDER" => "stripe".to_owned(),
                    "$LETTER" => useless_letter(&shop).await,
                    word if word.starts_with('$') => panic!("{runbook}: what is {word}?"),
                    word => word.to_owned(),
                });
            }
            let ran = xtask(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert!(ran.status.success(), "{runbook}: {line}\n{}", printed(&ran));
        }
    }
}

/// The name of a letter with which nothing can be done.
async fn useless_letter(shop: &Shop) -> String {
    let sqs = Sqs::new(&local_aws(&shop.outputs.aws_endpoint));
    let put = sqs.send_message().queue_url(shop.resource("SendEmailDeadLetters")).message_body("useless").send().await.unwrap();
    put.message_id().unwrap().split('-').next().unwrap().to_owned()
}

#[test]
fn every_alarm_has_its_place_in_the_runbook_that_it_names() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let lines: Vec<_> = template.lines().collect();
    let mut alarms = 0;
    for (number, line) in lines.iter().enumerate() {
        let Some(runbook) = line.trim().strip_prefix("AlarmDescription: ").and_then(|text| text.split("See ").nth(1)) else {
            continue;
        };
        let heads = lines[..number].iter().rev().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let name = heads.map(|line| line.trim().trim_end_matches("Alarm:")).next().unwrap();
        let text = fs::read_to_string(root().join(runbook.trim_end_matches('.'))).unwrap();
        assert!(text.contains(&format!("`{name}`")), "{runbook} does not say what to do when {name} rings");
        alarms += 1;
    }
    assert!(alarms > 10, "the template's alarms are read");
}

#[test]
fn every_difference_between_the_books_has_its_line_in_the_runbook() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let domain = read("shared/src/domain/payment.rs");
    let domain = domain.split("pub fn difference").nth(1).unwrap().split("#[cfg(test)]").next().unwrap();
    let function = read("functions/reconcile-money/src/lib.rs");
    let quoted = |text: &str, before: &str| -> Vec<String> {
        text.split(before).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let problems = [quoted(domain, "Some(\""), quoted(&function, "let problem = \"")].concat();
    assert_eq!(problems.len(), 11, "{problems:?}");
    let runbook = read("docs/runbooks/money-difference.md");
    for problem in problems {
        assert!(runbook.contains(&format!("| {problem} |")), "no line for: {problem}");
    }
}
