//! What the pages show of whoever runs the service: a picture, a colour, words.

use super::assets::Asset;
use super::colours;
use crate::config;
use crate::config::{LogoKind, Support};

/// Made once at the start, of [`config::Brand`].
#[derive(Debug, Default)]
pub struct Brand {
    /// In place of the host.
    pub name: Option<String>,
    /// Below the sign-in.
    pub text: Option<String>,
    /// Who helps.
    pub support: Option<Support>,
    /// In place of our mark.
    pub logo: Option<Asset>,
    /// A style sheet with the colours that are not ours.
    pub colours: Option<Asset>,
}

/// Of a picture. An SVG can ask for scripts and for parts from elsewhere, which `<img>` never gives
/// it, and this does not either to whoever opens it by itself.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

impl Brand {
    /// The picture and the style sheet become assets.
    #[must_use]
    pub fn new(wanted: &config::Brand) -> Self {
        let logo = wanted.logo.as_ref().map(|logo| {
            let (extension, media_type) = match logo.kind {
                LogoKind::Png => ("png", "image/png"),
                LogoKind::Svg => ("svg", "image/svg+xml"),
            };
            Asset::new(("logo", extension), media_type, logo.content.to_vec())
                .with_policy(PICTURE_POLICY)
        });
        let colours = wanted.colour.map(|colour| {
            let css = colours::style_sheet(colour);
            Asset::new(("colours", "css"), "text/css; charset=utf-8", css.into_bytes())
        });
        Self {
            name: wanted.name.clone(),
            text: wanted.text.clone(),
            support: wanted.support.clone(),
            logo,
            colours,
        }
    }

    /// What is served besides our own.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.logo.iter().chain(&self.colours)
    }
}
