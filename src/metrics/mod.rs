//! What the service tells about itself: by outcome, not by effort.
//!
//! [`FAMILIES`] is the list of all there is. What happens in this process is counted where it happens, by the functions
//! below, which do nothing where nobody installed a recorder; what the database knows of the whole installation is read
//! at a scrape ([`exposition`]). Accounts are named by their ids: no address, subject or token is ever a label.

pub mod exposition;
mod families;
mod state;

use std::sync::OnceLock;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

pub use families::{FAMILIES, Family, Kind};
pub use state::{Standing, Usual, trouble_of};

use crate::decide::Code;
use crate::trouble::Trouble;

/// Seconds; from the time a commit takes to the time a person goes home.
const LAG: [f64; 12] = [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 14_400.0];

/// The recorder of this process.
static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count in this process. A second call changes nothing.
pub fn install() {
    if INSTALLED.get().is_some() {
        return;
    }
    match recorder() {
        Ok(recorder) => {
            let handle = recorder.handle();
            // A program that embeds us may have a recorder of its own: then it is told everything, and we show nothing.
            if metrics::set_global_recorder(recorder).is_ok() {
                let _ = INSTALLED.set(handle);
                begin_at_zero();
            }
        }
        Err(error) => tracing::warn!(%error, "nothing can be counted"),
    }
}

fn recorder() -> Result<metrics_exporter_prometheus::PrometheusRecorder, BuildError> {
    let lag = Matcher::Full("mailtrail_lag_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(lag, &LAG)?.build_recorder())
}

/// A rate over a counter that appears with its first event misses that event.
fn begin_at_zero() {
    for family in FAMILIES {
        match family.kind {
            Kind::Counter => describe_counter!(family.name, family.told()),
            Kind::Gauge => describe_gauge!(family.name, family.told()),
            Kind::Histogram => describe_histogram!(family.name, family.told()),
        }
    }
    Code::ALL.iter().for_each(|code| verdicts(*code, 0));
    for kind in Trouble::KINDS {
        counter!("mailtrail_sync_failures_total", "kind" => kind).absolute(0);
    }
    for provider in ["google", "microsoft", "imap"] {
        counter!("mailtrail_throttles_total", "provider" => provider).absolute(0);
        counter!("mailtrail_token_refreshes_total", "provider" => provider, "outcome" => "renewed").absolute(0);
    }
    ["delivered", "gone", "refused", "away"].into_iter().for_each(|outcome| delivered(outcome, 0));
    gauge!("mailtrail_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!("mailtrail_accounts_running").set(0.0);
    gauge!("mailtrail_connections_open").set(0.0);
    leases_held(0);
    parsers_left_behind(0);
}

/// Folds what was observed into the buckets: until somebody does, observations pile up.
pub fn keep_up() {
    if let Some(handle) = INSTALLED.get() {
        handle.run_upkeep();
    }
}

/// What happened in this process, as Prometheus reads it.
fn counted() -> String {
    INSTALLED.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// So many messages got this verdict, and the commit is through.
pub fn verdicts(code: Code, count: u64) {
    counter!("mailtrail_verdicts_total", "code" => code.as_str()).increment(count);
}

/// A message that came to an account of this class while it was watched is on the timeline, so many seconds after the
/// server got it.
pub fn logged_after(kind: &str, provider: &str, seconds: f64) {
    let labels = [("kind", kind.to_owned()), ("provider", provider.to_owned())];
    histogram!("mailtrail_lag_seconds", &labels).record(seconds.max(0.0));
}

/// A token endpoint was asked for a new access token; `None`: it gave one.
pub fn refreshed(provider: &str, trouble: Option<&Trouble>) {
    let outcome = trouble.map_or("renewed", Trouble::kind);
    counter!("mailtrail_token_refreshes_total", "provider" => provider.to_owned(), "outcome" => outcome).increment(1);
}

/// A provider asked us to slow down.
pub fn throttled(provider: &str) {
    counter!("mailtrail_throttles_total", "provider" => provider.to_owned()).increment(1);
}

/// So many events were sent to a webhook, with this outcome.
pub fn delivered(outcome: &'static str, count: u64) {
    counter!("mailtrail_webhook_deliveries_total", "outcome" => outcome).increment(count);
}

/// A sync ended badly.
pub fn failed(trouble: &Trouble) {
    counter!("mailtrail_sync_failures_total", "kind" => trouble.kind()).increment(1);
}

/// Leases that this process holds.
pub fn leases_held(count: usize) {
    gauge!("mailtrail_leases_held").set(count as f64);
}

/// Parsers that did not come to an end, since the process began.
pub fn parsers_left_behind(count: u64) {
    gauge!("mailtrail_parsers_left_behind").set(count as f64);
}

/// One of something, for as long as this lives.
#[derive(Debug)]
pub struct Present(&'static str);

impl Present {
    /// A session with a mail server that is logged in.
    pub fn connection() -> Self {
        Self::of("mailtrail_connections_open")
    }

    /// An account that this process watches.
    pub fn account() -> Self {
        Self::of("mailtrail_accounts_running")
    }

    fn of(name: &'static str) -> Self {
        gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}
