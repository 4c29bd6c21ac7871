//! The command line: a door. Arguments become calls, results become lines, errors become advice.

mod accounts;
mod args;
mod audit;
mod configuration;
mod connect;
mod doctor;
mod events;
mod explain;
mod host;
pub mod import;
mod inbox;
mod inspect;
mod installation;
mod keys;
mod listings;
mod output;
mod progress;
mod quarantine;
mod review;
mod run;
mod webhook;
mod workspaces;

pub use args::Args;

use std::process::ExitCode;

use args::{AccountCommand, Command, NeverLogCommand, WorkspaceCommand};
use installation::Installation;
use output::complain;

/// A command line or configuration that makes no sense, or names a file, user or workspace that is not there: exit code 2.
/// What a command acts on may have gone meanwhile: that is 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Whether what was asked for holds. `No` is exit code 1 without an error: an audit that found a hole. `Stopped` is what
/// shells say of a program that Ctrl-C ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Stopped,
}

/// The exit code of [`Answer::Stopped`]: 128 and the number of SIGINT.
const STOPPED: u8 = 130;

/// Threads that wait for disks and name servers. Each costs memory, and a disk serves few at a time.
const BLOCKING: usize = 8;

/// Runs one command to its end. 0: done; 1: something failed; 2: the command line or the configuration is wrong; 130: stopped.
///
/// Worker threads have room for the recursion of parsers that we do not own; what they are fed is bounded before.
pub fn main(args: Args) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_stack_size(8 << 20)
        .build()
    {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => {
            complain(format_args!("mailtrail: the runtime cannot be started: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> ExitCode {
    crate::seam::heed();
    match dispatch(args).await {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::FAILURE,
        Ok(Answer::Stopped) => ExitCode::from(STOPPED),
        Err(error) if error.is::<output::ReaderGone>() => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("mailtrail: {error:#}"));
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

async fn dispatch(args: Args) -> anyhow::Result<Answer> {
    let Args { config, workspace, command } = args;
    match command {
        Command::Completions { shell } => {
            args::completions(shell);
            Ok(Answer::Yes)
        }
        Command::Inspect(what) => inspect::inspect(&what),
        Command::Config(what) => configuration::config(config.as_deref(), &what),
        Command::Doctor(what) => doctor::doctor(config.as_deref(), what.json).await,
        command => {
            let installation = Installation::open(config.as_deref(), workspace, may_begin(&command)).await?;
            with_database(installation, command).await
        }
    }
}

/// Whether a command may be the first one on a database, and not only a question about it.
fn may_begin(command: &Command) -> bool {
    matches!(
        command,
        Command::Run { .. }
            | Command::Migrate
            | Command::Import(_)
            | Command::Workspace(WorkspaceCommand::Add { .. })
            | Command::Account(AccountCommand::Add(_))
            | Command::NeverLog(NeverLogCommand::Add(_))
    )
}

async fn with_database(installation: Installation, command: Command) -> anyhow::Result<Answer> {
    match command {
        Command::Run { once } => run::run(&installation, once).await,
        Command::Migrate => run::migrate(&installation).await,
        Command::Import(what) => workspaces::import(&installation, what).await,
        Command::Workspace(what) => workspaces::workspace(&installation, what).await,
        Command::Account(what) => accounts::account(&installation, what).await,
        Command::Connect(what) => connect::connect(&installation, what).await,
        Command::Disconnect(name) => keys::disconnect(&installation, &name).await,
        Command::Rekey { lost } => keys::rekey(&installation, lost).await,
        Command::Address(what) => accounts::address(&installation, what).await,
        Command::NeverLog(what) => workspaces::never_log(&installation, what).await,
        Command::Activity(what) => listings::activity(&installation, what).await,
        Command::Contact(what) => listings::contact(&installation, what).await,
        Command::Ledger(what) => listings::ledger(&installation, what).await,
        Command::Notice(what) => listings::notice(&installation, what).await,
        Command::Events(what) => events::events(&installation, what).await,
        Command::Webhook(what) => webhook::webhook(&installation, what).await,
        Command::Log(what) => inbox::log(&installation, what).await,
        Command::Privacy(what) => inbox::privacy(&installation, what).await,
        Command::Explain(what) => explain::explain(&installation, what).await,
        Command::Audit(what) => audit::audit(&installation, what).await,
        Command::Quarantine(what) => quarantine::quarantine(&installation, what).await,
        Command::Review(what) => review::review(&installation, what).await,
        Command::Completions { .. } | Command::Inspect(_) | Command::Config(_) | Command::Doctor(_) => Ok(Answer::Yes),
    }
}
