//! A QR code (ISO/IEC 18004) as the parts of an SVG picture, which a template puts into the page: no
//! address leads to it, and no script draws it.

use std::fmt::Write as _;

use qrcode::{Color, QrCode};

/// Light modules around the code, by which readers find it.
const MARGIN: usize = 4;

/// The picture.
#[derive(Debug, Clone)]
pub struct Qr {
    /// Modules along each side, with the margin.
    pub size: usize,
    /// The dark modules: `d` of a path.
    pub path: String,
}

impl Qr {
    /// None for a text that is too long, which none of ours is.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (index, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                let (x, y) = (index % width + MARGIN, index / width + MARGIN);
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        Some(Self { size: width + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corner_of_the_finder_pattern_is_dark_and_the_margin_is_not() {
        let qr = Qr::of("otpauth://totp/x:y?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(qr.path.starts_with("M4 4h1v1h-1z"));
        assert!(!qr.path.contains("M3 ") && !qr.path.contains("M0 "));
        assert!(Qr::of(&"x".repeat(5000)).is_none());
    }
}
