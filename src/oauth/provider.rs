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
    /// Where a device flow starts.
    pub device_url: &'static str,
    /// Where tokens are revoked (RFC 7009); empty where there is no such place.
    pub revoke_url: &'static str,
    /// What `{tenant}` in a URL stands for by default.
    pub tenant: &'static str,
    /// What to ask consent for.
    pub scope: &'static str,
    /// How a service identity gets a token.
    pub service: Service,
    /// What a service identity asks for.
    pub service_scope: &'static str,
    /// Whether every refresh brings a new refresh token. Where it does not, the old one stays.
    pub rotates: bool,
}

/// How a program gets a token for a mailbox without a person's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// By a statement signed with the key of a service account (RFC 7523).
    Assertion,
    /// By its own credentials (RFC 6749 section 4.4).
    Credentials,
}

/// Gmail and Google Workspace. Its device flow does not give mail scopes.
pub const GOOGLE: Provider = Provider {
    name: "Google",
    exchanges: &[("google.com", "imap.gmail.com"), ("googlemail.com", "imap.gmail.com")],
    imap_host: "imap.gmail.com",
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    device_url: "https://oauth2.googleapis.com/device/code",
    revoke_url: "https://oauth2.googleapis.com/revoke",
    tenant: "",
    scope: "https://mail.google.com/",
    service: Service::Assertion,
    service_scope: "https://mail.google.com/",
    rotates: false,
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
    scope: "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
    service: Service::Credentials,
    service_scope: "https://outlook.office365.com/.default",
    rotates: true,
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
    scope: "",
    service: Service::Credentials,
    service_scope: "",
    rotates: false,
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

/// The table's row for a provider; any other server is what the configuration says.
pub fn of(provider: config::Provider) -> Option<&'static Provider> {
    match provider {
        config::Provider::Google => Some(&GOOGLE),
        config::Provider::Microsoft => Some(&MICROSOFT),
        config::Provider::Imap => None,
    }
}

/// How a service identity gets a token from a provider.
pub fn service(provider: config::Provider) -> Service {
    of(provider).unwrap_or(&IMAP).service
}
