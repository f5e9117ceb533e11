//! The style sheet, the mark and the scripts: part of the binary, named by their content, so that browsers may
//! keep them for ever (RFC 8246).

use std::fmt::Write as _;
use std::iter;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::{self, Bytes};
use sha2::{Digest as _, Sha256};

use super::brand::Brand;

/// The one style sheet of all pages.
pub static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    let css = slim(include_str!("style.css"));
    Asset::new(("style", "css"), "text/css; charset=utf-8", css)
});

/// The mark beside the host, and in the browser's tab.
pub static MARK: LazyLock<Asset> = LazyLock::new(|| {
    let svg = Bytes::from_static(include_bytes!("mark.svg"));
    Asset::new(("mark", "svg"), "image/svg+xml", svg)
});

/// What passkeys need (Web Authentication).
pub static PASSKEY_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::script("passkey", include_bytes!("passkey.js")));

/// What looks again by itself whether an app still waits for the owner.
pub static WAITING_SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::script("waiting", include_bytes!("waiting.js")));

/// One of the files, for ever; 404 for a name that an older version had.
pub async fn get(brand: web::Data<Brand>, path: web::Path<String>) -> HttpResponse {
    let wanted = format!("/assets/{path}");
    let ours = [&*STYLESHEET, &*MARK, &*PASSKEY_SCRIPT, &*WAITING_SCRIPT];
    let mut assets = ours.into_iter().chain(brand.assets());
    let Some(asset) = assets.find(|asset| asset.path() == wanted) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    response.content_type(asset.media_type);
    response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    if let Some(policy) = asset.policy {
        response.insert_header((CONTENT_SECURITY_POLICY, policy));
    }
    response.body(asset.content.clone())
}

/// Without what is there for those who write it: comments and indentation.
fn slim(css: &str) -> String {
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once("*/").map_or("", |(_, rule)| rule));
    let rules: String = iter::once(first).chain(rest).collect();
    let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A file that we serve.
#[derive(Debug)]
pub struct Asset {
    path: String,
    media_type: &'static str,
    content: Bytes,
    policy: Option<&'static str>,
}

impl Asset {
    /// `/assets/<name>-<hash>.<extension>`, below the issuer's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// With a `Content-Security-Policy` of its own.
    #[must_use]
    pub(super) fn with_policy(self, policy: &'static str) -> Self {
        Self { policy: Some(policy), ..self }
    }

    fn script(name: &str, content: &'static [u8]) -> Self {
        let content = Bytes::from_static(content);
        Self::new((name, "js"), "text/javascript; charset=utf-8", content)
    }

    pub(super) fn new(
        (name, extension): (&str, &str),
        media_type: &'static str,
        content: impl Into<Bytes>,
    ) -> Self {
        let content = content.into();
        let mut hash = String::new();
        for byte in &Sha256::digest(&content)[..6] {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        let path = format!("/assets/{name}-{hash}.{extension}");
        Self { path, media_type, content, policy: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Colour;
    use crate::pages::colours::contrast;

    #[test]
    fn a_changed_file_has_a_new_name() {
        let path = |text: &'static str| Asset::new(("style", "css"), "text/css", text).path;
        assert_eq!(path("a"), path("a"));
        assert_ne!(path("a"), path("b"));
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
                ("good", "good-back", 4.5),
                ("bad", "page", 4.5),
                ("on-bad", "bad", 4.5),
                ("warn", "card", 4.5),
                ("accent", "page", 4.5),
                ("accent", "sunken", 4.5),
                ("edge", "page", 3.0),
                ("edge", "card", 3.0),
            ] {
                let contrast = contrast(colour(css, front), colour(css, back));
                assert!(contrast >= at_least, "{scheme}: {front} on {back} is {contrast:.2}");
            }
        }
    }

    fn colour(css: &str, name: &str) -> Colour {
        let (_, value) = css.split_once(&format!("--{name}: ")).unwrap();
        value.split(';').next().unwrap().parse().unwrap()
    }

    #[test]
    fn the_style_sheet_stays_small() {
        assert!(STYLESHEET.content.len() < 16 * 1024, "{}", STYLESHEET.content.len());
        let slim = slim("/* a\n{ */ b {\n  c: d; /* e */\n}\n\nf::before { content: \": \"; }\n");
        assert_eq!(slim, "b {\nc: d;\n}\nf::before { content: \": \"; }\n");
    }
}
