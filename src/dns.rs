//! Questions to the domain name system. The only user of `hickory_resolver`.

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::config;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The domain does not exist.
    #[error("there is no domain {0}")]
    NoDomain(String),
    /// The name server is away, or does not know.
    #[error("the DNS gives no answer about {0} ({1})")]
    NoAnswer(String, String),
}

/// The mail exchanges of a domain (RFC 5321 section 5.1), the most preferred first, as absolute names.
pub async fn exchanges(settings: &config::Dns, domain: &str) -> Result<Vec<String>, DnsError> {
    let silent = |why: &dyn std::fmt::Display| DnsError::NoAnswer(domain.to_owned(), why.to_string());
    let resolver = resolver(settings).map_err(|error| silent(&error))?;
    let asked = tokio::time::timeout(settings.timeout(), resolver.mx_lookup(format!("{domain}.")));
    match asked.await {
        Err(_) => Err(silent(&format_args!("nothing within {} s", settings.timeout_seconds))),
        Ok(Err(error)) if error.is_nx_domain() => Err(DnsError::NoDomain(domain.to_owned())),
        Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
        Ok(Err(error)) => Err(silent(&error)),
        Ok(Ok(found)) => {
            let mut exchanges: Vec<(u16, String)> = Vec::new();
            for record in found.answers() {
                if let RData::MX(mx) = &record.data {
                    exchanges.push((mx.preference, mx.exchange.to_ascii()));
                }
            }
            exchanges.sort();
            Ok(exchanges.into_iter().map(|(_, name)| name).collect())
        }
    }
}

fn resolver(settings: &config::Dns) -> Result<TokioResolver, NetError> {
    let mut builder = match settings.server {
        None => TokioResolver::builder_tokio()?,
        Some(server) => TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default()),
    };
    patience(builder.options_mut(), settings);
    builder.build()
}

fn only(server: SocketAddr) -> ResolverConfig {
    let at = |protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = server.port();
        connection
    };
    let connections = vec![at(ProtocolConfig::Udp), at(ProtocolConfig::Tcp)];
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections)])
}

/// One lost packet must not make a domain nobody's.
fn patience(options: &mut ResolverOpts, settings: &config::Dns) {
    options.timeout = settings.timeout() / 2;
    options.attempts = 1;
    options.cache_size = 0;
}
