//! Which commands fail, and how often.

use super::command::{Command, Request};
use super::fault::Fault;

/// Which commands a fault waits for. The default is the next one, whatever it is.
#[derive(Clone, Debug)]
pub struct When {
    verb: Option<String>,
    user: Option<String>,
    mailbox: Option<String>,
    uid: Option<u32>,
    containing: Option<String>,
    skip: usize,
    times: usize,
}

impl Default for When {
    fn default() -> Self {
        Self { verb: None, user: None, mailbox: None, uid: None, containing: None, skip: 0, times: 1 }
    }
}

impl When {
    /// A command like `EXAMINE` or `UID FETCH`; `GREETING` is the moment a client connects.
    pub fn verb(verb: &str) -> Self {
        Self { verb: Some(verb.to_uppercase()), ..Self::default() }
    }

    /// Only of this user.
    pub fn user(self, user: &str) -> Self {
        Self { user: Some(user.to_lowercase()), ..self }
    }

    /// Only about this mailbox: named in the command, or selected.
    pub fn mailbox(self, mailbox: &str) -> Self {
        Self { mailbox: Some(mailbox.to_owned()), ..self }
    }

    /// Only a `UID FETCH` that asks for this UID.
    pub fn uid(self, uid: u32) -> Self {
        Self { uid: Some(uid), ..self }
    }

    /// Only a command whose line contains this, in any case: `BODY.PEEK[]` tells bodies from headers.
    pub fn containing(self, text: &str) -> Self {
        Self { containing: Some(text.to_lowercase()), ..self }
    }

    /// Not the first `n` that match.
    pub fn after(self, n: usize) -> Self {
        Self { skip: n, ..self }
    }

    /// The next `n` that match instead of one.
    pub fn times(self, n: usize) -> Self {
        Self { times: n, ..self }
    }

    /// All that match from now on.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn fits(&self, command: &Command, request: Option<&Request>) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        is(&self.verb, Some(&command.verb))
            && is(&self.user, command.user.as_deref())
            && is(&self.mailbox, command.mailbox.as_deref())
            && self.uid.is_none_or(|uid| request.is_some_and(|request| request.names_uid(uid)))
            && self.containing.as_ref().is_none_or(|text| command.line.to_lowercase().contains(text))
    }
}

/// Faults that wait for their command, oldest first.
#[derive(Default)]
pub(crate) struct Faults(Vec<(When, Fault)>);

impl Faults {
    pub(crate) fn arm(&mut self, when: When, fault: Fault) {
        self.0.push((when, fault));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn take(&mut self, command: &Command, request: Option<&Request>) -> Option<Fault> {
        let taken = self.due(command, request, false).or_else(|| self.due(command, request, true));
        self.0.retain(|(when, _)| when.times > 0);
        taken
    }

    /// The oldest that fits and whose turn it is. Standing faults come after counted ones, or they would hide them.
    fn due(&mut self, command: &Command, request: Option<&Request>, standing: bool) -> Option<Fault> {
        let kind = |when: &When| (when.times == usize::MAX) == standing && when.times > 0;
        for (when, fault) in self.0.iter_mut().filter(|(when, _)| kind(when) && when.fits(command, request)) {
            if when.skip == 0 {
                when.times -= usize::from(!standing);
                return Some(fault.clone());
            }
            when.skip -= 1;
        }
        None
    }
}
