//! Numbers as documentation: `expect` is held to the digits written, `paper` is shown beside ours.

use super::items::Item;
use crate::diag::number::grouped;
use crate::diag::{Diagnostic, Diags, Span, Spanned};
use crate::graph::Graph;
use crate::schema::{Word, names};
use crate::syntax::ast::{Literal, Number, Setting};

/// A number the text states about a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// `params`, `macs`, `ptflops`, `top1`, `top3` or `fps`.
    pub quantity: String,
    /// As in the text, e.g. `3.02M`.
    pub written: String,
    pub value: f64,
    /// Half a unit of its last digit; 0 for a whole number written out.
    pub tolerance: f64,
    pub span: Span,
}

/// The claims a model may make.
pub const CLAIMS: &[Word] = &[
    Word { name: "expect", doc: "numbers the model is held to, to the digits written" },
    Word { name: "paper", doc: "numbers a paper states, shown beside ours" },
];

const QUANTITIES: &[Word] = &[
    Word { name: "params", doc: "scalars in all parameters" },
    Word { name: "macs", doc: "multiply-accumulates per image" },
    Word { name: "ptflops", doc: "operations per image as the papers' tables count them" },
    Word { name: "top1", doc: "the part of test images whose class is the likeliest" },
    Word { name: "top3", doc: "the part of test images whose class is among the three likeliest" },
    Word { name: "fps", doc: "images per second, as whoever states it measured" },
];

/// What a claim may speak of: training is no business of `expect`.
pub fn quantities(claim: &str) -> &'static [Word] {
    match claim {
        "expect" => &QUANTITIES[..3],
        "paper" => QUANTITIES,
        _ => &[],
    }
}

/// What the body of a model expects, and what its paper says.
pub fn of(item: &Item, diags: &mut Diags) -> (Vec<Claim>, Vec<Claim>) {
    let mut expect = Vec::new();
    let mut paper = Vec::new();
    for setting in item.body.iter().flat_map(|b| &b.settings) {
        match (setting.path.keys[0].as_str(), setting.path.keys.len()) {
            ("expect", 1) => claims(setting, &mut expect, diags),
            ("paper", 1) => claims(setting, &mut paper, diags),
            ("expect" | "paper", _) => diags.push(
                Diagnostic::error("E0315", "claims stand in braces")
                    .at(setting.span, "here")
                    .help("write `expect { params 3_017_908 }`"),
            ),
            _ => {}
        }
    }
    (expect, paper)
}

fn claims(setting: &Setting, claims: &mut Vec<Claim>, diags: &mut Diags) {
    let known = names(quantities(&setting.path.keys[0]));
    for entry in setting.body.iter().flat_map(|b| &b.settings).filter(|s| !s.broken) {
        let key = &entry.path.keys[0];
        if !known.contains(&key.as_str()) || entry.path.keys.len() > 1 {
            diags.push(
                Diagnostic::error("E0316", format!("unknown quantity `{}`", key.value))
                    .at(key.span, "unknown")
                    .suggest(key.span, key, &known),
            );
            continue;
        }
        match claim(key, &entry.row) {
            Some(claim) => claims.push(claim),
            None => diags.push(
                Diagnostic::error(
                    "E0302",
                    format!("`{}` is a number, such as 3_017_908 or 3.02M", key.value),
                )
                .at(entry.row_span(), "does not fit"),
            ),
        }
    }
}

fn claim(key: &Spanned<String>, row: &[Spanned<Literal>]) -> Option<Claim> {
    let [Spanned { value: Literal::Number(Number { digits, value, unit }), span }] = row else {
        return None;
    };
    let scale = match unit.as_str() {
        "" => 1.0,
        "%" => 0.01,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    let decimals = digits.split('.').nth(1).map_or(0, str::len) as i32;
    let exact = unit.is_empty() && decimals == 0;
    let tolerance = if exact { 0.0 } else { 0.5 * scale * 10f64.powi(-decimals) };
    Some(Claim {
        quantity: key.value.clone(),
        written: format!("{digits}{unit}"),
        // 70 % is the number nearest to 0.7, which 70 times 0.01 is not.
        value: if unit == "%" { value / 100.0 } else { value * scale },
        tolerance,
        span: *span,
    })
}

/// Our own count of a quantity, if a graph has it.
pub fn counted(quantity: &str, graph: &Graph) -> Option<u64> {
    match quantity {
        "params" => Some(graph.param_count()),
        "macs" => Some(graph.cost().macs),
        "ptflops" => Some(graph.cost().ptflops),
        _ => None,
    }
}

impl Claim {
    /// As one would write it.
    fn said(&self) -> String {
        match self.written.parse() {
            Ok(exact) => grouped(exact),
            Err(_) => self.written.clone(),
        }
    }

    /// The claim holds, to the digits written.
    pub fn holds(&self, counted: u64) -> bool {
        // A rounded figure may have been rounded either way at its half.
        (counted as f64 - self.value).abs() <= self.tolerance * (1.0 + 1e-9)
    }
}

/// Reports every expectation that a graph does not meet.
pub fn hold(expect: &[Claim], graph: &Graph, diags: &mut Diags) {
    for claim in expect {
        if let Some(counted) = counted(&claim.quantity, graph)
            && !claim.holds(counted)
        {
            let counted = grouped(counted);
            let message = format!("{} are {counted}, not {}", claim.quantity, claim.said());
            diags.push(
                Diagnostic::error("E0509", message)
                    .at(claim.span, format!("{counted} counted"))
                    .help("an expectation is held to the digits written")
                    .fix(claim.span, counted),
            );
        }
    }
}
