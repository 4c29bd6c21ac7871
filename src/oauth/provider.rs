//! What we know of the providers before anybody configures anything (providers.md 1.1, 1.2, 2.1).

use crate::config;

/// A provider of mail and of OAuth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// What people call it.
    pub name: &'static str,
    /// How the names of its mail exchanges end, and the IMAP server of the mailboxes behind them.
    pub exchanges: &'static [(&'static str, &'static str)],
    /// IMAP over TLS, port 993.
    pub imap_host: &'static str,
    /// Where people consent.
    pub authorize_url: &'static str,
    /// Where codes and refresh tokens become access tokens.
    pub token_url: &'static str,
    /// Where a device flow starts; empty where it gives no mail scopes (Google, providers.md 1.5).
    pub device_url: &'static str,
    /// Where tokens are revoked (RFC 7009); empty where there is no such place.
    pub revoke_url: &'static str,
    /// What `{tenant}` in a URL stands for by default.
    pub tenant: &'static str,
    /// What to ask consent for: the mailbox, whose it is, and that it lasts.
    pub scope: &'static str,
    /// What a request for consent holds beside the standard's parameters.
    pub authorize_parameters: &'static [(&'static str, &'static str)],
    /// Where a browser on the same machine brings the answer; a port is added (RFC 8252 section 7.3).
    pub loopback_redirect_uri: &'static str,
    /// Where an administrator consents for a whole organisation; empty where there is no such place.
    pub admin_consent_url: &'static str,
    /// Who issues identity tokens; `{tid}` stands for the claim of that name.
    pub issuer: &'static str,
    /// The claims of an identity token that hold the mail address, the best first.
    pub address_claims: &'static [&'static str],
    /// How a service identity gets a token.
    pub service: Service,
    /// What a service identity asks for.
    pub service_scope: &'static str,
}

/// How a program gets a token for a mailbox without a person's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// By a statement signed with the key of a service account (RFC 7523).
    Assertion,
    /// By its own credentials (RFC 6749 section 4.4).
    Credentials,
}

/// Gmail and Google Workspace. Without `access_type=offline` and the consent screen there is no refresh token.
pub const GOOGLE: Provider = Provider {
    name: "Google",
    exchanges: &[("google.com", "imap.gmail.com"), ("googlemail.com", "imap.gmail.com")],
    imap_host: "imap.gmail.com",
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    device_url: "",
    revoke_url: "https://oauth2.googleapis.com/revoke",
    tenant: "",
    scope: "openid email https://mail.google.com/",
    authorize_parameters: &[("access_type", "offline"), ("prompt", "consent")],
    loopback_redirect_uri: "http://127.0.0.1/",
    admin_consent_url: "",
    issuer: "https://accounts.google.com",
    address_claims: &["email"],
    service: Service::Assertion,
    service_scope: "https://mail.google.com/",
};

/// Exchange Online and outlook.com. `offline_access` is what brings a refresh token.
pub const MICROSOFT: Provider = Provider {
    name: "Microsoft",
    exchanges: &[
        ("mail.protection.outlook.com", "outlook.office365.com"),
        ("mx.microsoft", "outlook.office365.com"),
        ("mail.eo.outlook.com", "outlook.office365.com"),
        ("olc.protection.outlook.com", "outlook.office365.com"),
        ("hotmail.com", "outlook.office365.com"),
        ("mail.protection.office365.us", "outlook.office365.us"),
        ("mail.protection.partner.outlook.cn", "partner.outlook.cn"),
    ],
    imap_host: "outlook.office365.com",
    authorize_url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
    token_url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    device_url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
    revoke_url: "",
    tenant: "common",
    scope: "openid email profile offline_access https://outlook.office.com/IMAP.AccessAsUser.All",
    authorize_parameters: &[],
    loopback_redirect_uri: "http://localhost/",
    admin_consent_url: "https://login.microsoftonline.com/{tenant}/v2.0/adminconsent",
    issuer: "https://login.microsoftonline.com/{tid}/v2.0",
    address_claims: &["preferred_username", "upn", "email"],
    service: Service::Credentials,
    service_scope: "https://outlook.office365.com/.default",
};

/// Any other IMAP server that takes tokens: everything about it is configuration.
pub const IMAP: Provider = Provider {
    name: "another host",
    exchanges: &[],
    imap_host: "",
    authorize_url: "",
    token_url: "",
    device_url: "",
    revoke_url: "",
    tenant: "",
    scope: "openid email offline_access",
    authorize_parameters: &[],
    loopback_redirect_uri: "http://127.0.0.1/",
    admin_consent_url: "",
    issuer: "",
    address_claims: &["email", "preferred_username"],
    service: Service::Credentials,
    service_scope: "",
};

/// Those whom mail exchanges can tell.
pub const HOSTS: &[(config::Provider, &Provider)] =
    &[(config::Provider::Google, &GOOGLE), (config::Provider::Microsoft, &MICROSOFT)];

/// Services that receive the mail of a domain, look at it and pass it on: they say nothing about where it is kept. How the
/// names of their mail exchanges end.
pub const GATEWAYS: &[(&str, &str)] = &[
    ("antispamcloud.com", "SpamExperts"),
    ("antispameurope.com", "Hornetsecurity"),
    ("barracudanetworks.com", "Barracuda"),
    ("cloudflare.net", "Cloudflare"),
    ("fireeyecloud.com", "Trellix"),
    ("fortimailcloud.com", "FortiMail"),
    ("hornetsecurity.com", "Hornetsecurity"),
    ("iphmx.com", "Cisco Secure Email"),
    ("mailcontrol.com", "Forcepoint"),
    ("mailinblack.com", "Mailinblack"),
    ("mailroute.net", "MailRoute"),
    ("messagelabs.com", "Symantec"),
    ("mimecast-offshore.com", "Mimecast"),
    ("mimecast.co.za", "Mimecast"),
    ("mimecast.com", "Mimecast"),
    ("mtaroutes.com", "N-able"),
    ("ppe-hosted.com", "Proofpoint"),
    ("pphosted.com", "Proofpoint"),
    ("retarus.com", "Retarus"),
    ("sophos.com", "Sophos"),
    ("spamexperts.com", "SpamExperts"),
    ("trendmicro.com", "Trend Micro"),
    ("trendmicro.eu", "Trend Micro"),
];

/// The table's row for a provider.
pub fn of(provider: config::Provider) -> &'static Provider {
    match provider {
        config::Provider::Google => &GOOGLE,
        config::Provider::Microsoft => &MICROSOFT,
        config::Provider::Imap => &IMAP,
    }
}

/// The IMAP server of a provider that has one of its own.
pub fn imap_host(provider: config::Provider) -> Option<&'static str> {
    Some(of(provider).imap_host).filter(|host| !host.is_empty())
}

/// How a service identity gets a token from a provider.
pub fn service(provider: config::Provider) -> Service {
    of(provider).service
}
