//! How the pages look: the name, the colour, the logo and the texts of whoever runs the service.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

use super::ConfigError;
use super::values::{Reader, wrong};
use crate::oauth::display_name;

/// The longest logo, in bytes: it is part of the first page that anybody sees.
const LONGEST_LOGO: u64 = 64 * 1024;
/// The longest name, in letters: it stands beside the logo on a phone.
const LONGEST_NAME: usize = 60;
/// The longest sentence below the sign-in, in letters.
const LONGEST_TEXT: usize = 300;

/// The settings `MCP_OAUTH_BRAND_…`. Without them the pages look like this service.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    /// In place of the host, beside the logo.
    pub name: Option<String>,
    /// What buttons and links are made of.
    pub colour: Option<Colour>,
    /// In place of our mark.
    pub logo: Option<Logo>,
    /// One sentence below the sign-in.
    pub text: Option<String>,
    /// Who helps, on the pages that say what went wrong.
    pub support: Option<Support>,
}

/// An sRGB colour, written like `#1f5f8b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// A picture that was read at the start.
#[derive(Clone)]
pub struct Logo {
    /// What it is, by its content.
    pub kind: LogoKind,
    /// The file.
    pub content: Arc<[u8]>,
}

/// The pictures that there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// `image/png`
    Png,
    /// `image/svg+xml`
    Svg,
}

/// An address of mail (RFC 6068), or of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// For a link: `mailto:` or `https:`.
    pub href: String,
    /// For people.
    pub shown: String,
}

impl Reader<'_> {
    pub(super) fn brand(&self) -> Result<Brand, ConfigError> {
        Ok(Brand {
            name: self.line("brand_name", LONGEST_NAME)?,
            colour: self.optional("brand_colour")?,
            logo: self.0.text("brand_logo").map(logo).transpose()?,
            text: self.line("brand_text", LONGEST_TEXT)?,
            support: self.optional("brand_support")?,
        })
    }

    /// A text whose every letter can be seen, and which turns none around.
    fn line(&self, key: &str, longest: usize) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.0.text(key) else { return Ok(None) };
        if text.chars().count() > longest {
            return Err(wrong(key, format!("is longer than {longest} letters")));
        }
        if display_name(text).as_deref() != Some(text) {
            return Err(wrong(key, "has letters that cannot be shown, or spaces around it"));
        }
        Ok(Some(text.to_owned()))
    }
}

fn logo(path: &str) -> Result<Logo, ConfigError> {
    let refuse = |why: String| wrong("brand_logo", format!("({path}) {why}"));
    let unreadable = |error: std::io::Error| refuse(format!("cannot be read: {error}"));
    // Not a pipe, at which the start would wait for ever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(refuse("is not a file".to_owned()));
    }
    let mut content = vec![];
    let file = File::open(path).map_err(unreadable)?;
    file.take(LONGEST_LOGO + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > LONGEST_LOGO {
        return Err(refuse(format!("is longer than {LONGEST_LOGO} bytes")));
    }
    let kind = LogoKind::of(&content).ok_or_else(|| refuse("is neither SVG nor PNG".to_owned()))?;
    Ok(Logo { kind, content: content.into() })
}

impl LogoKind {
    /// By how it begins: a name says nothing.
    fn of(content: &[u8]) -> Option<Self> {
        // PNG (Third Edition) section 5.2.
        if content.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        let text = str::from_utf8(content).ok()?;
        let text = text.trim_start_matches('\u{feff}').trim_start();
        (text.starts_with('<')
            && text.contains("<svg")
            && text.contains("http://www.w3.org/2000/svg"))
        .then_some(Self::Svg)
    }
}

impl FromStr for Colour {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        digits.and_then(hexadecimal).map(Self).ok_or("is not a colour like #1f5f8b")
    }
}

fn hexadecimal(digits: &str) -> Option<[u8; 3]> {
    // `from_str_radix` allows a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let channel = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}

impl FromStr for Support {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const NEITHER: &str = "is neither a mail address nor an https URL";
        if text.len() > 254 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NEITHER);
        }
        if text.starts_with("https://") {
            let url = Url::parse(text).map_err(|_| NEITHER)?;
            let hidden = !url.username().is_empty() || url.password().is_some();
            let shown = url.as_str().trim_start_matches("https://").trim_end_matches('/');
            return if hidden { Err(NEITHER) } else { Ok(Self::new(url.as_str(), shown)) };
        }
        let address = text.strip_prefix("mailto:").unwrap_or(text);
        let (name, host) = address.split_once('@').ok_or(NEITHER)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
        let host_exists = host.contains('.') && url::Host::parse(host).is_ok();
        if name.is_empty() || !name.bytes().all(plain) || !host.bytes().all(plain) || !host_exists {
            return Err(NEITHER);
        }
        Ok(Self::new(&format!("mailto:{address}"), address))
    }
}

impl Support {
    fn new(href: &str, shown: &str) -> Self {
        Self { href: href.to_owned(), shown: shown.to_owned() }
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logo").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!("#1f5F8b".parse(), Ok(Colour([0x1f, 0x5f, 0x8b])));
        for text in ["", "#", "#fff", "1f5f8b", "#1f5f8", "#+f5f8b", "#1f5f8b80", "red", "#ä5f8b"]
        {
            assert!(text.parse::<Colour>().is_err(), "{text}");
        }
    }

    #[test]
    fn help_is_a_mail_address_or_a_page() {
        let parse = |text: &str| text.parse::<Support>();
        assert_eq!(
            parse("it@example.org"),
            Ok(Support::new("mailto:it@example.org", "it@example.org"))
        );
        assert_eq!(parse("mailto:it@example.org"), parse("it@example.org"));
        let page = Support::new("https://help.example.org/mcp", "help.example.org/mcp");
        assert_eq!(parse("https://help.example.org/mcp"), Ok(page));
        for text in [
            "javascript:alert(1)",
            "http://help.example.org",
            "https://user:word@example.org",
            "it@example.org?bcc=all@example.org",
            "it@localhost",
            "@example.org",
            "a b@example.org",
            "https://",
            "it",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_picture_is_known_by_its_content() {
        let svg = br#"<?xml version="1.0"?> <svg xmlns="http://www.w3.org/2000/svg"/>"#;
        assert_eq!(LogoKind::of(svg), Some(LogoKind::Svg));
        assert_eq!(LogoKind::of(b"\x89PNG\r\n\x1a\n..."), Some(LogoKind::Png));
        for content in [&b"GIF89a"[..], b"<html><script>", b"", b"\xff<svg", b"svg <svg"] {
            assert_eq!(LogoKind::of(content), None);
        }
    }

    fn settled(name: &str, text: &str) -> Result<Brand, String> {
        let environment = [(format!("MCP_OAUTH_{name}"), text.to_owned())];
        let sources = Sources::gather(&[], None, environment).map_err(|why| why.to_string())?;
        Reader(&sources).brand().map_err(|why| why.to_string())
    }

    #[test]
    fn a_logo_is_read_once_and_bounded() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let long = usize::try_from(LONGEST_LOGO).unwrap();
        let png = |length: usize| [&b"\x89PNG\r\n\x1a\n"[..], &vec![0; length - 8]].concat();
        fs::write(path, png(long)).unwrap();
        let logo = settled("BRAND_LOGO", path).unwrap().logo.unwrap();
        assert_eq!((logo.kind, logo.content.len()), (LogoKind::Png, long));
        fs::write(path, png(long + 1)).unwrap();
        let expected = format!("MCP_OAUTH_BRAND_LOGO ({path}) is longer than 65536 bytes");
        assert_eq!(settled("BRAND_LOGO", path).unwrap_err(), expected);
        fs::write(path, "<html>").unwrap();
        let expected = format!("MCP_OAUTH_BRAND_LOGO ({path}) is neither SVG nor PNG");
        assert_eq!(settled("BRAND_LOGO", path).unwrap_err(), expected);
        let none = settled("BRAND_LOGO", "/nowhere/logo.svg").unwrap_err();
        assert!(none.starts_with("MCP_OAUTH_BRAND_LOGO (/nowhere/logo.svg) cannot be read: "));
        assert!(settled("BRAND_LOGO", "/").unwrap_err().ends_with("is not a file"));
    }

    #[test]
    fn a_name_is_one_that_people_can_read() {
        assert_eq!(settled("BRAND_NAME", "Läse-Stube").unwrap().name.unwrap(), "Läse-Stube");
        for name in ["\u{202e}elgooG", "a\u{200b}b", " a", "a\nb", &"a".repeat(61)] {
            let why = settled("BRAND_NAME", name).unwrap_err();
            assert!(why.starts_with("MCP_OAUTH_BRAND_NAME "), "{why}");
        }
        let why = settled("BRAND_COLOUR", "blue").unwrap_err();
        assert_eq!(why, "MCP_OAUTH_BRAND_COLOUR (blue) is not a colour like #1f5f8b");
    }
}
