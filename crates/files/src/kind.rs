//! The kinds of files that are kept.

/// What a kept file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A picture, exact.
    Png,
    /// A photograph.
    Jpeg,
    /// A document: only where one is wanted.
    Pdf,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Png, Kind::Jpeg, Kind::Pdf];

    /// Its word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Png => "png",
            Kind::Jpeg => "jpeg",
            Kind::Pdf => "pdf",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What its name ends in, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Png => "png",
            Kind::Jpeg => "jpg",
            Kind::Pdf => "pdf",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Kind::Png => "image/png",
            Kind::Jpeg => "image/jpeg",
            Kind::Pdf => "application/pdf",
        }
    }

    /// Whether a browser may show it by itself. A PDF is kept as it was sent, so it is only ever downloaded.
    #[must_use]
    pub fn is_image(self) -> bool {
        self != Kind::Pdf
    }
}

/// What an upload is, by its first bytes: three kinds of pictures, and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Png,
    Jpeg,
    Webp,
    Pdf,
}

impl Sent {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        match bytes {
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Sent::Png),
            _ if bytes.starts_with(b"\xff\xd8\xff") => Some(Sent::Jpeg),
            _ if is_webp => Some(Sent::Webp),
            _ if bytes.starts_with(b"%PDF-") => Some(Sent::Pdf),
            _ => None,
        }
    }
}
