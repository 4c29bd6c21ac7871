//! Certificates of our own authority, and of one that nobody should trust.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::must;

/// Which certificate a server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// For `localhost` and 127.0.0.1, of the authority whose PEM is handed out.
    #[default]
    Good,
    /// For `localhost`, but of another authority with the same name.
    OtherAuthority,
    /// Of the right authority, but for `elsewhere.example`.
    OtherName,
    /// Of the right authority, for `localhost`, but out of date.
    Expired,
}

/// The server side of TLS, and the authority a client must trust to reach it.
pub(crate) fn server(certificate: Certificate) -> (Arc<ServerConfig>, String) {
    let (authority, pem) = authority();
    let (other, _) = self::authority();
    let config = match certificate {
        Certificate::Good => issue(&authority, &["localhost", "127.0.0.1"], false),
        Certificate::OtherAuthority => issue(&other, &["localhost", "127.0.0.1"], false),
        Certificate::OtherName => issue(&authority, &["elsewhere.example"], false),
        Certificate::Expired => issue(&authority, &["localhost", "127.0.0.1"], true),
    };
    (Arc::new(config), pem)
}

fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = must(CertificateParams::new(Vec::new()), "an authority without names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "provider test authority");
    let key = must(KeyPair::generate(), "a key for the authority");
    let certificate = must(params.self_signed(&key), "the authority signs itself");
    (Issuer::new(params, key), certificate.pem())
}

fn issue(authority: &Issuer<'static, KeyPair>, names: &[&str], expired: bool) -> ServerConfig {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = must(CertificateParams::new(names), "names for a certificate");
    if expired {
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let key = must(KeyPair::generate(), "a key for the server");
    let certificate = must(params.signed_by(&key, authority), "the authority signs the server");
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        must(ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions(), "TLS 1.2 and 1.3");
    must(builder.with_no_client_auth().with_single_cert(chain, key), "a key that fits its certificate")
}
