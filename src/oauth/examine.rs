//! Whether a token endpoint answers and takes our registration, asked without changing anything.

use chrono::{DateTime, Utc};
use oauth2::http::Request;
use oauth2::http::header::{CONTENT_TYPE, DATE};
use url::form_urlencoded;

use super::client_secret;
use super::http::{Http, HttpError};
use super::refresh::Refusal;
use crate::config::{OAuthApp, Provider};
use crate::trouble::Trouble;

/// What a token endpoint said.
#[derive(Debug)]
pub struct Examined {
    /// Whether it was reached: DNS, TLS, an answer.
    pub reached: Result<(), Trouble>,
    /// Its clock, if it told.
    pub date: Option<DateTime<Utc>>,
    /// Whether it knows our client id and secret; `None` where it did not come to that.
    pub client: Option<Result<(), String>>,
}

/// Shows the token endpoint a refresh token that is none: whoever refuses that, and not us, knows us.
pub async fn examine(http: &Http, provider: Provider, app: &OAuthApp) -> Examined {
    let secret = client_secret(provider.as_str(), app).ok().flatten();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", "none");
    form.append_pair("client_id", &app.client_id);
    if let Some(secret) = &secret {
        form.append_pair("client_secret", secret.expose());
    }
    let request = Request::post(app.with_tenant(&app.token_url));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish().into_bytes());
    let answer = match request {
        Ok(request) => http.send(request).await,
        Err(_) => Err(HttpError::Unsafe),
    };
    match answer {
        Ok(answer) => {
            let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
            let refusal = serde_json::from_slice::<Refusal>(answer.body()).ok();
            let client = refusal.filter(|_| !app.client_id.is_empty()).map(|refusal| match refusal.knows_us() {
                true => Ok(()),
                false => Err(refusal.to_string()),
            });
            Examined { reached: Ok(()), date, client }
        }
        // A server that says that it is busy is there.
        Err(HttpError::Busy { .. }) => Examined { reached: Ok(()), date: None, client: None },
        Err(error) => Examined { reached: Err(error.trouble()), date: None, client: None },
    }
}
