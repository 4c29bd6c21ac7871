//! What the documents say is so: commands that parse, files that exist.

use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use mailtrail::cli::Args;
use mailtrail::config::Config;

/// Where files named in documents may be.
const ROOTS: &[&str] =
    &["src/", "entity/", "migration/", "tests/", "examples/", "benches/", "scripts/", ".ci/", "config.example"];

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of fenced blocks in `language`.
fn block_lines(text: &str, language: &str) -> Vec<String> {
    let mut inside = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), inside) {
            (Some(opened), None) => inside = Some(opened),
            (Some(_), Some(_)) => inside = None,
            (None, Some(opened)) if opened == language => found.push(line.trim().to_owned()),
            _ => {}
        }
    }
    found
}

/// What stands between backticks in the running text.
fn code_spans(text: &str) -> Vec<String> {
    let prose: Vec<&str> = text.split("```").step_by(2).collect();
    let prose = prose.join("\n\n");
    let spans = prose.split("\n\n").flat_map(|paragraph| paragraph.split('`').skip(1).step_by(2));
    spans.map(|span| span.replace('\n', " ")).collect()
}

/// The arguments of a command line, with double quotes and comments as a shell has them.
fn arguments(command: &str) -> Vec<String> {
    let command = command.split("  #").next().unwrap();
    let quoted = command.split('"').enumerate();
    let words = quoted.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn the_readme_fits_a_reader() {
    assert!(document("README.md").lines().count() <= 200);
}

#[test]
fn the_readme_begins_with_two_commands() {
    let commands = block_lines(&document("README.md"), "sh");
    assert_eq!(commands, ["scripts/test", "cargo run --release --example demo"]);
}

#[test]
fn every_command_in_the_documents_parses() {
    let mut count = 0;
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = document(name);
        let blocks =
            block_lines(&text, "console").into_iter().filter_map(|line| Some(line.strip_prefix("$ ")?.to_owned()));
        for command in blocks.chain(code_spans(&text)).filter(|command| command.starts_with("mailtrail ")) {
            count += 1;
            match Args::try_parse_from(arguments(&command)) {
                Err(error) if error.kind() != ErrorKind::DisplayHelp => panic!("{name}: {command}\n{error}"),
                _ => {}
            }
        }
    }
    assert!(count > 30, "only {count} commands found");
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = document(name);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned);
        let links = links.filter(|link| !link.starts_with("https://"));
        let spans = code_spans(&text).into_iter().filter(|span| ROOTS.iter().any(|root| span.starts_with(root)));
        for file in links.chain(spans) {
            // A command's arguments, and names that stand for any name, are no files.
            let file = file.split(' ').next().unwrap();
            if file.contains("NAME") {
                continue;
            }
            count += 1;
            assert!(root.join(file).exists(), "{name} names {file}, which is not there");
        }
    }
    assert!(count > 100, "only {count} files found");
}

#[test]
fn the_readmes_configuration_is_one() {
    let toml = block_lines(&document("README.md"), "toml").join("\n");
    let config = Config::parse(&toml, "README.md", []).unwrap();
    let problems = config.check().into_iter().map(|problem| problem.key.to_string());
    // The one file it names is the reader's to make.
    assert!(problems.eq(["oauth.google.client_secret_file"]));
}
