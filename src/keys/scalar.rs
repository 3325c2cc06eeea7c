//! Single values, written as Python's `str()` and `json.dumps()` write them.
//!
//! Text is UTF-8 that may hold lone surrogates, each in the three bytes that Python's `surrogatepass` gives it: Python's
//! `str` holds them, and JSON can say them. Sorted by bytes it is sorted by code points, as Python sorts it.

use super::json;

/// A value that `CPython` writes the same way in every version.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// `None`.
    None,
    /// `True` and `False`.
    Bool(bool),
    /// An integer of 64 bits; longer ones come as the text that Python makes of them.
    Int(i64),
    /// Any float.
    Float(f64),
    /// Text, or what Python made of something that is none of the above.
    Text(&'a [u8]),
}

impl Scalar<'_> {
    /// Writes what `str(value)` is.
    #[inline]
    pub fn write_str(self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.extend_from_slice(b"None"),
            Self::Bool(true) => out.extend_from_slice(b"True"),
            Self::Bool(false) => out.extend_from_slice(b"False"),
            Self::Int(value) => write_int(value, out),
            Self::Float(value) if value.is_finite() => write_finite(value, out),
            Self::Float(value) => out.extend_from_slice(not_finite(value, ["nan", "inf", "-inf"])),
            Self::Text(text) => out.extend_from_slice(text),
        }
    }

    /// Writes what `json.dumps(value)` is.
    pub fn write_json(self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(value) => write_int(value, out),
            Self::Float(value) if value.is_finite() => write_finite(value, out),
            Self::Float(value) => out.extend_from_slice(not_finite(value, ["NaN", "Infinity", "-Infinity"])),
            Self::Text(text) => json::write_text(text, out),
        }
    }
}

fn write_int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn not_finite(value: f64, [nan, inf, minus_inf]: [&'static str; 3]) -> &'static [u8] {
    let word = match value {
        _ if value.is_nan() => nan,
        _ if value > 0.0 => inf,
        _ => minus_inf,
    };
    word.as_bytes()
}

/// `repr(float)`: the shortest digits that read back as this float, with an exponent below 1e-4 and from 1e16 on.
fn write_finite(value: f64, out: &mut Vec<u8>) {
    let scientific = shortest(value);
    let (mantissa, exponent) = scientific.split_once('e').expect("LowerExp writes an exponent");
    let exponent: i32 = exponent.parse().expect("LowerExp writes a decimal exponent");
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    if unsigned.len() < mantissa.len() {
        out.push(b'-');
    }
    match exponent {
        0..16 => write_fixed(unsigned, usize::try_from(exponent).expect("between 0 and 15"), out),
        -4..0 => {
            out.extend_from_slice(b"0.");
            out.extend((exponent + 1..0).map(|_| b'0'));
            out.extend(unsigned.bytes().filter(|byte| *byte != b'.'));
        }
        _ => {
            out.extend_from_slice(unsigned.as_bytes());
            let sign = if exponent < 0 { '-' } else { '+' };
            out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
        }
    }
}

/// The shortest digits that read back as this float, of those the nearest, and of two that are as near the even ones.
fn shortest(value: f64) -> String {
    // Fewer digits leave no two as near.
    const MANY: usize = 15;
    let shortest = format!("{value:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if digits < MANY {
        return shortest;
    }
    // Rust takes the greater of two; to a number of digits that is given it rounds as Python does.
    let even = format!("{value:.*e}", digits - 1);
    if even.parse() == Ok(value) { even } else { shortest }
}

/// `d.ddd` with the point moved to the right by `places`.
fn write_fixed(mantissa: &str, places: usize, out: &mut Vec<u8>) {
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.extend_from_slice(first.as_bytes());
    let whole = rest.len().min(places);
    out.extend_from_slice(&rest.as_bytes()[..whole]);
    out.extend((whole..places).map(|_| b'0'));
    out.push(b'.');
    match &rest[whole..] {
        "" => out.push(b'0'),
        fraction => out.extend_from_slice(fraction.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: Scalar<'_>) -> String {
        let mut out = Vec::new();
        value.write_str(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        // Each of these is what CPython 3.13 prints.
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (123.456, "123.456"),
            (70_368_744_177_664.62, "70368744177664.62"),
            (70_368_744_177_664.88, "70368744177664.88"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (0.0001, "0.0001"),
            (0.000_123_4, "0.0001234"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1.234e15, "1234000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (2.0_f64.powi(-44), "5.684341886080802e-14"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(text(Scalar::Float(value)), expected);
        }
    }

    #[test]
    fn integers_are_written_whole() {
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            assert_eq!(text(Scalar::Int(value)), value.to_string());
        }
    }

    #[test]
    fn the_words_differ_between_str_and_json() {
        let json = |value: Scalar<'_>| {
            let mut out = Vec::new();
            value.write_json(&mut out);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(["None", "True", "False"], [Scalar::None, Scalar::Bool(true), Scalar::Bool(false)].map(text));
        assert_eq!(["null", "true", "false"], [Scalar::None, Scalar::Bool(true), Scalar::Bool(false)].map(json));
        assert_eq!(
            ["NaN", "Infinity", "-Infinity"],
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| json(Scalar::Float(value)))
        );
        assert_eq!(json(Scalar::Text("é\"".as_bytes())), r#""\u00e9\"""#);
    }

    proptest! {
        #[test]
        fn every_float_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let written = text(Scalar::Float(value));
            prop_assert_eq!(written.parse::<f64>().map(f64::to_bits), Ok(bits));
            prop_assert!(written.contains(['.', 'e']));
        }
    }
}
