//! TLS: whom we trust, and what a failure to trust asks for.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::trouble::Trouble;

/// How many servers' session tickets are kept.
const TICKETS: usize = 1024;

/// The TLS configuration all sessions share: the public certification authorities, and those of `ca_file` (PEM).
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Trouble> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        add(&mut roots, path)?;
    }
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions)
        .map_err(|error| Trouble::operator(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(TICKETS);
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), Trouble> {
    let bad = |what: &str| {
        Trouble::operator(format!(
            "the file of tls.ca_file, {}, {what}: it must hold CA certificates in PEM form",
            path.display()
        ))
    };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(&format!("cannot be read ({error})")))?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| bad(&format!("is damaged ({error})")))?;
        roots.add(certificate).map_err(|error| bad(&format!("holds a certificate we cannot use ({error})")))?;
    }
    if roots.len() == before { Err(bad("holds no certificate")) } else { Ok(()) }
}

/// Bytes taken from the kernel at a time.
const READ_AHEAD: usize = 64 * 1024;

/// Shakes hands with `host`.
pub(super) async fn shake(
    config: &Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
) -> Result<TlsStream<BufReader<TcpStream>>, Trouble> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Trouble::operator(format!("{host} is neither a host name nor an IP address")))?;
    // rustls reads in small pieces; of a long answer the kernel has more at hand.
    let tcp = BufReader::with_capacity(READ_AHEAD, tcp);
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
    fn the_public_authorities_are_trusted_by_default() {
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn a_ca_file_without_certificates_is_the_operators_to_mend() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("ca.pem");
        std::fs::write(&empty, "no certificate\n").unwrap();
        for path in [empty, folder.path().join("missing.pem")] {
            let trouble = client_config(Some(&path)).unwrap_err();
            assert!(matches!(&trouble, Trouble::Operator { reason } if reason.contains("tls.ca_file")), "{trouble}");
        }
    }

    #[test]
    fn an_unknown_issuer_names_the_cure() {
        let error = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let trouble = distrust("mail.example", &io::Error::new(io::ErrorKind::InvalidData, error));
        assert!(matches!(&trouble, Trouble::Operator { reason } if reason.contains("`tls.ca_file`")), "{trouble}");
    }
}
