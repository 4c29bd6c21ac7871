//! What may be wrong with the way of notices.

use super::Problems;
use super::account::is_loopback;
use crate::config::{Config, Smtp, SmtpAuth, SmtpSecurity};
use crate::mail::address::Address;

pub(super) fn check(config: &Config, problems: &mut Problems) {
    let smtp = &config.smtp;
    if !smtp.is_on() {
        if !smtp.from.is_empty() || smtp.password_file.is_some() || !smtp.account.is_empty() {
            problems.add("smtp.host", "is empty, so that notices are not sent", "name the server that takes your mail");
        }
        return;
    }
    if Address::parse(&smtp.from).is_none() {
        problems.add("smtp.from", "is no mail address", "write the address that notices come from: crm@ours.example");
    }
    if smtp.from_name.chars().any(char::is_control) {
        problems.add("smtp.from_name", "holds a control character", "write a plain name");
    }
    let positive = [
        ("smtp.port", u64::from(smtp.port)),
        ("smtp.daily_per_recipient", smtp.daily_per_recipient),
        ("smtp.max_age_hours", u64::from(smtp.max_age_hours)),
        ("smtp.timeout_seconds", smtp.timeout_seconds),
    ];
    for (key, _) in positive.into_iter().filter(|(_, value)| *value == 0) {
        problems.add(key, "is 0", "set it to 1 or more");
    }
    wire(smtp, problems);
    login(smtp, problems);
}

fn wire(smtp: &Smtp, problems: &mut Problems) {
    if smtp.security == SmtpSecurity::PlaintextLoopback && !is_loopback(&smtp.host) {
        problems.add(
            "smtp.security",
            "would send mail in clear over the network",
            "set security = \"starttls\" or \"tls\"",
        );
    }
    // The two ports speak differently from the first byte, and each mistake ends in a silent wait.
    let swapped = match smtp.security {
        SmtpSecurity::Tls if smtp.port == 587 => Some("set security = \"starttls\", or port = 465"),
        SmtpSecurity::Starttls if smtp.port == 465 => Some("set security = \"tls\", or port = 587"),
        _ => None,
    };
    if let Some(cure) = swapped {
        problems.add("smtp.security", format!("does not go with port {}", smtp.port), cure);
    }
}

fn login(smtp: &Smtp, problems: &mut Problems) {
    match smtp.auth {
        SmtpAuth::None => {}
        SmtpAuth::Password => match &smtp.password_file {
            None => {
                problems.add("smtp.password_file", "is empty", "name a file that holds the password, or set smtp.auth");
            }
            Some(file) => problems.readable("smtp.password_file", Some(file)),
        },
        SmtpAuth::OAuth => {
            if Address::parse(&smtp.account).is_none() {
                let cure = "name the account whose tokens are used, as `mailtrail account list` shows it";
                problems.add("smtp.account", "is no mail address", cure);
            }
        }
    }
}
