//! Log lines to standard error. No address, subject, body or token reaches one: libraries that write such things are
//! kept quiet here, and our own lines name accounts and messages by their ids.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};
use crate::trouble::Trouble;

/// Libraries that quote mail, tokens, statements or URLs when they talk much. They stay at this level whatever is asked
/// for.
const QUIET: [(&str, LevelFilter); 14] = [
    ("async_imap", LevelFilter::OFF),
    ("imap_proto", LevelFilter::OFF),
    ("html5ever", LevelFilter::OFF),
    ("sqlx", LevelFilter::WARN),
    ("sea_orm", LevelFilter::WARN),
    ("sea_orm_migration", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
    ("hyper_util", LevelFilter::WARN),
    ("hickory_net", LevelFilter::WARN),
    ("hickory_proto", LevelFilter::WARN),
    ("hickory_resolver", LevelFilter::WARN),
    ("rustls", LevelFilter::WARN),
    ("oauth2", LevelFilter::WARN),
];

/// By which the level of the process's lines is changed.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging for the process. A second call changes nothing.
pub fn init(log: &Log) -> Result<(), Trouble> {
    let (filter, level) = reload::Layer::new(filter(&log.level)?);
    // The text of a panic may quote mail; where it happened does not.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: please report this place");
    }));
    // The process may have a subscriber already: a test's, or that of a program that embeds us.
    let begun = match log.format {
        LogFormat::Text => text(filter, std::io::stderr, std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => json(filter, std::io::stderr).try_init(),
    };
    if begun.is_ok() {
        let _ = LEVEL.set(level);
    }
    Ok(())
}

/// Changes what is logged, where [`init`] began it.
pub fn set_level(level: &str) -> Result<(), Trouble> {
    let filter = filter(level)?;
    match LEVEL.get() {
        Some(handle) => handle.reload(filter).map_err(Trouble::operator),
        None => Ok(()),
    }
}

/// Whether [`init`] understands `level`.
pub fn is_level(level: &str) -> bool {
    filter(level).is_ok()
}

/// A bare level is ours; everybody else warns. Directives are taken as they are.
fn filter(level: &str) -> Result<EnvFilter, Trouble> {
    let bare = !level.contains(['=', ',']);
    let directives = if bare { format!("warn,mailtrail={level}") } else { level.to_owned() };
    EnvFilter::builder().parse(directives).map_err(|error| {
        Trouble::operator(format!(
            "log.level {level:?} is no level ({error}); write error, warn, info, debug or mailtrail::source=debug"
        ))
    })
}

fn quiet() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_targets(QUIET)
}

/// The filters are layers of their own. A filter of the layer that writes would forget to be asked anew after somebody
/// asked whether a line would be written, as sqlx does, and the next line would be lost.
fn text<W>(filter: impl Layer<Registry> + Send + Sync + 'static, writer: W, ansi: bool) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(ansi).with_target(false);
    Registry::default().with(filter).with(quiet()).with(lines)
}

fn json<W>(filter: impl Layer<Registry> + Send + Sync + 'static, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    Registry::default().with(filter).with(quiet()).with(lines)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(level: &str, format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let writer = move || writer.clone();
        let filter = filter(level).unwrap();
        let talk = || {
            let _ = tracing::enabled!(target: "sqlx::postgres::notice", tracing::Level::INFO);
            tracing::info!(target: "mailtrail::worker", account = 7, "ours");
            tracing::debug!(target: "mailtrail::source", "detail");
            tracing::info!(target: "hyper", "theirs");
            tracing::error!(target: "async_imap::client", "LOGIN anna secret");
            tracing::info!(target: "sqlx::query", "SELECT secret");
        };
        match format {
            LogFormat::Text => tracing::subscriber::with_default(text(filter, writer, false), talk),
            LogFormat::Json => tracing::subscriber::with_default(json(filter, writer), talk),
        }
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_bare_level_is_ours_alone() {
        let lines = written("info", LogFormat::Text);
        assert!(lines.contains("ours") && lines.contains("account=7"), "{lines}");
        assert!(!lines.contains("theirs") && !lines.contains("detail"), "{lines}");
        assert!(written("debug", LogFormat::Text).contains("detail"));
    }

    #[test]
    fn directives_choose_a_part() {
        let lines = written("mailtrail::source=debug", LogFormat::Text);
        assert!(lines.contains("detail") && !lines.contains("ours"), "{lines}");
    }

    #[test]
    fn libraries_that_quote_secrets_stay_quiet_whatever_is_asked_for() {
        for level in ["trace", "warn,trace", "trace,async_imap::client=trace,sqlx::query=trace"] {
            assert!(!written(level, LogFormat::Text).contains("secret"), "{level}");
        }
    }

    #[test]
    fn a_line_is_not_lost_after_a_library_asked_whether_it_would_be_written() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = Lines::default();
            let writer = lines.clone();
            let writer = move || writer.clone();
            let ask_and_talk = || {
                assert!(!tracing::enabled!(target: "sqlx::postgres::notice", tracing::Level::DEBUG));
                tracing::warn!(target: "mailtrail::worker", "ours");
            };
            let filter = filter("info").unwrap();
            match format {
                LogFormat::Text => tracing::subscriber::with_default(text(filter, writer, false), ask_and_talk),
                LogFormat::Json => tracing::subscriber::with_default(json(filter, writer), ask_and_talk),
            }
            let bytes = lines.0.lock().unwrap().clone();
            assert!(String::from_utf8(bytes).unwrap().contains("ours"), "{format:?}");
        }
    }

    #[test]
    fn json_is_one_object_a_line() {
        let lines = written("info", LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
        assert_eq!(line["message"], "ours");
        assert_eq!(line["account"], 7);
    }

    /// The hook is the process's: it is tried in one of its own.
    #[test]
    fn a_panic_tells_its_place_and_never_its_words() {
        const CHILD: &str = "MAILTRAIL_TEST_PANIC";
        if std::env::var_os(CHILD).is_some() {
            init(&Log::default()).unwrap();
            assert!(std::panic::catch_unwind(|| panic!("no part of {}", "carla@customer.example")).is_err());
            return;
        }
        let name = "telemetry::tests::a_panic_tells_its_place_and_never_its_words";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&child.stderr).into_owned() + &String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && told.contains("a bug") && told.contains("src/telemetry.rs"), "{told}");
        assert!(!told.contains("carla"), "{told}");
    }

    #[test]
    fn what_is_no_level_is_the_operators_to_mend() {
        assert_eq!(filter("mailtrail=loud").unwrap_err().kind(), "operator");
        assert!(!is_level("loud") && !is_level("=,=") && is_level("info,mailtrail::source=debug"));
    }
}
