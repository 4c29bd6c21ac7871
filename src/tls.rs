//! Whom we trust: the public certification authorities, and those that `tls.ca_file` names.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::trouble::Trouble;

/// What mail and token connections begin with: TLS 1.2 or 1.3, and certificates verified against the public authorities
/// and those of `ca_file` (PEM).
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, Trouble> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        add(&mut roots, path)?;
    }
    // Named, so that a second provider in the binary does not make the choice ambiguous.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = builder
        .with_protocol_versions(&versions)
        .map_err(|error| Trouble::operator(format!("TLS cannot be set up: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
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
        let broken = folder.path().join("broken.pem");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n").unwrap();
        for path in [empty, broken, folder.path().join("missing.pem")] {
            let trouble = client_config(Some(&path)).unwrap_err();
            assert!(matches!(&trouble, Trouble::Operator { reason } if reason.contains("tls.ca_file")), "{trouble}");
        }
    }
}
