use serde_json::json;

use super::*;
use crate::config::OAuth;

const NOW: i64 = 1_800_000_000;

fn token(claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.signature", encode(&json!({"alg": "RS256"})), encode(claims))
}

/// What comes of good claims with these in place of their own; null takes one out.
fn checked(provider: Provider, changed: &Value) -> Result<String, Refused> {
    let mut claims = json!({
        "iss": "https://accounts.google.com", "aud": "client", "sub": "117", "exp": NOW + 3600, "nonce": "n",
        "email": "anna@ours.example", "email_verified": true,
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let mut config = OAuth::default();
    (config.google.client_id, config.microsoft.client_id) = ("client".into(), "client".into());
    let app = config.app(provider).unwrap();
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    check(&Wanted { provider, app, address: "Anna@Ours.example", nonce: Some("n"), now }, Some(&token(&claims)))
}

fn google(changed: &Value) -> Result<String, Refused> {
    checked(Provider::Google, changed)
}

#[test]
fn a_token_for_us_of_the_right_person_names_him() {
    assert_eq!(google(&json!({})), Ok("117".to_owned()));
    assert_eq!(google(&json!({"aud": ["other", "client"]})), Ok("117".to_owned()));
    assert_eq!(google(&json!({"email_verified": null})), Ok("117".to_owned()));
}

#[test]
fn a_token_that_is_not_for_us_counts_for_nothing() {
    let why = |changed: &Value| match google(changed) {
        Err(Refused::NoIdentity { why }) => why,
        other => panic!("{changed}: {other:?}"),
    };
    assert!(why(&json!({"aud": "other"})).contains("another client"));
    assert!(why(&json!({"iss": "https://evil.example"})).contains("somebody else"));
    assert!(why(&json!({"exp": NOW - 301})).contains("ended"));
    assert!(why(&json!({"email": null})).contains("no address"));
    assert_eq!(google(&json!({"exp": NOW - 299})), Ok("117".to_owned()));
    assert_eq!(google(&json!({"nonce": "other"})), Err(Refused::Forged));
    assert_eq!(google(&json!({"nonce": null})), Err(Refused::Forged));
}

#[test]
fn the_wrong_person_is_told_who_is_wanted() {
    let refused = google(&json!({"email": "eve@ours.example"}));
    assert!(matches!(refused, Err(Refused::WrongPerson { got, .. }) if got == "eve@ours.example"));
    assert!(matches!(google(&json!({"email_verified": false})), Err(Refused::Unverified { .. })));
}

#[test]
fn a_directory_of_microsoft_issues_its_own_tokens() {
    let of = |changed: Value| {
        let mut claims = json!({
            "iss": "https://login.microsoftonline.com/t-1/v2.0", "tid": "t-1", "oid": "o-7",
            "email": null, "email_verified": null, "preferred_username": "anna@ours.example",
        });
        claims.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        checked(Provider::Microsoft, &claims)
    };
    assert_eq!(of(json!({})), Ok("t-1/o-7".to_owned()));
    assert!(matches!(of(json!({"tid": "t-2"})), Err(Refused::NoIdentity { .. })));
    // The sign-in name need not be the mail address.
    assert_eq!(
        of(json!({"preferred_username": "ab1@ours.example", "email": "anna@ours.example"})),
        Ok("t-1/o-7".into())
    );
}

#[test]
fn what_is_no_token_is_refused() {
    let config = OAuth::default();
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    let wanted =
        Wanted { provider: Provider::Google, app: &config.google, address: "anna@ours.example", nonce: None, now };
    for text in [None, Some(""), Some("a.b.c"), Some("a.e30.c"), Some("....."), Some("no")] {
        assert!(matches!(check(&wanted, text), Err(Refused::NoIdentity { .. })), "{text:?}");
    }
}
