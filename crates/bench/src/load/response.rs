//! As much of a response as a load generator must read: its status, and where it ends.

/// The first line and the headers, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// Bytes before the body.
    pub(crate) body: usize,
    /// Bytes in all, body included.
    pub(crate) length: usize,
}

/// Reads the head of an HTTP/1.1 response; `None` where it is not all there yet.
///
/// # Errors
/// What is wrong with it. A body without a length is: our server sends none.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<ResponseHead>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(number);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let length = lines.find_map(content_length);
    match (status, length) {
        (Some(status), Some(length)) => Ok(Some(ResponseHead { status, body: end + 4, length: end + 4 + length })),
        _ => Err(format!("this is no HTTP/1.1 response with a length: {}", bytes[..end].escape_ascii())),
    }
}

fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let value = line.get(NAME.len()..).filter(|_| line[..NAME.len()].eq_ignore_ascii_case(NAME))?;
    number(value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_response_is_known_from_its_head() {
        let response = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhel";
        assert_eq!(head(response), Ok(Some(ResponseHead { status: 200, body: 49, length: 54 })));
        let lower = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(head(lower).map(|head| head.map(|head| head.status)), Ok(Some(503)));
    }

    #[test]
    fn a_part_of_a_head_is_not_judged() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(None));
        assert_eq!(head(b""), Ok(None));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for bytes in ["HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0\r\ncontent-length: 1\r\n\r\n", "\r\n\r\n"] {
            assert!(head(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
