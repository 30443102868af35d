//! The growth curve as a picture.

use super::{Measured, cost};
use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
/// Costs up to twice that of the fewest are shown.
const HIGHEST: f64 = 2.0;
/// Told apart by people who see no red or green as well (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000"];

/// An SVG: the cost of each operation as a ratio to that with the fewest sessions, over how many are stored.
pub(super) fn growth(all: &[Measured]) -> String {
    let steps = all.len().saturating_sub(1).max(1) as f64;
    let x = |step: usize| LEFT + (WIDTH - LEFT - RIGHT) * step as f64 / steps;
    let y = |ratio: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (ratio / HIGHEST).min(1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (ratio, colour, dash) in [
        (0.0, "#999", ""),
        (0.5, "#ddd", ""),
        (1.0, "#ddd", ""),
        (1.2, "#c00", "4 3"),
        (1.5, "#ddd", ""),
        (2.0, "#ddd", ""),
    ] {
        let (y, end) = (y(ratio), WIDTH - RIGHT);
        writeln!(svg, "<path d=\"M{LEFT} {y}H{end}\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\"/>").unwrap();
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{ratio:.1}</text>", LEFT - 8.0, y + 4.0).unwrap();
    }
    for (step, measured) in all.iter().enumerate() {
        let (x, y) = (x(step), HEIGHT - BOTTOM + 20.0);
        writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", grouped(measured.stored)).unwrap();
    }
    let operations = all.first().map_or(0, |measured| measured.rows.len());
    for n in 0..operations {
        let colour = COLOURS[n % COLOURS.len()];
        let ratio = |measured: &Measured| cost(&measured.rows[n]) / cost(&all[0].rows[n]);
        let points: Vec<String> =
            all.iter().enumerate().map(|(step, it)| format!("{:.1},{:.1}", x(step), y(ratio(it)))).collect();
        let points = points.join(" ");
        writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>").unwrap();
        let (x, y) = (WIDTH - RIGHT + 16.0, TOP + 10.0 + 20.0 * n as f64);
        let name = all[0].rows[n].operation;
        writeln!(svg, "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"3\" fill=\"{colour}\"/>", y - 5.0).unwrap();
        writeln!(svg, "<text x=\"{}\" y=\"{y}\">{name}</text>", x + 18.0).unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\">CPU time of an operation, to that with the fewest sessions stored</text>"
    )
    .unwrap();
    let (x, y) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0);
    writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">sessions stored</text>\n</svg>").unwrap();
    svg
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}
