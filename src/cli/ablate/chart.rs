//! The table as a chart: one line a row, what was measured over what the model reaches.
//!
//! Nothing is told by color alone: ours are dots, the paper's are diamonds, and every value stands
//! in words beside its line. The two colors are apart for every kind of color vision (Okabe and Ito).

use super::quantity;
use super::sheet::{Row, Sheet};
use crate::diag::svg::escaped;
use crate::model::Quantity;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const NAMES: f64 = 250.0;
const VALUES: f64 = 170.0;
const LINE: f64 = 30.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 58.0;
const OURS: &str = "#0072B2";
const PAPER: &str = "#D55E00";

/// An SVG of one measured quantity; none if nothing was measured of it. Dots link to the folders of
/// their runs, from where the picture stands.
pub fn draw(sheet: &Sheet, shown: Quantity) -> Option<String> {
    let paper = |row: &Row| {
        let claim = row.paper.iter().find(|claim| claim.quantity == shown.name());
        claim.map(|claim| claim.value)
    };
    let index = sheet.columns.iter().position(|column| *column == shown)?;
    let values = sheet.rows.iter().flat_map(|row| {
        let own = row.trials.iter().filter_map(|trial| trial.measured(shown));
        let cell = &row.cells[index];
        let reach = cell.value.zip(cell.deviation).map(|(mean, d)| [mean - d, mean + d]);
        let reach = reach.into_iter().flatten();
        own.chain(cell.value).chain(reach).chain(paper(row)).collect::<Vec<_>>()
    });
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sheet.rows.iter().find(|row| row.cells[index].value.is_some())?;
    let (low, high) = range(&values);
    let height = TOP + LINE * sheet.rows.len() as f64 + BOTTOM;
    let x = |value: f64| NAMES + (value - low) / (high - low) * (WIDTH - NAMES - VALUES);
    let title = sheet.label.as_deref().unwrap_or(&sheet.name);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"title desc\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title id=\"title\">{} of {}, {}</title>\n<desc id=\"desc\">{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{NAMES}\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{}: {}</text>\n",
        escaped(title),
        escaped(&sheet.of),
        quantity::title(shown),
        escaped(&words(sheet, index, shown)),
        escaped(title),
        quantity::title(shown),
    );
    legend(&mut svg, sheet.rows.iter().any(|row| paper(row).is_some()));
    let foot = TOP + LINE * sheet.rows.len() as f64;
    for tick in ticks(low, high) {
        let at = x(tick);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{foot}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            foot + 18.0,
            label(shown, tick, high - low)
        );
    }
    if let Some(base) = sheet.rows[0].cells[index].value {
        let at = x(base);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{foot}\" stroke=\"#555\" \
             stroke-dasharray=\"5 4\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#333\">{}</text>",
            foot + 38.0,
            escaped(&sheet.of)
        );
    }
    for (number, row) in sheet.rows.iter().enumerate() {
        let y = TOP + LINE * (number as f64 + 0.5);
        line(&mut svg, row, (index, shown), paper(row), y, &x);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// A row: its name, the paper's diamond, a whisker, dots, and the value in words.
fn line(
    svg: &mut String,
    row: &Row,
    (index, shown): (usize, Quantity),
    paper: Option<f64>,
    y: f64,
    x: &dyn Fn(f64) -> f64,
) {
    let marks = row.marks();
    let note =
        if marks.is_empty() { String::new() } else { format!(" (other {})", marks.join(", ")) };
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\"{}>{}</text>",
        NAMES - 14.0,
        y + 4.5,
        if row.differs.is_none() { " font-weight=\"bold\"" } else { "" },
        escaped(&format!("{}{note}", row.title()))
    );
    if let Some(paper) = paper {
        let at = x(paper);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {:.1}l6 6l-6 6l-6 -6z\" fill=\"none\" stroke=\"{PAPER}\" \
             stroke-width=\"2\"><title>the paper: {}</title></path>",
            y - 6.0,
            quantity::written(shown, paper)
        );
    }
    let cell = row.cells[index];
    if let (Some(mean), Some(deviation)) = (cell.value, cell.deviation) {
        let (from, to) = (x(mean - deviation), x(mean + deviation));
        let _ = writeln!(
            svg,
            "<path d=\"M{from:.1} {y:.1}H{to:.1}M{from:.1} {0:.1}v10M{to:.1} {0:.1}v10M{1:.1} {2:.1}v16\" \
             stroke=\"{OURS}\" stroke-width=\"2\" fill=\"none\"/>",
            y - 5.0,
            x(mean),
            y - 8.0
        );
    }
    for trial in &row.trials {
        let (Some(value), Some(folder)) = (trial.measured(shown), trial.folder()) else { continue };
        let _ = writeln!(
            svg,
            "<a href=\"{}\"><circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{OURS}\" \
             fill-opacity=\"0.75\"><title>seed {}: {}</title></circle></a>",
            escaped(folder),
            x(value),
            trial.seed,
            quantity::written(shown, value)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{:.1}\">{}</text>",
        WIDTH - VALUES + 14.0,
        y + 4.5,
        escaped(&cell.written(shown))
    );
}

fn legend(svg: &mut String, paper: bool) {
    let y = 44.0;
    let _ = writeln!(
        svg,
        "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{OURS}\"/><text x=\"{}\" y=\"{y}\">a run</text>",
        NAMES + 4.0,
        y - 4.5,
        NAMES + 14.0
    );
    if paper {
        let _ = writeln!(
            svg,
            "<path d=\"M{} {}l6 6l-6 6l-6 -6z\" fill=\"none\" stroke=\"{PAPER}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{y}\">the paper</text>",
            NAMES + 80.0,
            y - 10.5,
            NAMES + 92.0
        );
    }
}

/// The chart in words.
fn words(sheet: &Sheet, index: usize, shown: Quantity) -> String {
    let rows = sheet.rows.iter().map(|row| {
        let value = row.cells[index].written(shown);
        format!("{} {value}", row.title())
    });
    rows.collect::<Vec<_>>().join("; ")
}

/// A little more than the values span, so that nothing lies on an edge.
fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = match high - low {
        span if span > 0.0 => 0.08 * span,
        _ => (0.05 * high.abs()).max(1e-3),
    };
    (low - room, high + room)
}

/// About five round numbers in between.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 5.0;
    let power = 10f64.powf(raw.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| *step >= raw).unwrap_or(raw);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// With as many digits as tell ticks apart.
fn label(shown: Quantity, tick: f64, span: f64) -> String {
    match shown {
        Quantity::Top1 | Quantity::Top3 if span > 0.05 => format!("{:.0}", 100.0 * tick),
        Quantity::Top1 | Quantity::Top3 => format!("{:.2}", 100.0 * tick),
        _ => quantity::written(shown, tick),
    }
}
