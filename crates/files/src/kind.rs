//! The kinds of files that are kept.

/// What a kept file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A picture, exact.
    Png,
    /// A photograph.
    Jpeg,
    /// A document: only where one is wanted.
    Pdf,
}

impl FileKind {
    const ALL: [FileKind; 3] = [FileKind::Png, FileKind::Jpeg, FileKind::Pdf];

    /// Its word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Png => "png",
            FileKind::Jpeg => "jpeg",
            FileKind::Pdf => "pdf",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        FileKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What its name ends in, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            FileKind::Png => "png",
            FileKind::Jpeg => "jpg",
            FileKind::Pdf => "pdf",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            FileKind::Png => "image/png",
            FileKind::Jpeg => "image/jpeg",
            FileKind::Pdf => "application/pdf",
        }
    }

    /// Whether a browser may show it by itself. A PDF is kept as it was sent, so it is only ever downloaded.
    #[must_use]
    pub fn is_image(self) -> bool {
        self != FileKind::Pdf
    }
}

/// What an upload is, by its first bytes: three kinds of pictures, and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadKind {
    Png,
    Jpeg,
    Webp,
    Pdf,
}

impl UploadKind {
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        match bytes {
            _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some(UploadKind::Png),
            _ if bytes.starts_with(b"\xff\xd8\xff") => Some(UploadKind::Jpeg),
            _ if is_webp => Some(UploadKind::Webp),
            _ if bytes.starts_with(b"%PDF-") => Some(UploadKind::Pdf),
            _ => None,
        }
    }
}
