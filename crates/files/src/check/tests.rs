use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

use super::*;

/// A picture with red above and blue below, wider than high.
fn picture() -> RgbImage {
    RgbImage::from_fn(80, 48, |_, y| if y < 24 { Rgb([250, 10, 10]) } else { Rgb([10, 10, 250]) })
}

fn png() -> Vec<u8> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&picture(), 80, 48, ExtendedColorType::Rgb8).unwrap();
    out
}

fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    picture().write_with_encoder(JpegEncoder::new_with_quality(&mut out, 95)).unwrap();
    out
}

fn webp(pixels: &[u8], color: ExtendedColorType) -> Vec<u8> {
    let mut out = Vec::new();
    WebPEncoder::new_lossless(&mut out).write_image(pixels, 80, 48, color).unwrap();
    out
}

/// The same JPEG with what a camera says about it: turned a quarter, and where that was.
fn with_exif(jpeg: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    // Orientation (0x0112), one short, 6: the camera was turned to the left.
    exif.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend_from_slice(b"25.2744 N 86.7381 E");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn pixel(checked: &CheckedFile, x: u32, y: u32) -> [u8; 3] {
    image::load_from_memory(&checked.bytes).unwrap().to_rgb8().get_pixel(x, y).0
}

fn accepted(bytes: &[u8]) -> CheckedFile {
    check(bytes, &UploadPolicy::PICTURE).unwrap()
}

fn refused(bytes: &[u8]) -> UploadRefusal {
    check(bytes, &UploadPolicy::PICTURE).unwrap_err()
}

/// A PNG that says it has so many pixels, and has none.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 6, 0, 0, 0]);
    let sum = crc(&header).to_be_bytes();
    let data = [&[0, 0, 0, 0][..], b"IDAT", &crc(b"IDAT").to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n", &[0, 0, 0, 13][..], &header, &sum, &data].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[test]
fn pictures_are_encoded_anew_and_stay_what_they_show() {
    let (exact, photo) = (accepted(&png()), accepted(&jpeg()));
    assert_eq!((exact.kind, exact.size), (FileKind::Png, Some((80, 48))));
    assert_eq!(pixel(&exact, 0, 0), [250, 10, 10]);
    assert_eq!((photo.kind, photo.size), (FileKind::Jpeg, Some((80, 48))));
    assert_eq!(exact.sha256, <[u8; 32]>::from(Sha256::digest(&exact.bytes)));
    // What came out goes in again.
    assert_eq!(accepted(&exact.bytes).bytes, exact.bytes);
}

#[test]
fn a_webp_picture_becomes_a_jpeg_or_where_it_is_transparent_a_png() {
    let opaque = accepted(&webp(&picture(), ExtendedColorType::Rgb8));
    assert_eq!((opaque.kind, opaque.size), (FileKind::Jpeg, Some((80, 48))));
    let clear = DynamicImage::ImageRgb8(picture()).to_rgba8();
    let clear: Vec<u8> = clear.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2], 128]).collect();
    assert_eq!(accepted(&webp(&clear, ExtendedColorType::Rgba8)).kind, FileKind::Png);
}

#[test]
fn html_is_no_picture_whatever_it_is_called() {
    for text in ["<!doctype html><script>alert(1)</script>", "<svg onload=alert(1)>", "GIF89a", "PNG", "\u{feff}%PDF-"]
    {
        assert_eq!(refused(text.as_bytes()), UploadRefusal::Type { wanted: "a PNG, JPEG or WebP picture" }, "{text}");
    }
}

#[test]
fn html_that_hides_in_a_picture_does_not_get_through() {
    let page = b"<html><script>alert(document.cookie)</script>";
    let behind = [&png()[..], page].concat();
    let text = [b"tEXtComment\0", &page[..]].concat();
    let length = u32::try_from(text.len() - 4).unwrap().to_be_bytes();
    let chunk = [&length[..], &text, &crc(&text).to_be_bytes()].concat();
    // Behind the signature and the header.
    let inside = [&png()[..33], &chunk, &png()[33..]].concat();
    let of_jpeg = [&jpeg()[..], page].concat();
    for polyglot in [behind, inside, of_jpeg] {
        assert!(contains(&polyglot, b"<script>"));
        let checked = accepted(&polyglot);
        assert!(!contains(&checked.bytes, b"<script>") && !contains(&checked.bytes, b"cookie"));
    }
}

#[test]
fn where_a_picture_was_taken_is_forgotten_and_how_the_camera_was_held_is_not() {
    let sent = with_exif(&jpeg());
    assert!(contains(&sent, b"25.2744 N"));
    let checked = accepted(&sent);
    assert!(!contains(&checked.bytes, b"25.2744 N") && !contains(&checked.bytes, b"Exif"));
    // Turned a quarter to the right: what was below is on the left.
    assert_eq!(checked.size, Some((48, 80)));
    let left = pixel(&checked, 5, 40);
    assert!(left[2] > 200 && left[0] < 60, "{left:?}");
}

#[test]
fn a_bomb_is_refused_by_its_header_before_anything_is_unpacked() {
    let refusal = refused(&bomb(60_000, 60_000));
    assert_eq!(refusal, UploadRefusal::Pixels { width: 60_000, height: 60_000, limit: 1 << 24, longest: 16_384 });
    assert!(matches!(refused(&bomb(1, 20_000)), UploadRefusal::Pixels { .. }));
    assert!(matches!(refused(&bomb(u32::MAX, u32::MAX)), UploadRefusal::Pixels { .. } | UploadRefusal::Damaged));
    assert_eq!(refused(&bomb(100, 100)), UploadRefusal::Damaged);
}

#[test]
fn a_picture_with_too_many_pixels_is_refused_and_one_with_as_many_as_allowed_is_not() {
    let exactly = UploadPolicy { pixels: 80 * 48, longest: 80, ..UploadPolicy::PICTURE };
    assert!(check(&png(), &exactly).is_ok());
    let short = UploadPolicy { pixels: 80 * 48 - 1, ..exactly };
    assert!(matches!(check(&png(), &short), Err(UploadRefusal::Pixels { .. })));
    assert!(matches!(check(&png(), &UploadPolicy { longest: 79, ..exactly }), Err(UploadRefusal::Pixels { .. })));
}

#[test]
fn thirty_million_pixels_and_deep_colors_are_refused_by_their_header() {
    for accept in [UploadPolicy::PICTURE, UploadPolicy::RECEIPT, UploadPolicy::PORTRAIT] {
        assert!(matches!(check(&bomb(6_000, 5_000), &accept), Err(UploadRefusal::Pixels { .. })));
    }
    let mut deep = bomb(3_500, 3_500);
    // Sixteen bits a color, and its sum.
    deep[24] = 16;
    let sum = crc(&deep[12..29]).to_be_bytes();
    deep[29..33].copy_from_slice(&sum);
    let limit = UploadPolicy::PORTRAIT.unpacked;
    assert_eq!(check(&deep, &UploadPolicy::PORTRAIT), Err(UploadRefusal::Deep { bytes: 3_500 * 3_500 * 8, limit }));
}

#[test]
fn a_small_file_that_draws_its_pixels_thousands_of_times_is_refused_before_it_is_unpacked() {
    let whole = jpeg();
    let at = whole.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    let (head, scan) = (&whole[..at], &whole[at..whole.len() - 2]);
    let drawn = |times: usize| [head, &scan.repeat(times), &[0xff, 0xd9][..]].concat();
    assert_eq!(refused(&drawn(5_000)), UploadRefusal::Scans { scans: 5_000, limit: SCANS });
    assert_eq!(accepted(&drawn(1)).size, Some((80, 48)));
}

#[test]
fn a_picture_of_oneself_is_kept_as_large_as_it_is_shown() {
    let wide = RgbImage::from_fn(3_000, 1_500, |x, _| Rgb([u8::try_from(x % 250).unwrap(), 90, 10]));
    let mut sent = Vec::new();
    wide.write_with_encoder(JpegEncoder::new_with_quality(&mut sent, 95)).unwrap();
    assert_eq!(check(&sent, &UploadPolicy::PORTRAIT).unwrap().size, Some((1_024, 512)));
    assert_eq!(check(&jpeg(), &UploadPolicy::PORTRAIT).unwrap().size, Some((80, 48)), "and never made larger");
}

#[test]
fn a_file_that_is_too_large_or_empty_is_refused_before_anybody_looks_at_it() {
    let limit = png().len() - 1;
    let tight = UploadPolicy { bytes: limit, ..UploadPolicy::PICTURE };
    assert_eq!(check(&png(), &tight), Err(UploadRefusal::TooLarge { bytes: limit + 1, limit }));
    assert_eq!(refused(b""), UploadRefusal::Empty);
}

#[test]
fn what_ends_too_early_is_refused() {
    for whole in [png(), jpeg(), webp(&picture(), ExtendedColorType::Rgb8)] {
        for length in [12, 40, whole.len() / 2, whole.len() - 20] {
            let refusal = refused(&whole[..length]);
            assert!(matches!(refusal, UploadRefusal::Damaged | UploadRefusal::Type { .. }), "{length}: {refusal:?}");
        }
    }
}

#[test]
fn a_pdf_is_taken_only_where_one_is_wanted_and_kept_as_it_is() {
    let pdf = b"%PDF-1.7\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n";
    assert!(matches!(refused(pdf), UploadRefusal::Type { .. }));
    let kept = check(pdf, &UploadPolicy::RECEIPT).unwrap();
    assert_eq!((kept.kind, kept.size, &kept.bytes[..]), (FileKind::Pdf, None, &pdf[..]));
    assert!(check(&png(), &UploadPolicy::RECEIPT).is_ok());
    for broken in [&pdf[..20], b"%PDF-", b"%PDF-9.9\n%%EOF", b"%PDF-x.y <script> %%EOF"] {
        assert_eq!(check(broken, &UploadPolicy::RECEIPT), Err(UploadRefusal::Damaged));
    }
    assert!(matches!(check(b"<html>%PDF-1.7 %%EOF", &UploadPolicy::RECEIPT), Err(UploadRefusal::Type { .. })));
}
