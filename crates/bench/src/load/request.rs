//! Requests that are written once and patched in place.

use std::net::SocketAddr;

use uuid::Uuid;

use crate::split_mix::SplitMix;

/// Part of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RequestPart<'a> {
    Text(&'a str),
    Field(RequestField),
}

/// What differs from one request to the next. Each has a fixed width, so that the rest stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestField {
    /// A seller's id.
    Seller,
    /// A phone number: ten digits, as people of the country write it.
    Phone,
    /// A number that no other request has: ten digits.
    Serial,
}

impl RequestField {
    fn width(self) -> usize {
        match self {
            RequestField::Seller => 36,
            RequestField::Phone | RequestField::Serial => 10,
        }
    }
}

/// A request whose fields are blank, and where they are.
#[derive(Debug, Clone)]
pub(crate) struct RequestTemplate {
    pub(crate) bytes: Vec<u8>,
    fields: Vec<(usize, RequestField)>,
}

impl RequestTemplate {
    /// A POST of JSON over a connection that stays open. `headers` are further ones, each with its line end.
    pub(crate) fn post(
        server: SocketAddr,
        path: &[RequestPart<'_>],
        headers: &[RequestPart<'_>],
        body: &[RequestPart<'_>],
    ) -> RequestTemplate {
        let mut template = RequestTemplate { bytes: Vec::new(), fields: Vec::new() };
        template.add(&[RequestPart::Text("POST ")]);
        template.add(path);
        template
            .add(&[RequestPart::Text(&format!(" HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n"))]);
        template.add(headers);
        template.add(&[RequestPart::Text(&format!("Content-Length: {}\r\n\r\n", width(body)))]);
        template.add(body);
        template
    }

    /// A GET over a connection that stays open.
    pub(crate) fn get(server: SocketAddr, path: &str, headers: &str) -> RequestTemplate {
        let text = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\n{headers}\r\n");
        RequestTemplate { bytes: text.into_bytes(), fields: Vec::new() }
    }

    fn add(&mut self, parts: &[RequestPart<'_>]) {
        for part in parts {
            match part {
                RequestPart::Text(text) => self.bytes.extend_from_slice(text.as_bytes()),
                RequestPart::Field(field) => {
                    self.fields.push((self.bytes.len(), *field));
                    self.bytes.resize(self.bytes.len() + field.width(), b'0');
                }
            }
        }
    }
}

fn width(parts: &[RequestPart<'_>]) -> usize {
    let widths = parts.iter().map(|part| match part {
        RequestPart::Text(text) => text.len(),
        RequestPart::Field(field) => field.width(),
    });
    widths.sum()
}

/// Which sellers sell to which numbers, drawn evenly.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    sellers: Vec<[u8; 36]>,
    phones: usize,
    serial: usize,
    random: SplitMix,
}

impl Values {
    /// All of `sellers`, at least one, and the first `phones` numbers.
    pub(crate) fn new(sellers: &[Uuid], phones: usize) -> Self {
        let text = |id: &Uuid| {
            let mut text = [0; 36];
            id.hyphenated().encode_lower(&mut text);
            text
        };
        Values { sellers: sellers.iter().map(text).collect(), phones, serial: 0, random: SplitMix::new(1) }
    }

    /// Writes fresh values into a copy of the template's bytes.
    pub(crate) fn fill(&mut self, template: &RequestTemplate, request: &mut [u8]) {
        for (at, field) in &template.fields {
            let place = &mut request[*at..*at + field.width()];
            match field {
                RequestField::Seller => place.copy_from_slice(&self.sellers[self.random.below(self.sellers.len())]),
                RequestField::Phone => digits(place, FIRST_PHONE + self.random.below(self.phones)),
                RequestField::Serial => {
                    digits(place, self.serial);
                    self.serial += 1;
                }
            }
        }
    }
}

/// The first of the numbers that charges are sold to; the others follow it.
pub(crate) const FIRST_PHONE: usize = 9_800_000_000;

fn digits(place: &mut [u8], mut number: usize) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: &mut Values, template: &RequestTemplate) -> String {
        let mut request = template.bytes.clone();
        values.fill(template, &mut request);
        String::from_utf8(request).unwrap()
    }

    #[test]
    fn a_request_is_whole_and_only_its_fields_change() {
        let seller = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00ab);
        let server: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let template = RequestTemplate::post(
            server,
            &[RequestPart::Text("/s/"), RequestPart::Field(RequestField::Seller), RequestPart::Text("/")],
            &[RequestPart::Text("K: "), RequestPart::Field(RequestField::Serial), RequestPart::Text("\r\n")],
            &[RequestPart::Text("[\""), RequestPart::Field(RequestField::Phone), RequestPart::Text("\"]")],
        );
        let mut values = Values::new(&[seller], 1);
        let expected = |serial: &str| {
            format!(
                "POST /s/01900000-0000-7000-8000-0000000000ab/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
                 Content-Type: application/json\r\nK: {serial}\r\nContent-Length: 14\r\n\r\n[\"9800000000\"]"
            )
        };
        assert_eq!(filled(&mut values, &template), expected("0000000000"));
        assert_eq!(filled(&mut values, &template), expected("0000000001"));
    }
}
