//! The handshake, and what a failure to trust asks for.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::read_ahead::ReadAhead;
use crate::tls;
use crate::trouble::Trouble;

/// How many servers' session tickets are kept.
const TICKETS: usize = 1024;

/// The TLS configuration all sessions share.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Trouble> {
    let mut config = tls::client_config(ca_file)?;
    config.resumption = Resumption::in_memory_sessions(TICKETS);
    Ok(Arc::new(config))
}

/// Shakes hands with `host`.
pub(super) async fn shake(
    config: &Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
) -> Result<TlsStream<ReadAhead>, Trouble> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Trouble::operator(format!("{host} is neither a host name nor an IP address")))?;
    // rustls reads in small pieces; of a long answer the kernel has more at hand.
    let tcp = ReadAhead::new(tcp);
    TlsConnector::from(Arc::clone(config)).connect(name, tcp).await.map_err(|error| distrust(host, &error))
}

fn distrust(host: &str, error: &io::Error) -> Trouble {
    use rustls::Error::{InvalidCertificate, InvalidMessage, NoCertificatesPresented};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(why)) => Trouble::operator(format!(
            "the certificate of {host} is not trusted ({why}): if the server has a certification authority of its own, name \
             its certificate in `tls.ca_file`; otherwise check the host name, the server's certificate and this machine's clock"
        )),
        Some(NoCertificatesPresented) => {
            Trouble::operator(format!("{host} presents no certificate: check host and port"))
        }
        Some(InvalidMessage(_)) => Trouble::operator(format!(
            "{host} does not speak TLS on this port: use its port for IMAP over TLS, usually 993"
        )),
        Some(other) => Trouble::retry(format!("TLS with {host} failed ({other})")),
        None => Trouble::retry(format!("the connection to {host} broke during the TLS handshake ({})", error.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_issuer_names_the_cure() {
        let error = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let trouble = distrust("mail.example", &io::Error::new(io::ErrorKind::InvalidData, error));
        assert!(matches!(&trouble, Trouble::Operator { reason } if reason.contains("`tls.ca_file`")), "{trouble}");
    }
}
