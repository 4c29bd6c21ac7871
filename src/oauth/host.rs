//! Who hosts a mail domain, as its mail exchanges tell (J1). Pure.

use super::provider::{GATEWAYS, HOSTS};
use crate::config::Provider;

/// What the mail exchanges of a domain say about where its mailboxes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A provider that we know.
    Known {
        /// The provider.
        provider: Provider,
        /// Its IMAP server for this domain: national clouds have their own.
        imap_host: &'static str,
        /// The mail exchange that tells it.
        exchange: String,
    },
    /// A service that passes the mail on: the mailboxes may be anywhere.
    Gateway {
        /// What it is called.
        name: &'static str,
        /// The mail exchange that tells it.
        exchange: String,
    },
    /// Exchanges of two providers.
    Divided {
        /// One of each.
        exchanges: [String; 2],
    },
    /// Exchanges that nobody has told us about.
    Other {
        /// The first of them.
        exchange: String,
    },
    /// None at all, or an explicit "no mail here" (RFC 7505).
    None,
}

impl Host {
    /// Reads the mail exchanges of a domain, the most preferred first.
    pub fn of(exchanges: &[String]) -> Self {
        let mut known = exchanges.iter().filter_map(|exchange| {
            let (provider, imap_host) = provider_of(exchange)?;
            Some((provider, imap_host, exchange))
        });
        if let Some((provider, imap_host, exchange)) = known.next() {
            if let Some((.., other)) = known.find(|(other, ..)| *other != provider) {
                return Self::Divided { exchanges: [exchange.clone(), other.clone()] };
            }
            return Self::Known { provider, imap_host, exchange: exchange.clone() };
        }
        let gateway = |exchange: &String| {
            let (_, name) = GATEWAYS.iter().find(|(suffix, _)| ends(exchange, suffix))?;
            Some(Self::Gateway { name, exchange: exchange.clone() })
        };
        if let Some(gateway) = exchanges.iter().find_map(gateway) {
            return gateway;
        }
        match exchanges.iter().find(|exchange| !exchange.trim_end_matches('.').is_empty()) {
            Some(exchange) => Self::Other { exchange: exchange.clone() },
            None => Self::None,
        }
    }
}

fn provider_of(exchange: &str) -> Option<(Provider, &'static str)> {
    HOSTS.iter().find_map(|(provider, row)| {
        let (_, imap_host) = row.exchanges.iter().find(|(suffix, _)| ends(exchange, suffix))?;
        Some((*provider, *imap_host))
    })
}

/// Whether a name is `suffix` or below it.
fn ends(name: &str, suffix: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(exchanges: &[&str]) -> String {
        let exchanges: Vec<String> = exchanges.iter().map(|name| (*name).to_owned()).collect();
        match Host::of(&exchanges) {
            Host::Known { provider, imap_host, .. } => format!("{} {imap_host}", provider.as_str()),
            Host::Gateway { name, .. } => name.to_owned(),
            Host::Divided { .. } => "divided".to_owned(),
            Host::Other { exchange } => format!("other {exchange}"),
            Host::None => "none".to_owned(),
        }
    }

    #[test]
    fn the_mail_exchanges_tell_who_hosts_a_domain() {
        let table = [
            (&["aspmx.l.google.com.", "alt1.aspmx.l.google.com."][..], "google imap.gmail.com"),
            (&["SMTP.GOOGLE.COM."], "google imap.gmail.com"),
            (&["aspmx2.googlemail.com."], "google imap.gmail.com"),
            (&["ours-example.mail.protection.outlook.com."], "microsoft outlook.office365.com"),
            (&["ours-example.r-v1.mx.microsoft."], "microsoft outlook.office365.com"),
            (&["outlook-com.olc.protection.outlook.com."], "microsoft outlook.office365.com"),
            (&["ours.mail.protection.office365.us."], "microsoft outlook.office365.us"),
            (&["ours.mail.protection.partner.outlook.cn."], "microsoft partner.outlook.cn"),
            (&["mxa-001.pphosted.com.", "mxb-001.pphosted.com."], "Proofpoint"),
            (&["eu-smtp-inbound-1.mimecast.com."], "Mimecast"),
            (&["d1.ess.barracudanetworks.com."], "Barracuda"),
            (&["mx.ours.example."], "other mx.ours.example."),
            (&["."], "none"),
            (&[], "none"),
        ];
        for (exchanges, expected) in table {
            assert_eq!(told(exchanges), expected, "{exchanges:?}");
        }
    }

    #[test]
    fn a_name_that_only_looks_like_a_providers_is_none() {
        for name in ["notgoogle.com.", "google.com.evil.example.", "fakemx.microsoft.example.", "mail.outlook.com."] {
            assert_eq!(told(&[name]), format!("other {name}"));
        }
    }

    #[test]
    fn behind_a_gateway_a_provider_as_second_choice_tells() {
        let exchanges = ["d1.ess.barracudanetworks.com.", "ours.mail.protection.outlook.com."];
        assert_eq!(told(&exchanges), "microsoft outlook.office365.com");
    }

    #[test]
    fn exchanges_of_two_providers_tell_nothing() {
        assert_eq!(told(&["smtp.google.com.", "ours.mail.protection.outlook.com."]), "divided");
    }
}
