//! What a browser says of itself (`User-Agent`, RFC 9110 section 10.1.5), as far as it can be said in
//! two words. It helps a person to know a browser again; nothing is decided by it.

/// A program and what it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// What people call it.
    pub name: Option<&'static str>,
    /// The system or the kind of device.
    pub system: Option<&'static str>,
}

impl Program {
    /// Whether anything can be said of it.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.name.is_some()
    }

    /// What people call it.
    #[must_use]
    pub fn shown_name(self) -> &'static str {
        self.name.unwrap_or_default()
    }
}

/// The first one that is named counts: each of them says that it is one of those below, too.
const NAMES: [(&str, &str); 14] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

/// Reads it.
#[must_use]
pub fn read(user_agent: &str) -> Program {
    let first = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    Program { name: first(&NAMES), system: first(&SYSTEMS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_what_is_special_about_them() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (text, name, system) in [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/141.0.0.0 Safari/537.36"), "Chrome", "Windows"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/141.0 Safari/537.36 Edg/141.0"), "Edge", "Windows"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned(), "Firefox", "Linux"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile/15E148 Safari/604.1".to_owned(), "Safari", "iPhone"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15".to_owned(), "Safari", "macOS"),
            (format!("Mozilla/5.0 (Linux; Android 15; SM-S921B) {webkit} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36"), "Samsung Internet", "Android"),
        ] {
            let program = read(&text);
            assert_eq!((program.name, program.system), (Some(name), Some(system)), "{text}");
        }
        assert_eq!(read(""), Program { name: None, system: None });
        assert_eq!(read("<b>Netscape</b>").name, None);
    }
}
