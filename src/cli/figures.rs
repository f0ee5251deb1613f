//! Numbers as people read them.

/// With a comma between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// In the unit that leaves one to three digits before the point.
#[expect(clippy::cast_precision_loss, reason = "for showing only")]
pub(super) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if value < 1_000.0 {
            return if unit == "B" {
                format!("{number} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1_000.0;
    }
    format!("{value:.1} PB")
}

/// One number to another, with two digits.
#[expect(clippy::cast_precision_loss, reason = "for showing only")]
pub(super) fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to.max(1) as f64
}

/// A time as the log writes it, cut to milliseconds.
pub(super) fn short_time(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{}Z", fraction.get(..3).unwrap_or("000")),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            ["1", "12", "123", "1,234", "1,234,567"],
            [1, 12, 123, 1_234, 1_234_567].map(count)
        );
        assert_eq!(["999 B", "1.0 KB", "2.5 MB"], [999, 1_000, 2_500_000].map(bytes));
        assert_eq!(short_time("2026-11-24T15:40:10.123456789Z"), "2026-11-24T15:40:10.123Z");
    }
}
