//! From one colour of the merchant's to a palette that everybody can read.

use std::fmt;

/// The darkest surface on which accent text stands in the light theme (`--page` in portal.css).
const LIGHT_SURFACE: Color = Color(0xf3, 0xf5, 0xf8);
/// The lightest surface on which accent text stands in the dark theme (`--raised` in portal.css).
const DARK_SURFACE: Color = Color(0x22, 0x27, 0x31);
const WHITE: Color = Color(255, 255, 255);
const BLACK: Color = Color(0, 0, 0);
/// WCAG 2.2 level AA for text of normal size.
const READABLE: f64 = 4.5;

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix('#')?;
        // `from_str_radix` would take a sign as well.
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let [_, r, g, b] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
        Some(Self(r, g, b))
    }

    /// The WCAG contrast ratio to another colour, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// This colour with `percent` of another one in it.
    fn mix(self, other: Self, percent: u32) -> Self {
        let mix = |a: u8, b: u8| {
            let sum = u32::from(a) * (100 - percent) + u32::from(b) * percent;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The nearest colour on the way to `end` that is readable on `surface`.
    fn readable_on(self, surface: Self, end: Self) -> Self {
        (0..=100).map(|percent| self.mix(end, percent)).find(|color| color.contrast(surface) >= READABLE).unwrap_or(end)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The colours that a portal's pages take from its brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Background of the main button: the brand's colour as it was given.
    pub button: Color,
    /// The same under the pointer.
    pub button_hover: Color,
    /// Text on the main button.
    pub on_button: Color,
    /// Links and marks in the light theme.
    pub accent_light: Color,
    /// Links and marks in the dark theme.
    pub accent_dark: Color,
}

impl Palette {
    /// Derives the palette; every pair of text and background in it has a contrast of 4.5 or more.
    pub fn new(primary: Color) -> Self {
        // One of the two always suffices: their contrasts to one colour have the product 21.
        let on_button = if primary.contrast(WHITE) >= READABLE { WHITE } else { BLACK };
        // Away from the text's colour, so that the contrast only grows.
        let away = if on_button == WHITE { BLACK } else { WHITE };
        Self {
            button: primary,
            button_hover: primary.mix(away, 14),
            on_button,
            accent_light: primary.readable_on(LIGHT_SURFACE, BLACK),
            accent_dark: primary.readable_on(DARK_SURFACE, WHITE),
        }
    }
}

/// How a portal presents itself.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The portal's display name.
    pub name: String,
    /// The portal's own logo, an https address.
    pub logo_url: Option<String>,
    /// The portal's primary colour.
    pub color: Color,
}

impl Brand {
    /// The letter that stands in for a logo.
    pub fn initial(&self) -> String {
        self.name.trim().chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default()
    }

    /// The address of this brand's style sheet: a new one for every colour, so it may be cached for ever.
    pub fn stylesheet(&self, portal_id: &str) -> String {
        format!("/p/{portal_id}/brand.css?v={:08x}", crc32fast::hash(brand_css(self).as_bytes()))
    }
}

/// The style sheet at [`Brand::stylesheet`]: the brand's colours over the defaults of portal.css.
pub fn brand_css(brand: &Brand) -> String {
    let palette = Palette::new(brand.color);
    format!(
        ":root{{--button:{};--button-hover:{};--on-button:{};--accent:{}}}\n\
         @media(prefers-color-scheme:dark){{:root{{--accent:{}}}}}\n",
        palette.button, palette.button_hover, palette.on_button, palette.accent_light, palette.accent_dark,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brand(color: Color) -> Brand {
        Brand { name: "élan".into(), logo_url: None, color }
    }

    #[test]
    fn parses_six_hex_digits_only() {
        assert_eq!(Color::parse("#2563eb"), Some(Color(0x25, 0x63, 0xeb)));
        assert_eq!(Color::parse("#FFFFFF"), Some(WHITE));
        for bad in ["", "#", "2563eb", "#fff", "#2563e", "#2563eb0", "#+563eb", "#25€b", "red"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        assert!((Color(0x77, 0x77, 0x77).contrast(WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn any_color_gives_a_readable_palette() {
        // 33 steps a channel, both ends among them: 35,937 colours.
        let steps = || (0..=255_u8).step_by(8).chain([255]);
        for r in steps() {
            for g in steps() {
                for b in steps() {
                    let p = Palette::new(Color(r, g, b));
                    for (what, text, surface) in [
                        ("button", p.on_button, p.button),
                        ("hover", p.on_button, p.button_hover),
                        ("light page", p.accent_light, LIGHT_SURFACE),
                        ("light card", p.accent_light, WHITE),
                        ("dark card", p.accent_dark, DARK_SURFACE),
                        ("dark page", p.accent_dark, Color(0x0f, 0x12, 0x17)),
                    ] {
                        let contrast = text.contrast(surface);
                        assert!(contrast >= READABLE, "#{r:02x}{g:02x}{b:02x} {what}: {contrast}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_color_that_is_readable_already_stays() {
        let blue = Color(0x25, 0x63, 0xeb);
        assert_eq!(Palette::new(blue).accent_light, blue);
        assert_eq!(Palette::new(blue).on_button, WHITE);
    }

    #[test]
    fn surfaces_are_those_of_the_style_sheet() {
        let css = include_str!("../../../../assets/portal.css");
        assert!(css.contains(&format!("--page: {LIGHT_SURFACE}")));
        assert!(css.contains(&format!("--raised: {DARK_SURFACE}")));
    }

    #[test]
    fn stylesheet_address_follows_the_color() {
        let (a, b) = (brand(WHITE), brand(BLACK));
        assert_ne!(a.stylesheet("ptl_1"), b.stylesheet("ptl_1"));
        assert!(a.stylesheet("ptl_1").starts_with("/p/ptl_1/brand.css?v="));
        assert!(brand_css(&b).contains("--button:#000000"));
    }

    #[test]
    fn initial_is_the_first_letter() {
        assert_eq!(brand(WHITE).initial(), "É");
    }
}
