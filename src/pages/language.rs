//! What the pages say, in the language that the browser asks for (RFC 9110 section 12.5.4).
//!
//! The English words stand where they are used, and are the key to the others: a language is one
//! file below `languages`, in which each of them stands once. A test finds whatever is missing.

use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};
use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header as _, LanguageTag, Preference};
use askama::filters::HtmlSafe;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The one in which they are written.
    English,
    /// From `languages/de.toml`.
    German,
}

static GERMAN: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| toml::from_str(include_str!("languages/de.toml")).unwrap_or_default());

impl Language {
    /// The one that the browser likes best, of those that there are.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let Ok(wanted) = AcceptLanguage::parse(request) else { return Self::English };
        let known = |preference: Preference<LanguageTag>| match preference {
            Preference::Any => Some(Self::English),
            Preference::Specific(tag) => Self::find(&tag.to_string()),
        };
        wanted.ranked().into_iter().find_map(known).unwrap_or(Self::English)
    }

    /// For `lang`: RFC 5646.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The words in this language; as they are, if nobody has translated them.
    #[must_use]
    pub fn translate(self, words: &str) -> &str {
        match self {
            Self::English => words,
            Self::German => GERMAN.get(words).map_or(words, String::as_str),
        }
    }

    fn find(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag).to_ascii_lowercase();
        [Self::English, Self::German].into_iter().find(|language| language.tag() == primary)
    }
}

/// A sentence with values in it: HTML that is ready to be shown.
#[derive(Debug, Clone)]
pub struct Html(String);

impl Html {
    /// Puts the values, in their order, where `{}` stands. Each is escaped and isolated (`<bdi>`),
    /// so that nothing that somebody calls himself changes what stands around it.
    #[must_use]
    pub fn sentence(words: &str, values: &[impl Display]) -> Self {
        Self::filled(words, values, ("<bdi>", "</bdi>"))
    }

    /// The same, with values that are code.
    #[must_use]
    pub fn sentence_with_code(words: &str, values: &[impl Display]) -> Self {
        Self::filled(words, values, ("<bdi><code>", "</code></bdi>"))
    }

    fn filled(words: &str, values: &[impl Display], (open, close): (&str, &str)) -> Self {
        let mut html = String::new();
        let mut parts = words.split("{}");
        push_escaped(&mut html, parts.next().unwrap_or_default());
        for (part, value) in parts.zip(values) {
            html.push_str(open);
            push_escaped(&mut html, &value.to_string());
            html.push_str(close);
            push_escaped(&mut html, part);
        }
        Self(html)
    }

    /// Puts what is ready to be shown where `{}` stands.
    #[must_use]
    pub fn around(words: &str, inner: &Self) -> Self {
        let mut html = String::new();
        let (before, after) = words.split_once("{}").unwrap_or((words, ""));
        push_escaped(&mut html, before);
        html.push_str(&inner.0);
        push_escaped(&mut html, after);
        Self(html)
    }

    /// What we have written ourselves, or has been made safe.
    #[must_use]
    pub(super) fn trusted(html: String) -> Self {
        Self(html)
    }
}

/// As templates escape.
pub(super) fn push_escaped(html: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = match askama::filters::escape(text, askama::filters::Html) {
        Ok(escaped) => write!(html, "{escaped}"),
        Err(never) => match never {},
    };
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT_LANGUAGE;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_browser_chooses() {
        for (header, expected) in [
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("fr, en;q=0.5, de;q=0.7", Language::German),
            ("en-GB, de", Language::English),
            ("fr", Language::English),
            ("*", Language::English),
            ("de;q=0, en", Language::English),
            (";;q", Language::English),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_LANGUAGE, header));
            let chosen = Language::of(&request.to_http_request());
            assert_eq!(chosen, expected, "{header}");
        }
    }

    #[test]
    fn values_are_escaped_and_isolated() {
        let html = Html::sentence("Let {} in? <no>", &["<b>\u{202e}"]);
        assert_eq!(html.to_string(), "Let <bdi>&#60;b&#62;\u{202e}</bdi> in? &#60;no&#62;");
    }
}
