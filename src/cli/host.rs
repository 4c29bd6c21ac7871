//! Who hosts an address: as the operator says, and as its mail exchanges tell (J1).

use entity::account;

use super::Usage;
use super::installation::{Installation, address as parse_address};
use super::output::{complain, say};
use crate::config::{self, Provider};
use crate::dns::{self, DnsError};
use crate::mail::address::Address;
use crate::oauth::host::Host;
use crate::oauth::provider::{self, HOSTS};

/// Where an account is to be read.
pub(super) struct Hosted {
    pub(super) provider: Provider,
    /// A server other than the provider's usual one.
    pub(super) host: Option<String>,
}

impl Installation {
    /// Who hosts `address`. One with a server of its own is not asked about: the operator knows better.
    pub(super) async fn host_of(
        &self,
        address: &Address,
        said: Option<Provider>,
        server: Option<&str>,
    ) -> anyhow::Result<Hosted> {
        if let Some(server) = server {
            let usual = HOSTS.iter().find(|(_, row)| row.imap_host.eq_ignore_ascii_case(server));
            let provider = said.or(usual.map(|(provider, _)| *provider)).unwrap_or(Provider::Imap);
            return Ok(Hosted { provider, host: Some(server.to_owned()) });
        }
        let hosted = self.hosted(address, said).await?;
        if let Some(server) = &hosted.host
            && self.has_usual_urls(hosted.provider)
        {
            let provider = hosted.provider.as_str();
            complain(format_args!(
                "mailtrail: {server} is of a cloud with URLs of its own: set authorize_url, token_url, device_url and scope \
                 of oauth.{provider} to them"
            ));
        }
        Ok(hosted)
    }

    async fn hosted(&self, address: &Address, said: Option<Provider>) -> anyhow::Result<Hosted> {
        match (said, self.asked(address).await) {
            (None, Ok(host)) => found(address, &host),
            (None, Err(error)) => Err(Usage(format!("{error}: {TELL}")).into()),
            (Some(said), Ok(host)) => agreed(address, said, &host),
            (Some(said), Err(DnsError::NoDomain(domain))) if said != Provider::Imap => {
                Err(Usage(format!("there is no domain {domain}: check the address, or {}", own_server(said))).into())
            }
            (Some(said), Err(error)) => {
                complain(format_args!("mailtrail: {error}; the account is taken to be at {}, as told", name(said)));
                Ok(Hosted { provider: said, host: None })
            }
        }
    }

    /// Refuses an account whose mail exchanges say that its mailbox is at another provider; one with a server of its own is
    /// taken as it is.
    pub(super) async fn check_host(&self, account: &account::Model) -> anyhow::Result<()> {
        let Some(said) = Provider::named(&account.provider) else { return Ok(()) };
        if provider::imap_host(said).is_some_and(|usual| usual.eq_ignore_ascii_case(&account.host)) {
            self.host_of(&parse_address(&account.address)?, Some(said), None).await?;
        }
        Ok(())
    }

    fn has_usual_urls(&self, provider: Provider) -> bool {
        let app = self.config.oauth.app(provider);
        app.is_some_and(|app| provider::of(provider).token_url == app.token_url)
    }

    async fn asked(&self, address: &Address) -> Result<Host, DnsError> {
        asked(&self.config.dns, address).await
    }
}

/// What the mail exchanges of an address say to what its account says.
pub(super) enum Agreement {
    /// The same.
    Agreed(String),
    /// Nothing.
    Unclear(String),
    /// Something else, and the cure.
    Contradicted(String, String),
}

pub(super) async fn agreement(settings: &config::Dns, address: &Address, said: Provider) -> Agreement {
    let domain = address.domain();
    match asked(settings, address).await {
        Ok(Host::Known { provider, exchange, .. }) if provider == said => {
            Agreement::Agreed(format!("{domain} is hosted by {} ({})", name(said), bare(&exchange)))
        }
        Ok(Host::Known { provider, exchange, .. }) => {
            let (name, exchange) = (name(provider), bare(&exchange).to_owned());
            Agreement::Contradicted(
                format!("{domain} is hosted by {name}: its mail goes to {exchange}"),
                format!("add its accounts again with --provider {}, or {}", provider.as_str(), own_server(said)),
            )
        }
        Ok(host) => Agreement::Unclear(unclear(domain, &host)),
        Err(error @ DnsError::NoDomain(_)) => {
            Agreement::Contradicted(error.to_string(), "check the addresses of its accounts".to_owned())
        }
        Err(error) => Agreement::Unclear(error.to_string()),
    }
}

async fn asked(settings: &config::Dns, address: &Address) -> Result<Host, DnsError> {
    let domain = idna::domain_to_ascii(address.domain());
    let domain = domain.map_err(|_| DnsError::NoDomain(address.domain().to_owned()))?;
    Ok(Host::of(&dns::exchanges(settings, &domain).await?))
}

const TELL: &str = "say who hosts the mailbox: --provider google, --provider microsoft, or --provider imap --host HOST";

/// What a domain's exchanges say when nobody else says anything.
fn found(address: &Address, host: &Host) -> anyhow::Result<Hosted> {
    let domain = address.domain();
    let Host::Known { provider, imap_host, exchange } = host else {
        return Err(Usage(format!("{}: {TELL}", unclear(domain, host))).into());
    };
    say(format_args!("{domain} is hosted by {} (its mail goes to {}).", name(*provider), bare(exchange)))?;
    Ok(at(*provider, imap_host))
}

/// Whether they contradict what was said.
fn agreed(address: &Address, said: Provider, host: &Host) -> anyhow::Result<Hosted> {
    let domain = address.domain();
    match host {
        Host::Known { provider, imap_host, .. } if *provider == said => Ok(at(said, imap_host)),
        Host::Known { provider, exchange, .. } => Err(Usage(format!(
            "{domain} is hosted by {}, not by {}: its mail goes to {}. Use --provider {}; if the mailbox is elsewhere \
             nonetheless, {}",
            name(*provider),
            name(said),
            bare(exchange),
            provider.as_str(),
            own_server(said)
        ))
        .into()),
        _ => {
            complain(format_args!(
                "mailtrail: {}; the account is taken to be at {}, as told",
                unclear(domain, host),
                name(said)
            ));
            Ok(Hosted { provider: said, host: None })
        }
    }
}

fn at(provider: Provider, imap_host: &str) -> Hosted {
    let usual = provider::imap_host(provider) == Some(imap_host);
    Hosted { provider, host: (!usual).then(|| imap_host.to_owned()) }
}

/// Why the exchanges of a domain do not tell.
fn unclear(domain: &str, host: &Host) -> String {
    match host {
        Host::Gateway { name, exchange } => {
            format!("{name} receives the mail of {domain} ({}) and passes it on, nobody can see where", bare(exchange))
        }
        Host::Divided { exchanges: [one, other] } => {
            format!("the mail of {domain} goes to two providers ({} and {})", bare(one), bare(other))
        }
        Host::Other { exchange } => {
            format!("the mail of {domain} goes to {}, which is neither Google nor Microsoft", bare(exchange))
        }
        Host::None => format!("{domain} has no mail exchange (MX)"),
        Host::Known { provider, .. } => format!("{domain} is hosted by {}", name(*provider)),
    }
}

fn own_server(said: Provider) -> String {
    let usual = provider::imap_host(said).unwrap_or("HOST");
    format!("name its server with --host {usual}")
}

fn name(provider: Provider) -> &'static str {
    provider::of(provider).name
}

fn bare(exchange: &str) -> &str {
    exchange.trim_end_matches('.')
}
