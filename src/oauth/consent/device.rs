//! Consent from a machine without a browser (RFC 8628).

use std::time::Duration;

use oauth2::{
    DeviceAuthorizationUrl, DeviceCodeErrorResponse, DeviceCodeErrorResponseType, RequestTokenError,
    StandardDeviceAuthorizationResponse, StandardErrorResponse,
};

use super::{Consented, Consents, Refused, Wanted, scopes, url, word};
use crate::oauth::client::{self, Call};
use crate::oauth::http::HttpError;
use crate::oauth::refresh::{Class, classed, trouble};
use crate::trouble::Trouble;

/// What the person has to do, while we wait.
pub struct Device {
    /// Where to go.
    pub verification_uri: String,
    /// What to type there.
    pub user_code: String,
    /// How long that holds.
    pub expires_in: Duration,
    started: StandardDeviceAuthorizationResponse,
}

impl Consents {
    /// Begins a consent that is given in a browser anywhere.
    pub async fn device(&self, wanted: &Wanted) -> Result<Device, Refused> {
        let (provider, app) = (wanted.provider, self.app(wanted.provider)?);
        if app.device_url.is_empty() {
            return Err(Refused::Trouble(Trouble::operator(format!(
                "{} has no device flow that opens a mailbox: use --print-url and any browser, or --link",
                provider.as_str()
            ))));
        }
        let device_url = url(provider, "device_url", &app.with_tenant(&app.device_url))?;
        let client =
            client::client(provider, app)?.set_device_authorization_url(DeviceAuthorizationUrl::from_url(device_url));
        let call = Call::new(&self.http);
        let request = client.exchange_device_code().add_scopes(scopes(app));
        let started: Result<StandardDeviceAuthorizationResponse, _> = request.request_async(&call).await;
        let started = started.map_err(|error| call.with_wish(trouble(provider.as_str(), &error)))?;
        Ok(Device {
            verification_uri: started.verification_uri().to_string(),
            user_code: started.user_code().secret().clone(),
            expires_in: started.expires_in(),
            started,
        })
    }

    /// Waits until the person has consented, or will not.
    pub async fn wait(&self, wanted: &Wanted, device: &Device) -> Result<Consented, Refused> {
        let client = client::client(wanted.provider, self.app(wanted.provider)?)?;
        let call = Call::new(&self.http);
        let clock = self.clock.clone();
        let now = move || clock.now();
        let request = client.exchange_device_access_token(&device.started).set_time_fn(now);
        let tokens = request.request_async(&call, tokio::time::sleep, None).await;
        let tokens = tokens.map_err(|error| refused(wanted, &error))?;
        self.checked(wanted.provider, &wanted.signs_in_as, None, &tokens)
    }
}

fn refused(wanted: &Wanted, error: &RequestTokenError<HttpError, DeviceCodeErrorResponse>) -> Refused {
    match error {
        RequestTokenError::ServerResponse(said) => declined(wanted, said),
        RequestTokenError::Request(error) => Refused::Trouble(error.trouble()),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Refused::Trouble(Trouble::retry("the token endpoint gave no OAuth answer; begin again"))
        }
    }
}

/// Microsoft's words differ from the RFC's.
fn declined(wanted: &Wanted, said: &StandardErrorResponse<DeviceCodeErrorResponseType>) -> Refused {
    let error = word(said.error().as_ref());
    match error.as_str() {
        "expired_token" | "bad_verification_code" => Refused::TooLate,
        "access_denied" | "authorization_declined" => Refused::Declined { error, admin: None },
        _ => Refused::Trouble(classed(wanted.provider.as_str(), Class::of(&error), &error)),
    }
}
