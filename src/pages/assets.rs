//! The style sheet, the mark and the script: part of the binary, named by their content, so that browsers may
//! keep them for ever (RFC 8246).

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use sha2::{Digest as _, Sha256};

/// The one style sheet of all pages.
pub static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("style.css"))
});

/// The mark beside the host, and in the browser's tab.
pub static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("mark", "svg", "image/svg+xml", include_bytes!("mark.svg")));

/// What passkeys need (Web Authentication).
pub static PASSKEY_SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("passkey", "js", "text/javascript; charset=utf-8", include_bytes!("passkey.js"))
});

/// One of the files, for ever; 404 for a name that an older version had.
pub async fn get(path: web::Path<String>) -> HttpResponse {
    let wanted = format!("/assets/{path}");
    let assets = [&*STYLESHEET, &*MARK, &*PASSKEY_SCRIPT];
    let Some(asset) = assets.into_iter().find(|asset| asset.path() == wanted) else {
        return HttpResponse::NotFound().finish();
    };
    HttpResponse::Ok()
        .content_type(asset.media_type())
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content())
}

/// A file that we serve as it is.
#[derive(Debug)]
pub struct Asset {
    path: String,
    media_type: &'static str,
    content: &'static [u8],
}

impl Asset {
    /// `/assets/<name>-<hash>.<extension>`, below the issuer's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `Content-Type`.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The file.
    #[must_use]
    pub fn content(&self) -> &'static [u8] {
        self.content
    }

    fn new(name: &str, extension: &str, media_type: &'static str, content: &'static [u8]) -> Self {
        let mut hash = String::new();
        for byte in &Sha256::digest(content)[..6] {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Self { path: format!("/assets/{name}-{hash}.{extension}"), media_type, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_has_a_new_name() {
        let path = |content| Asset::new("style", "css", "text/css", content).path;
        assert_eq!(path(b"a"), path(b"a"));
        assert_ne!(path(b"a"), path(b"b"));
        assert!(STYLESHEET.path().starts_with("/assets/style-"), "{}", STYLESHEET.path());
    }

    /// WCAG 2.2, success criteria 1.4.3 (text, 4.5:1) and 1.4.11 (controls, 3:1).
    #[test]
    fn the_colours_can_be_told_apart_in_both_schemes() {
        let css = include_str!("style.css");
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (scheme, css) in [("light", light), ("dark", dark)] {
            for (front, back, at_least) in [
                ("text", "page", 4.5),
                ("text", "card", 4.5),
                ("text", "sunken", 4.5),
                ("soft", "page", 4.5),
                ("soft", "card", 4.5),
                ("soft", "sunken", 4.5),
                ("accent", "card", 4.5),
                ("accent-strong", "card", 4.5),
                ("on-accent", "accent", 4.5),
                ("on-accent", "accent-strong", 4.5),
                ("bad", "card", 4.5),
                ("bad", "bad-back", 4.5),
                ("warn", "warn-back", 4.5),
                ("good", "card", 4.5),
                ("edge", "card", 3.0),
            ] {
                let (one, other) = (luminance(css, front), luminance(css, back));
                let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                assert!(contrast >= at_least, "{scheme}: {front} on {back} is {contrast:.2}");
            }
        }
    }

    fn luminance(css: &str, name: &str) -> f64 {
        let (_, value) = css.split_once(&format!("--{name}: #")).unwrap();
        let channel = |at: usize| {
            let share = f64::from(u8::from_str_radix(&value[at..at + 2], 16).unwrap()) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }
}
