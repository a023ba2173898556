//! Whether a JPEG is all there, and how much work it asks for. Decoders are kind and fill what is missing with gray; a receipt with its lower half
//! gray is no receipt.

/// Walks from marker to marker, and says how many scans there are; `None` where the end-of-image marker does not come at
/// the end of the last one.
pub(crate) fn scans(bytes: &[u8]) -> Option<usize> {
    // Behind the start-of-image marker.
    let (mut at, mut scans) = (2, 0);
    loop {
        match marker(bytes, &mut at)? {
            // The end.
            0xd9 => return Some(scans),
            // These have no length behind them.
            0x01 | 0xd0..=0xd8 => {}
            marker => {
                let length = bytes.get(at..at + 2)?;
                at += usize::from(u16::from_be_bytes([length[0], length[1]]));
                if marker == 0xda {
                    scans += 1;
                    at = scan_end(bytes, at);
                }
            }
        }
    }
}

/// The marker at `at`, which moves behind it. Any number of 0xff may stand before it.
fn marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    if bytes.get(*at) != Some(&0xff) {
        return None;
    }
    while bytes.get(*at) == Some(&0xff) {
        *at += 1;
    }
    *at += 1;
    bytes.get(*at - 1).copied()
}

/// Where the marker after a scan is. Inside a scan 0xff is followed by zero or by a restart marker.
fn scan_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        if *byte == 0xff && !matches!(bytes.get(at + 1), Some(0x00 | 0xd0..=0xd7)) {
            return at;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = &[
        0xff, 0xd8, // start
        0xff, 0xe1, 0, 4, 0xff, 0xd9, // a segment with what looks like an end inside
        0xff, 0xff, 0xda, 0, 2, 1, 0xff, 0, 0xff, 0xd0, 2, // a scan with a stuffed byte and a restart
        0xff, 0xd9, // end
    ];

    #[test]
    fn a_whole_one_is_whole_with_something_behind_it_too() {
        assert_eq!(scans(WHOLE), Some(1));
        assert_eq!(scans(&[WHOLE, b"trailer"].concat()), Some(1));
    }

    #[test]
    fn one_that_ends_anywhere_before_is_not() {
        for length in 2..WHOLE.len() {
            assert_eq!(scans(&WHOLE[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn one_that_is_no_chain_of_markers_is_not() {
        assert_eq!(scans(&[0xff, 0xd8, 0x00, 0xff, 0xd9]), None);
    }
}
