//! Text in JSON, as `json.dumps()` writes it with its defaults: ASCII only.

use std::iter::once;

/// Writes a JSON string. A code point above U+FFFF becomes two escapes, a lone surrogate one.
pub fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let plain = rest.iter().take_while(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')).count();
        if plain > 0 {
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            continue;
        }
        if let Some(letter) = short_escape(first) {
            out.extend_from_slice(&[b'\\', letter]);
            rest = after;
            continue;
        }
        let (code, length) = decode(rest);
        write_code_point(code, out);
        rest = &rest[length..];
    }
    out.push(b'"');
}

fn short_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => return None,
    })
}

/// The code point that text begins with, and its length in bytes; surrogates included.
fn decode(text: &[u8]) -> (u32, usize) {
    let (length, mask) = match text[0] {
        0..0x80 => (1, 0x7f),
        0x80..0xe0 => (2, 0x1f),
        0xe0..0xf0 => (3, 0x0f),
        0xf0.. => (4, 0x07),
    };
    // Text that ends within a code point comes from no Python; then this ends with it.
    let length = length.min(text.len());
    let code = text[1..length].iter().fold(u32::from(text[0] & mask), |code, byte| code << 6 | u32::from(byte & 0x3f));
    (code, length)
}

fn write_code_point(code: u32, out: &mut Vec<u8>) {
    match code.checked_sub(0x1_0000) {
        None => write_unit(code, out),
        Some(above) => {
            write_unit(0xd800 | (above >> 10 & 0x3ff), out);
            write_unit(0xdc00 | above & 0x3ff, out);
        }
    }
}

fn write_unit(unit: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = [12, 8, 4, 0].map(|shift| DIGITS[(unit >> shift & 0xf) as usize]);
    out.extend(once(b'\\').chain(once(b'u')).chain(digits));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &[u8]) -> String {
        let mut out = Vec::new();
        write_text(text, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn text_is_escaped_as_python_does() {
        // Each of these is what CPython 3.13 writes.
        for (text, expected) in [
            ("", r#""""#),
            ("plain / text~", r#""plain / text~""#),
            ("\"\\\n\r\t\u{8}\u{c}", r#""\"\\\n\r\t\b\f""#),
            ("\0\u{1f}\u{7f}", r#""\u0000\u001f\u007f""#),
            ("é日\u{2028}\u{ffff}", r#""\u00e9\u65e5\u2028\uffff""#),
            ("😀\u{10ffff}", r#""\ud83d\ude00\udbff\udfff""#),
        ] {
            assert_eq!(json(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_lone_surrogate_is_one_escape() {
        assert_eq!(json(b"a\xed\xa0\x80b"), r#""a\ud800b""#);
        assert_eq!(json(b"\xed\xb0\x80\xed\xa0\x80"), r#""\udc00\ud800""#);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>) {
            json(&bytes);
        }

        #[test]
        fn escapes_say_the_utf_16_units(text in r"[^\\]{0,64}") {
            // In text without backslashes, every escape of this form stands for a unit that is not plain.
            let escaped: Vec<u16> = json(text.as_bytes())[1..]
                .split("\\u")
                .skip(1)
                .map(|unit| u16::from_str_radix(&unit[..4], 16).expect("four digits"))
                .collect();
            let odd = |unit: &u16| !matches!(unit, 0x20..=0x7e | 8..=10 | 12..=13);
            prop_assert_eq!(escaped, text.encode_utf16().filter(odd).collect::<Vec<_>>());
        }
    }
}
