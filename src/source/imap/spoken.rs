//! What a server says to people, so that the parser can take it.
//!
//! The text of OK, NO, BAD, BYE and `+` is UTF-8 at best (RFC 5255, RFC 9051 section 7.1), and says nothing that a program
//! needs to know. imap-proto takes no text that is not UTF-8 and no NUL, and panics where a letter of more than one byte
//! stands right behind the bracket of a response code, because it expects a blank there.

/// Puts `?` in the place of what cannot be read, byte for byte.
pub(super) fn make_readable(line: &mut [u8]) {
    if line.is_ascii() && !line.contains(&0) {
        return;
    }
    if std::str::from_utf8(line).is_err() {
        line.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'?');
    if let Some(end) = line.iter().position(|byte| *byte == b']') {
        let behind = line.iter_mut().skip(end + 1);
        behind.take_while(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_stays_and_the_rest_has_a_mark_in_its_place() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"* OK [ALERT] full\r\n", b"* OK [ALERT] full\r\n"),
            ("* OK Välkommen\r\n".as_bytes(), "* OK Välkommen\r\n".as_bytes()),
            ("* NO [ALERT] åäö\r\n".as_bytes(), "* NO [ALERT] åäö\r\n".as_bytes()),
            ("* OK [ALERT]éa é\r\n".as_bytes(), "* OK [ALERT]??a é\r\n".as_bytes()),
            (b"* BYE Auf Wiederh\xf6ren\r\n", b"* BYE Auf Wiederh?ren\r\n"),
            (b"* OK a\0b\r\n", b"* OK a?b\r\n"),
            (b"* OK [ALERT]\xe9\r\n", b"* OK [ALERT]?\r\n"),
        ];
        for (line, expected) in table {
            let mut line = line.to_vec();
            make_readable(&mut line);
            assert_eq!(line, expected, "{}", String::from_utf8_lossy(expected));
        }
    }
}
