//! One notice over an open connection.

use entity::notice;
use lettre::Address as SmtpAddress;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailParameter};

use super::compose::compose;
use super::line::{Line, Said};
use super::wait;
use crate::mail::address::Address;
use crate::store::notices::{Claim, End};
use crate::trouble::Trouble;
use crate::worker::Worker;

/// A notice that is claimed.
pub(super) struct Mailing<'a> {
    pub(super) worker: &'a Worker,
    pub(super) claim: Claim,
    pub(super) row: &'a notice::Model,
    pub(super) recipient: Address,
}

/// Where in the exchange an answer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Sender,
    Recipient,
    Text,
}

/// What an attempt came to.
enum Attempt {
    Sent,
    /// The claim is lost.
    Lost,
    Answered(At, Said),
}

impl Mailing<'_> {
    /// Sends it, and says what came of it. An error is ours: then nothing was handed over.
    pub(super) async fn go(self, line: &mut Line) -> Result<End, Trouble> {
        let smtp = &self.worker.config.smtp;
        let text = match compose(self.row, smtp) {
            Ok(text) => text,
            Err(why) => return Ok(End::Failed(why)),
        };
        let parsed = (smtp.from.parse(), self.recipient.as_str().parse());
        let (Ok(from), Ok(to)): (Result<SmtpAddress, _>, Result<SmtpAddress, _>) = parsed else {
            return Ok(End::Failed("a mail server would not take the address".to_owned()));
        };
        let mut handed = false;
        // RFC 3834 section 3.3 and RFC 5321 section 4.5.5: no sender, so that nothing comes back. Not every server lets us.
        let nobody = if smtp.empty_sender { vec![None] } else { vec![] };
        let mut senders = nobody.into_iter().chain([Some(from)]).peekable();
        while let Some(sender) = senders.next() {
            let attempt = self.attempt(line, sender, &to, &text, &mut handed).await?;
            let end = match attempt {
                Attempt::Sent => End::Sent,
                Attempt::Lost => {
                    let why = "another process took the notice over";
                    line.hang_up(why);
                    self.later(why.to_owned())
                }
                Attempt::Answered(_, Said::Never(_)) if senders.peek().is_some() => match line.say(Rset).await {
                    Said::Yes => continue,
                    said => self.later(words(said)),
                },
                Attempt::Answered(At::Text, Said::Nothing(why)) if handed => End::Unclear(why),
                // That the server does not take us as a sender is no fault of the recipient's.
                Attempt::Answered(At::Recipient | At::Text, Said::Never(why)) => End::Failed(why),
                Attempt::Answered(_, said) => self.later(words(said)),
            };
            return Ok(end);
        }
        Ok(self.later("nobody to send it as".to_owned()))
    }

    async fn attempt(
        &self,
        line: &mut Line,
        sender: Option<SmtpAddress>,
        to: &SmtpAddress,
        text: &[u8],
        handed: &mut bool,
    ) -> Result<Attempt, Trouble> {
        let mut parameters = Vec::new();
        let international =
            [sender.as_ref(), Some(to)].into_iter().flatten().any(|one| !AsRef::<str>::as_ref(one).is_ascii());
        if international {
            if !line.connection().server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the mail server takes no international addresses (SMTPUTF8)".to_owned();
                return Ok(Attempt::Answered(At::Recipient, Said::Never(why)));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        match line.say(Mail::new(sender, parameters)).await {
            Said::Yes => {}
            said => return Ok(Attempt::Answered(At::Sender, said)),
        }
        match line.say(Rcpt::new(to.clone(), Vec::new())).await {
            Said::Yes => {}
            said => return Ok(Attempt::Answered(At::Recipient, said)),
        }
        match line.say(Data).await {
            Said::Yes => {}
            said => return Ok(Attempt::Answered(At::Text, said)),
        }
        // From here on a crash leaves unknown what the server has; up to here it has nothing. A connection that ends
        // instead of the text delivers nothing (RFC 5321 section 3.8).
        if !*handed && !self.worker.store.hand_over(&self.claim, self.worker.clock.now()).await? {
            return Ok(Attempt::Lost);
        }
        *handed = true;
        Ok(match line.tell(text).await {
            Said::Yes => Attempt::Sent,
            said => Attempt::Answered(At::Text, said),
        })
    }

    fn later(&self, why: String) -> End {
        let attempts = self.row.attempts.saturating_add(1);
        End::Later(self.worker.clock.now() + self.worker.clock.jittered(wait(attempts)), why)
    }
}

fn words(said: Said) -> String {
    match said {
        Said::Yes => "the mail server agreed unexpectedly".to_owned(),
        Said::NotNow(why) | Said::Never(why) | Said::Nothing(why) => why,
    }
}
