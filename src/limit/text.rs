//! Limits as text: `5/s`, `100/minute`, `20/15 minutes`.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const UNITS: [(&str, &[&str], u64); 4] = [
    ("second", &["s", "sec", "second", "seconds"], 1),
    ("minute", &["m", "min", "minute", "minutes"], 60),
    ("hour", &["h", "hour", "hours"], 3600),
    ("day", &["d", "day", "days"], 86_400),
];

/// So many requests in so long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    /// Requests.
    pub count: u64,
    /// The time.
    pub window: Duration,
}

impl FromStr for Parsed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |part: &str| {
            Error::Config(format!(
                "cannot read the limit '{text:.100}': {part}; write it as '5/s', '100/minute', '1000/day' or '20/15 minutes'"
            ))
        };
        let Some((count, time)) = text.split_once('/') else {
            return Err(wrong("there is no '/' between requests and time"));
        };
        let number = |digits: &str| -> Option<u64> {
            if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
        };
        let count = count.trim();
        let count = number(count).ok_or_else(|| wrong(&format!("'{count:.100}' is no number of requests")))?;
        let time = time.trim();
        let digits = time.bytes().take_while(u8::is_ascii_digit).count();
        let (many, unit) = (&time[..digits], time[digits..].trim_start());
        let many = if many.is_empty() { Some(1) } else { number(many) };
        let many = many.filter(|many| *many > 0).ok_or_else(|| wrong(&format!("'{time:.100}' is no time")))?;
        let known = UNITS.iter().find(|(_, spellings, _)| spellings.contains(&unit));
        let (_, _, seconds) = known.ok_or_else(|| {
            wrong(&format!("'{unit:.100}' is no unit of time (second, minute, hour or day, or s, m, h, d)"))
        })?;
        let seconds = many.checked_mul(*seconds).ok_or_else(|| wrong(&format!("'{time:.100}' is too long a time")))?;
        Ok(Self { count, window: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Parsed {
    /// One text for all that mean the same, without spaces, because limits are named by it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        if self.window.subsec_nanos() > 0 || seconds == 0 {
            return write!(f, "{}/{}s", self.count, self.window.as_secs_f64());
        }
        let largest = UNITS.iter().rfind(|(_, _, unit)| seconds.is_multiple_of(*unit));
        let (name, _, unit) = largest.unwrap_or(&UNITS[0]);
        match seconds / unit {
            1 => write!(f, "{}/{name}", self.count),
            many => write!(f, "{}/{many}{name}s", self.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_in_each_spelling_and_shown_in_one() {
        for (text, count, seconds, shown) in [
            ("5/s", 5, 1, "5/second"),
            ("100/minute", 100, 60, "100/minute"),
            ("100/min", 100, 60, "100/minute"),
            (" 1000 / day ", 1000, 86_400, "1000/day"),
            ("20/15 minutes", 20, 900, "20/15minutes"),
            ("20/15m", 20, 900, "20/15minutes"),
            ("7/90s", 7, 90, "7/90seconds"),
            ("7/24h", 7, 86_400, "7/day"),
        ] {
            let parsed: Parsed = text.parse().expect(text);
            assert_eq!(parsed, Parsed { count, window: Duration::from_secs(seconds) }, "{text}");
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(shown.parse(), Ok(parsed));
        }
        let short = Parsed { count: 3, window: Duration::from_millis(250) };
        assert_eq!(short.to_string(), "3/0.25s");
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_the_part_is_named() {
        for (text, part) in [
            ("", "no '/'"),
            ("100", "no '/'"),
            ("100 per minute", "no '/'"),
            ("/minute", "'' is no number"),
            ("-1/s", "'-1' is no number"),
            ("+1/s", "'+1' is no number"),
            ("1.5/s", "'1.5' is no number"),
            ("99999999999999999999/s", "is no number"),
            ("5/", "'' is no unit"),
            ("5/fortnight", "'fortnight' is no unit"),
            ("5/M", "'M' is no unit"),
            ("5/0s", "'0s' is no time"),
            ("5/s/s", "'s/s' is no unit"),
            ("5/99999999999999999999d", "is no time"),
            ("5/9999999999999999999d", "too long"),
            ("5/é", "'é' is no unit"),
        ] {
            let message = text.parse::<Parsed>().expect_err(text).to_string();
            assert!(message.contains(part) && message.contains("'100/minute'"), "{text}: {message}");
        }
    }
}
