//! Whether notices to users would leave.

use super::Scene;
use super::report::Finding;
use crate::notices;

const CHECK: &str = "smtp";

/// Connects and logs in, where notices are to be sent, and sends nothing.
pub(super) async fn notices(scene: &Scene) -> Vec<Finding> {
    let smtp = &scene.config.smtp;
    if !smtp.is_on() {
        return Vec::new();
    }
    let (Some(store), Some(tokens), Ok(tls)) = (&scene.store, &scene.tokens, &scene.tls) else {
        return vec![Finding::skip(CHECK, "what is said above comes first")];
    };
    vec![match notices::examine(smtp, tls, store, tokens).await {
        Ok(()) => Finding::ok(CHECK, format!("{}:{} takes our mail", smtp.host, smtp.port)),
        Err(trouble) => Finding::failed(CHECK, &trouble, "check the keys of [smtp]"),
    }]
}
