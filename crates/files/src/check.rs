//! Whether an upload is what is wanted, and a clean copy of it.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use sha2::{Digest, Sha256};

use crate::kind::UploadKind;
use crate::{FileKind, UploadRefusal, jpeg};

/// What may be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPolicy {
    /// Whether a PDF may come instead of a picture.
    pub pdf: bool,
    /// Bytes, at most.
    pub bytes: usize,
    /// Pixels, at most.
    pub pixels: u64,
    /// Pixels on a side, at most.
    pub longest: u32,
    /// Bytes of memory that its pixels may take, at most.
    pub unpacked: u64,
    /// Pixels on the longer side of what is kept; a larger picture is made smaller.
    pub stored: Option<u32>,
}

impl UploadPolicy {
    /// A picture of a thing: 10 MiB, 16.7 million pixels (as most phones take them), four bytes each.
    pub const PICTURE: UploadPolicy = UploadPolicy {
        pdf: false,
        bytes: 10 << 20,
        pixels: 1 << 24,
        longest: 16_384,
        unpacked: 64 << 20,
        stored: None,
    };

    /// A picture of oneself: 8 MiB, 12.6 million pixels (12 megapixels), made smaller. Anybody with an account may send
    /// one, so what it may cost is little.
    pub const PORTRAIT: UploadPolicy = UploadPolicy {
        bytes: 8 << 20,
        pixels: 12 << 20,
        longest: 8_192,
        unpacked: 48 << 20,
        stored: Some(1_024),
        ..UploadPolicy::PICTURE
    };

    /// What shows that somebody has paid: a picture, or a PDF.
    pub const RECEIPT: UploadPolicy = UploadPolicy { pdf: true, ..UploadPolicy::PICTURE };

    fn wanted(&self) -> &'static str {
        if self.pdf { "a PNG, JPEG or WebP picture, or a PDF" } else { "a PNG, JPEG or WebP picture" }
    }
}

/// A file fit to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFile {
    /// What it is.
    pub kind: FileKind,
    /// All of it.
    pub bytes: Vec<u8>,
    /// Pixels across and down; a PDF has none.
    pub size: Option<(u32, u32)>,
    /// The hash of `bytes`.
    pub sha256: [u8; 32],
}

/// How faithful a photograph stays: hardly anybody sees the difference.
const QUALITY: u8 = 88;

/// Bytes of memory that decoding may take beside the pixels.
const MEMORY: u64 = 16 << 20;

/// How often a JPEG may draw over its pixels. Cameras and editors need some ten passes; each costs as much as the whole
/// picture, so a small file with thousands would take a core for minutes.
const SCANS: usize = 64;

/// Where a PDF must say that it ends, counted from its end: other programs look as far.
const PDF_TAIL: usize = 1_024;

/// Checks an upload, and encodes a picture anew. Takes up to a second or so, and memory for the pixels a few times over:
/// to be run on a thread for such work, one at a time ([`FileStore::check`](crate::FileStore::check) sees to both).
///
/// A photograph (and a WebP picture without transparency) becomes a JPEG, any other picture a PNG, turned as its camera
/// was held. Of a moving picture the first frame stays.
///
/// # Errors
/// Why it is not taken. How large a picture will be is known before anything is unpacked.
pub fn check(bytes: &[u8], accept: &UploadPolicy) -> Result<CheckedFile, UploadRefusal> {
    if bytes.is_empty() {
        return Err(UploadRefusal::Empty);
    }
    if bytes.len() > accept.bytes {
        return Err(UploadRefusal::TooLarge { bytes: bytes.len(), limit: accept.bytes });
    }
    match UploadKind::of(bytes) {
        Some(UploadKind::Png) => picture(bytes, ImageFormat::Png, accept),
        Some(UploadKind::Jpeg) => match jpeg::scans(bytes) {
            None => Err(UploadRefusal::Damaged),
            Some(scans) if scans > SCANS => Err(UploadRefusal::Scans { scans, limit: SCANS }),
            Some(_) => picture(bytes, ImageFormat::Jpeg, accept),
        },
        Some(UploadKind::Webp) if !webp_is_whole(bytes) => Err(UploadRefusal::Damaged),
        Some(UploadKind::Webp) => picture(bytes, ImageFormat::WebP, accept),
        Some(UploadKind::Pdf) if accept.pdf => pdf(bytes),
        _ => Err(UploadRefusal::Type { wanted: accept.wanted() }),
    }
}

fn picture(bytes: &[u8], format: ImageFormat, accept: &UploadPolicy) -> Result<CheckedFile, UploadRefusal> {
    let damaged = |_| UploadRefusal::Damaged;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(accept.unpacked.saturating_add(MEMORY));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let all = u64::from(width) * u64::from(height);
    if all == 0 || all > accept.pixels || width.max(height) > accept.longest {
        let (limit, longest) = (accept.pixels, accept.longest);
        return Err(UploadRefusal::Pixels { width, height, limit, longest });
    }
    let unpacked = decoder.total_bytes();
    if unpacked > accept.unpacked {
        return Err(UploadRefusal::Deep { bytes: unpacked, limit: accept.unpacked });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if let Some(kept) = accept.stored.filter(|kept| width.max(height) > *kept) {
        image = image.thumbnail(kept, kept);
    }
    image.apply_orientation(orientation);
    let is_photograph = format == ImageFormat::Jpeg || (format == ImageFormat::WebP && !image.color().has_alpha());
    let kind = if is_photograph { FileKind::Jpeg } else { FileKind::Png };
    let mut out = Vec::new();
    let size = Some((image.width(), image.height()));
    match kind {
        FileKind::Jpeg => {
            let image = DynamicImage::ImageRgb8(image.into_rgb8());
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY)).map_err(damaged)?;
        }
        _ => image.write_to(&mut Cursor::new(&mut out), ImageFormat::Png).map_err(damaged)?,
    }
    Ok(encoded(kind, out, size))
}

/// Its first lines say how long it is.
fn webp_is_whole(bytes: &[u8]) -> bool {
    let said = bytes.get(4..8).and_then(|field| <[u8; 4]>::try_from(field).ok()).map(u32::from_le_bytes);
    said.and_then(|said| usize::try_from(said).ok()).is_some_and(|said| said >= 4 && said <= bytes.len() - 8)
}

/// A PDF cannot be encoded anew: it is kept as it is, and never shown by a browser of ours.
fn pdf(bytes: &[u8]) -> Result<CheckedFile, UploadRefusal> {
    let version = bytes.get(5..8).is_some_and(|version| matches!(version, [b'1' | b'2', b'.', b'0'..=b'9']));
    let tail = &bytes[bytes.len().saturating_sub(PDF_TAIL)..];
    if !version || !tail.windows(5).any(|window| window == b"%%EOF") {
        return Err(UploadRefusal::Damaged);
    }
    Ok(encoded(FileKind::Pdf, bytes.to_vec(), None))
}

fn encoded(kind: FileKind, bytes: Vec<u8>, size: Option<(u32, u32)>) -> CheckedFile {
    let sha256 = Sha256::digest(&bytes).into();
    CheckedFile { kind, bytes, size, sha256 }
}

#[cfg(test)]
mod tests;
