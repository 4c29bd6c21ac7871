//! Every metric there is: the operator's documentation, and what a test holds `/metrics` against.

/// How a metric behaves (Prometheus, text format 0.0.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and begins anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

impl Kind {
    /// The word of the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Its name, with its unit.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What tells its series apart.
    pub labels: &'static [&'static str],
    /// What one is: a number of these.
    pub unit: &'static str,
    /// What it says. What begins with "All:" is read from the database and the same in every process.
    pub help: &'static str,
}

impl Family {
    /// What a HELP line says: what it is, and its unit.
    pub fn told(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" Unit: {}.", self.unit) };
        format!("{}{unit}", self.help)
    }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    unit: &'static str,
    help: &'static str,
) -> Family {
    Family { name, kind: Kind::Counter, labels, unit, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], unit: &'static str, help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, unit, help }
}

/// Of what is read from the database every process tells the same: take `max`, not `sum`, over processes.
pub const FAMILIES: &[Family] = &[
    gauge(
        "mailtrail_poll_age_seconds",
        &["kind", "provider", "quantile"],
        "seconds",
        "All: age of the last completed poll, over the accounts that are to be read; quantile 1 is the worst of them.",
    ),
    Family {
        name: "mailtrail_lag_seconds",
        kind: Kind::Histogram,
        labels: &["kind", "provider"],
        unit: "seconds",
        help: "From a message's arrival at the server to its commit on the timeline, of messages that arrived after the \
               account had been read to its end: backlogs, second looks and resyncs are left out.",
    },
    counter("mailtrail_verdicts_total", &["code"], "messages", "Verdicts committed, second looks included."),
    gauge("mailtrail_accounts", &["state", "kind", "provider"], "accounts", "All: accounts, by the state they are in."),
    gauge(
        "mailtrail_account_unwell",
        &["account", "state", "trouble"],
        "accounts",
        "All: 1 for every account that should be read and is not: by its id, as `account list` shows it with the cure.",
    ),
    gauge("mailtrail_quarantined", &[], "messages", "All: messages set aside (counted up to 100000)."),
    gauge(
        "mailtrail_uid_holes",
        &[],
        "messages",
        "All: messages passed without a verdict, by the last audits: must be 0.",
    ),
    gauge(
        "mailtrail_audit_age_seconds",
        &[],
        "seconds",
        "All: age of the oldest last audit of a mailbox that has had one.",
    ),
    counter(
        "mailtrail_token_refreshes_total",
        &["provider", "outcome"],
        "requests",
        "Access tokens asked for: renewed, or the kind of trouble.",
    ),
    counter("mailtrail_throttles_total", &["provider"], "answers", "Times a mail server asked us to slow down."),
    counter(
        "mailtrail_sync_failures_total",
        &["kind"],
        "sessions",
        "Sessions that ended badly, by the kind of trouble.",
    ),
    gauge("mailtrail_accounts_running", &[], "accounts", "Accounts that this process watches."),
    gauge(
        "mailtrail_parsers_left_behind",
        &[],
        "threads",
        "Parsers that did not come to an end: each keeps a core busy. Must be 0.",
    ),
    gauge("mailtrail_leases_held", &[], "leases", "Leases that this process holds; on SQLite there are none."),
    gauge("mailtrail_connections_open", &[], "sessions", "Sessions with mail servers that are logged in."),
    gauge(
        "mailtrail_outbox_events",
        &[],
        "events",
        "All: events that webhooks have not got yet; those of disabled ones do not count.",
    ),
    counter(
        "mailtrail_webhook_deliveries_total",
        &["outcome"],
        "deliveries",
        "Events sent to webhooks, by what came of it.",
    ),
    gauge("mailtrail_notices_waiting", &[], "notices", "All: notices that wait to be sent (counted up to 100000)."),
    gauge(
        "mailtrail_database_up",
        &[],
        "",
        "1 if the database answered this scrape; without it nothing of All is shown.",
    ),
    gauge("mailtrail_build_info", &["version"], "", "1, with the version of the program."),
];
