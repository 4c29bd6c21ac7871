//! `config check | show`.

use std::path::Path;

use super::args::ConfigCommand;
use super::{Answer, Usage, context};

pub(super) fn config(file: Option<&Path>, command: &ConfigCommand) -> anyhow::Result<Answer> {
    let config = context::load(file)?;
    match command {
        ConfigCommand::Show => print!("{}", config.redacted()?),
        ConfigCommand::Check => {
            let problems = config.check();
            if !problems.is_empty() {
                let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
                return Err(Usage(format!("the configuration is wrong:\n{}", list.join("\n"))).into());
            }
            println!("The configuration is valid.");
        }
    }
    Ok(Answer::Yes)
}
