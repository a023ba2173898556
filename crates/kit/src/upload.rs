//! Files at the HTTP edge: one coming in with a form, one going out to whoever may see it.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use purser_files::{Error, StoredFile, UploadRefusal};

use crate::body::body_bytes;
use crate::code;
use crate::problem::{FieldError, Problem};

/// What a form adds to the file in it: its other fields, and the lines between them.
const WRAPPING: usize = 65_536;

/// When to come back where others' files are being looked at.
const BUSY_SECONDS: u32 = 20;

/// A form with at most one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upload {
    /// The file; `None` where none was chosen.
    pub file: Option<Vec<u8>>,
    /// The other fields, in their order: [`Fields::from_form`](crate::Fields) reads such pairs.
    pub fields: Vec<(String, String)>,
}

/// Reads a multipart form whose field `name` is a file of at most `limit` bytes. What the file is called and is said
/// to be plays no part, and is not even read.
///
/// # Errors
/// [`code::BODY_TOO_LARGE`], [`code::UNSUPPORTED_MEDIA_TYPE`], [`code::MALFORMED_BODY`].
pub async fn upload_receive(request: Request, name: &str, limit: usize) -> Result<Upload, Problem> {
    let too_large = || {
        let says = format!("The file may have at most {} MB.", limit.div_ceil(1_048_576));
        Problem::new(&code::BODY_TOO_LARGE, says)
    };
    let headers = request.headers().clone();
    let bytes = body_bytes(request, limit.saturating_add(WRAPPING)).await;
    let bytes = bytes.map_err(|problem| if problem.code() == &code::BODY_TOO_LARGE { too_large() } else { problem })?;
    let mut whole = Request::new(Body::from(bytes));
    *whole.headers_mut() = headers;
    // Held to its limit above; the usual one of 2 MB is not for files.
    DefaultBodyLimit::disable().apply(&mut whole);
    let wrong_type = "Send the file as multipart/form-data, as the form of a page does.";
    let form = Multipart::from_request(whole, &()).await;
    let mut form = form.map_err(|_| Problem::new(&code::UNSUPPORTED_MEDIA_TYPE, wrong_type))?;
    let mut upload = Upload::default();
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let Some(own) = part.name().map(str::to_owned) else { continue };
        if own != name {
            upload.fields.push((own, part.text().await.map_err(unreadable)?));
            continue;
        }
        let bytes = part.bytes().await.map_err(unreadable)?;
        if bytes.len() > limit {
            return Err(too_large());
        }
        // A form whose file was left out sends it empty.
        if upload.file.is_none() && !bytes.is_empty() {
            upload.file = Some(bytes.to_vec());
        }
    }
    Ok(upload)
}

fn unreadable<E>(_: E) -> Problem {
    Problem::new(&code::MALFORMED_BODY, "The upload cannot be read. Choose the file again.")
}

/// What went wrong with the file in the field `field`.
#[must_use]
pub fn file_problem(field: &'static str, error: Error) -> Problem {
    match error {
        Error::Refused(refusal) => {
            let code = match refusal {
                UploadRefusal::Empty => "required",
                UploadRefusal::TooLarge { .. }
                | UploadRefusal::Pixels { .. }
                | UploadRefusal::Deep { .. }
                | UploadRefusal::Scans { .. } => "too_large",
                UploadRefusal::Type { .. } => "wrong_type",
                UploadRefusal::Damaged => "malformed",
            };
            Problem::fields(vec![FieldError { field: field.into(), code, message: refusal.to_string() }])
        }
        Error::Store(error) => error.into(),
        Error::Missing => Problem::not_found("file"),
        Error::Disk { cause, .. } if cause.kind() == std::io::ErrorKind::StorageFull => {
            Problem::new(&code::STORAGE_FULL, "The disk is full; nothing was changed.").retry_after(30)
        }
        Error::Busy => {
            let detail = "Other files are being looked at; nothing was changed. Send it again in a moment.";
            Problem::new(&code::BUSY, detail).retry_after(BUSY_SECONDS)
        }
        other => Problem::internal(other),
    }
}

/// A file on its way to somebody who may see it: no browser guesses what it is, runs anything in it, or keeps it.
#[must_use]
pub fn file_response(file: &StoredFile, bytes: Vec<u8>) -> Response {
    let how = if file.kind.is_image() { "inline" } else { "attachment" };
    // Made of digits and dashes: nothing that a person wrote gets into a header.
    let name = format!("{how}; filename=\"{}.{}\"", file.id, file.kind.extension());
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use purser_files::FileKind;
    use uuid::Uuid;

    use super::*;

    /// A form as a browser sends it: names, file names and contents.
    fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Request {
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file =
                file.map_or_else(String::new, |file| format!("; filename=\"{file}\"\r\nContent-Type: text/html"));
            body.extend_from_slice(b"--line\r\nContent-Disposition: form-data; name=\"");
            body.extend_from_slice(format!("{name}\"{file}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--line--\r\n");
        let kind = "multipart/form-data; boundary=line";
        Request::builder().header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
    }

    #[tokio::test]
    async fn a_form_is_read_with_its_file_and_fields() {
        let sent =
            form(&[("note", None, b"for May"), ("photo", Some("../../x.html"), &[0, 255, 10]), ("once", None, b"1")]);
        let upload = upload_receive(sent, "photo", 100).await.unwrap();
        assert_eq!(upload.file, Some(vec![0, 255, 10]));
        let fields = [("note".to_owned(), "for May".to_owned()), ("once".to_owned(), "1".to_owned())];
        assert_eq!(upload.fields, fields);
    }

    #[tokio::test]
    async fn a_file_that_was_not_chosen_is_none() {
        let upload = upload_receive(form(&[("photo", Some(""), b"")]), "photo", 100).await.unwrap();
        assert_eq!(upload, Upload::default());
    }

    #[tokio::test]
    async fn a_file_past_the_limit_is_refused_by_one_byte_and_by_many() {
        for length in [101, 200_000] {
            let sent = form(&[("photo", Some("a.png"), &vec![7; length])]);
            assert_eq!(upload_receive(sent, "photo", 100).await.unwrap_err().code(), &code::BODY_TOO_LARGE);
        }
        let exact = form(&[("photo", Some("a.png"), &[7; 100])]);
        assert!(upload_receive(exact, "photo", 100).await.is_ok());
        let large = vec![7; 5 << 20];
        let upload = upload_receive(form(&[("photo", Some("a.png"), &large)]), "photo", 8 << 20).await.unwrap();
        assert_eq!(upload.file, Some(large), "there is no other limit");
    }

    #[tokio::test]
    async fn what_is_no_form_or_ends_within_one_is_refused() {
        let json = Request::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).unwrap();
        assert_eq!(upload_receive(json, "photo", 100).await.unwrap_err().code(), &code::UNSUPPORTED_MEDIA_TYPE);
        let kind = "multipart/form-data; boundary=line";
        let body = "--line\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nhalf";
        let half = Request::builder().header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        assert_eq!(upload_receive(half, "photo", 100).await.unwrap_err().code(), &code::MALFORMED_BODY);
    }

    #[test]
    fn a_file_goes_out_under_its_own_type_and_nobody_keeps_it() {
        let file = |kind| StoredFile {
            id: Uuid::from_u128(7),
            owner_kind: "test".to_owned(),
            owner_id: Uuid::nil(),
            kind,
            bytes: 1,
            size: None,
            sha256: [0; 32],
            created_by: "test".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let headers = |kind| {
            let response = file_response(&file(kind), vec![1]);
            let of = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            [of("content-type"), of("content-disposition"), of("x-content-type-options"), of("cache-control")]
        };
        let id = "00000000-0000-0000-0000-000000000007";
        let shown = format!("inline; filename=\"{id}.jpg\"");
        assert_eq!(headers(FileKind::Jpeg), ["image/jpeg", &shown, "nosniff", "private, no-store"]);
        let kept = format!("attachment; filename=\"{id}.pdf\"");
        assert_eq!(headers(FileKind::Pdf), ["application/pdf", &kept, "nosniff", "private, no-store"]);
    }

    #[test]
    fn a_refused_file_is_told_by_its_field() {
        let problem = file_problem("photo", Error::Refused(UploadRefusal::Damaged));
        assert_eq!((problem.code(), problem.errors()[0].code), (&code::INVALID_FIELDS, "malformed"));
        assert_eq!(file_problem("photo", Error::Missing).code(), &code::NOT_FOUND);
    }
}
