//! What a row of the story says.

/// What happens until the worker looks again.
pub struct Chapter {
    /// What it is about.
    pub title: &'static str,
    /// Whose inbox is connected at its beginning.
    pub connects: Option<&'static str>,
    /// In order.
    pub scenes: &'static [Scene],
}

/// One mail and what must come of it.
pub struct Scene {
    /// In words.
    pub title: &'static str,
    /// The mail as it reaches the mailbox.
    pub mail: Mail,
    /// The user in whose inbox it arrives, or the forwarding mailbox; it is the BCC mailbox if there is none.
    pub inbox: Option<&'static str>,
    /// Whether it is there since an earlier chapter.
    pub again: bool,
    /// The verdict.
    pub code: &'static str,
    /// Contacts on whose timeline it is.
    pub contacts: &'static [&'static str],
    /// What is remarkable about it.
    pub flags: &'static [&'static str],
    /// The Message-ID of a mail that it says has come back.
    pub returns: Option<&'static str>,
    /// What the timeline shows, where that is not the mail itself.
    pub shows: Option<Shown>,
}

/// The message that a mail forwards.
pub struct Shown {
    /// Its Message-ID, where that is known.
    pub id: Option<&'static str>,
    /// Its subject.
    pub subject: &'static str,
    /// Something of its text.
    pub text: &'static str,
}

/// A mail before it is bytes.
pub struct Mail {
    /// Message-ID.
    pub id: &'static str,
    /// Sender, as `Name <address>`.
    pub from: &'static str,
    /// To.
    pub to: &'static str,
    /// Cc, or empty.
    pub cc: &'static str,
    /// Subject, in the language of `language`.
    pub subject: &'static str,
    /// Text.
    pub text: &'static str,
    /// For the reader of the story.
    pub language: &'static str,
    /// Charset of subject and text.
    pub charset: &'static str,
    /// Message-ID of the mail it answers.
    pub answers: Option<&'static str>,
    /// Attachments: name, bytes.
    pub files: &'static [(&'static str, usize)],
    /// A whole message that is attached.
    pub attached: Option<&'static str>,
    /// Whether it shows a picture in its text.
    pub picture: bool,
    /// Whether the receiving server found that the sender is who it says.
    pub genuine: bool,
    /// More header fields, each with its line end.
    pub fields: &'static str,
    /// Hour and minute at which it was sent, where the place in the story does not tell.
    pub sent: Option<(usize, usize)>,
}

/// What most mails have in common.
pub const MAIL: Mail = Mail {
    id: "",
    from: "Anna Berg <anna@ours.example>",
    to: "",
    cc: "",
    subject: "",
    text: "",
    language: "en",
    charset: "utf-8",
    answers: None,
    files: &[],
    attached: None,
    picture: false,
    genuine: true,
    fields: "",
    sent: None,
};

/// A mail that is logged.
pub const SCENE: Scene = Scene {
    title: "",
    mail: MAIL,
    inbox: None,
    again: false,
    code: "logged",
    contacts: &[],
    flags: &[],
    returns: None,
    shows: None,
};
