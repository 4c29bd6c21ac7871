//! `config check | show`.

use std::path::Path;

use super::args::ConfigCommand;
use super::output::say;
use super::{Answer, Usage, installation};
use crate::config::{DEFAULT_FILE, Loaded};

pub(super) fn config(file: Option<&Path>, command: &ConfigCommand) -> anyhow::Result<Answer> {
    let Loaded { config, file } = installation::load(file)?;
    match command {
        ConfigCommand::Show => say(config.redacted()?.trim_end())?,
        ConfigCommand::Check => {
            let problems = config.check_all();
            if !problems.is_empty() {
                let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
                return Err(Usage(format!("the configuration is wrong:\n{}", list.join("\n"))).into());
            }
            say(match file {
                Some(file) => format!("{} is valid.", file.display()),
                None => format!("There is no {DEFAULT_FILE} here; the defaults and the environment are valid."),
            })?;
        }
    }
    Ok(Answer::Yes)
}
