//! What a row of the story says.

/// One mail and what must come of it.
pub struct Scene {
    /// In words.
    pub title: &'static str,
    /// The mail as it reaches the BCC mailbox.
    pub mail: Mail,
    /// The verdict.
    pub code: &'static str,
    /// Contacts on whose timeline it is.
    pub contacts: &'static [&'static str],
    /// What is remarkable about it.
    pub flags: &'static [&'static str],
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
    /// Whether it shows a picture in its text.
    pub picture: bool,
    /// Whether the receiving server found that the sender is who it says.
    pub genuine: bool,
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
    picture: false,
    genuine: true,
};

/// A mail that is logged.
pub const SCENE: Scene = Scene { title: "", mail: MAIL, code: "logged", contacts: &[], flags: &[] };
