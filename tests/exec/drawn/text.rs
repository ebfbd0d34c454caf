//! The text of a small model, drawn. What words and kinds there are, the declarations of the blocks say;
//! numbers are drawn here, so that maps, kernels and windows fit one another more often than not.

use crate::exec::draw::Draw;
use cluec::blocks::{Embed, FeedForward, Head, Mixer, Norm, Pool};
use cluec::graph::{Size, times};
use cluec::schema::{Field, Kind, Slot, Ty};

pub struct Drawn {
    pub text: String,
    /// Every word and kind that was said, with the setting it was said of.
    pub said: Vec<String>,
}

/// A setting, as it is written.
type Setting = (&'static str, String);

/// What a setting takes that is on or off.
const SWITCH: &str = "on or off";

/// Of one to three stages, each with parts of its own. It is drawn from its end: the last map first, then
/// before every part a map that it makes the next one of, its last rows and columns perhaps left over.
pub fn model(draw: &mut Draw) -> Drawn {
    let mut said = Vec::new();
    let stages = draw.within(1..=3);
    let mut map = draw.size(1..=if stages == 3 { 3 } else { 6 });
    let mut lines = Vec::new();
    for stage in (1..=stages).rev() {
        let width = width(draw);
        lines.push(format!("blocks@{stage} {}; width@{stage} {width}", draw.within(1..=2)));
        lines.push(format!("norm@{stage} {}", some(draw, Norm::SLOT, &mut said)));
        lines.push(format!("layer_scale@{stage} {}", draw.one(&["off", "0.3"])));
        let mixer = match draw.below(5) {
            4 => "off".to_string(),
            _ => mixer(draw, map, &mut said),
        };
        let ffn = match draw.below(5) {
            4 => "off".to_string(),
            _ => perceptron(draw, &mut said),
        };
        lines.push(format!("mixer@{stage} {mixer}"));
        lines.push(format!("ffn@{stage} {ffn}"));
        if stage > 1 {
            let (pool, before) = pool(draw, map, &mut said);
            lines.push(format!("pool@{stage} {pool}"));
            map = before;
        }
    }
    let (embed, input) = embed(draw, map, &mut said);
    let head = some(draw, Head::SLOT, &mut said);
    let drop = draw.one(&["0", "0.4"]);
    let first = format!(
        "input {}; classes {}; embed {embed}; stages {stages}; head {head}; drop_path {drop}",
        times(input),
        draw.within(2..=7),
    );
    lines.push(first);
    lines.reverse();
    let text = format!("model drawn {{\n    {}\n}}\n", lines.join("\n    "));
    Drawn { text, said }
}

/// All that can be said of the parts: kinds, words, and what can be off.
pub fn sayable() -> Vec<String> {
    let slots = [Embed::SLOT, Norm::SLOT, Mixer::SLOT, FeedForward::SLOT, Pool::SLOT, Head::SLOT];
    let mut all = Vec::new();
    for slot in slots {
        for kind in slot.kinds {
            all.push(format!("{} {}", slot.name, kind.name));
            kind.fields.iter().for_each(|field| all.extend(sayable_of(kind, field)));
        }
    }
    all
}

fn sayable_of(kind: &Kind, field: &Field) -> Vec<String> {
    let mut words: Vec<&str> = match field.ty.inner() {
        Ty::Words(words) => words.iter().map(|word| word.name).collect(),
        Ty::Slot(slot) => slot.kinds.iter().map(|kind| kind.name).collect(),
        Ty::Plain { expected: SWITCH, .. } => vec!["off", "on"],
        _ => Vec::new(),
    };
    words.extend(field.ty.takes_off().then_some("off"));
    words.iter().map(|word| format!("{}.{} {word}", kind.name, field.name)).collect()
}

/// A kind of a slot, with what its settings say where `numbers` do not say it.
fn body(draw: &mut Draw, kind: &'static Kind, numbers: Vec<Setting>) -> Vec<Setting> {
    let of = |field: &'static Field| {
        let given = numbers.iter().find(|(name, _)| *name == field.name);
        let value =
            given.map(|(_, value)| value.clone()).unwrap_or_else(|| value(draw, kind, field));
        (field.name, value)
    };
    kind.fields.iter().map(of).collect()
}

fn value(draw: &mut Draw, kind: &Kind, field: &'static Field) -> String {
    if field.ty.takes_off() && draw.below(3) == 0 {
        return "off".to_string();
    }
    match field.ty.inner() {
        Ty::Words(words) => words[draw.below(words.len())].name.to_string(),
        Ty::Slot(slot) => some(draw, slot, &mut Vec::new()),
        Ty::Plain { expected: SWITCH, .. } => draw.one(&["off", "on"]).to_string(),
        _ => number(draw, kind.name, field.name).to_string(),
    }
}

/// Numbers that nothing else depends on.
fn number(draw: &mut Draw, kind: &str, field: &str) -> &'static str {
    draw.one(match (kind, field) {
        ("cosine", "start") => &["2.13", "0.4"][..],
        // Above some of the temperatures that training begins with.
        ("cosine", "floor") => &["1e-4", "0.5"],
        ("dot", "steps") => &["1", "2", "3"],
        ("mlp", "ratio") => &["1", "0.5", "1.7", "4"],
        ("mlp", "depthwise") => &["3x3", "1x1", "5x3", "1x7"],
        _ => panic!("`{field}` of `{kind}` is not drawn: say here what it may be"),
    })
}

/// One of the kinds of a slot whose numbers nothing depends on.
fn some(draw: &mut Draw, slot: &'static Slot, said: &mut Vec<String>) -> String {
    let kind = slot.kinds[draw.below(slot.kinds.len())];
    let settings = body(draw, kind, Vec::new());
    written(slot, kind, &settings, said)
}

fn written(slot: &Slot, kind: &Kind, settings: &[Setting], said: &mut Vec<String>) -> String {
    said.push(format!("{} {}", slot.name, kind.name));
    let word = |(name, value): &(&str, String)| {
        let word = value.split(' ').next().unwrap_or_default();
        format!("{}.{name} {word}", kind.name)
    };
    said.extend(settings.iter().map(word));
    let lines: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    match lines.is_empty() {
        true => kind.name.to_string(),
        false => format!("{} {{ {} }}", kind.name, lines.join("; ")),
    }
}

/// A norm over fewer than three channels leaves each pixel one of two directions, and everything is a tie;
/// hidden maps of perceptrons more than 80 wide are kept.
fn width(draw: &mut Draw) -> usize {
    match draw.below(12) {
        11 => draw.within(81..=84),
        _ => draw.within(3..=14),
    }
}

fn perceptron(draw: &mut Draw, said: &mut Vec<String>) -> String {
    some(draw, FeedForward::SLOT, said)
}

/// On a map of this size. Heads are at least two wide: in a single channel every cosine is one or minus
/// one, and every choice a tie.
fn mixer(draw: &mut Draw, map: Size, said: &mut Vec<String>) -> String {
    let kind = Mixer::SLOT.kinds[draw.below(Mixer::SLOT.kinds.len())];
    let windows = match draw.below(2) {
        0 => [1, 1],
        _ => map.map(|side| draw.divisor(side)),
    };
    // Bins may overlap, but none repeats another.
    let grid = [0, 1].map(|axis| draw.within(1..=(2 * (map[axis] / windows[axis]) - 1).min(5)));
    let numbers = vec![
        ("grid", times(grid)),
        ("windows", times(windows)),
        ("heads", draw.within(1..=3).to_string()),
        ("head_width", draw.within(2..=9).to_string()),
    ];
    let mut settings = body(draw, kind, numbers);
    reconcile(&mut settings);
    written(Mixer::SLOT, kind, &settings, said)
}

/// Changes what does not go with the rest, so that few texts are drawn in vain.
fn reconcile(settings: &mut [Setting]) {
    let is = |settings: &[Setting], name: &str, words: &[&str]| {
        let of = |(_, value): &(&str, String)| words.contains(&value.split(' ').next().unwrap());
        settings.iter().filter(|(field, _)| *field == name).any(of)
    };
    let set = |settings: &mut [Setting], name: &str, word: &str| {
        settings
            .iter_mut()
            .filter(|(field, _)| *field == name)
            .for_each(|(_, value)| *value = word.to_string());
    };
    let raw = is(settings, "layout", &["raw"]);
    let refines = !is(settings, "refine", &["off"]);
    if raw && !is(settings, "query", &["refined", "centers"]) {
        set(settings, "query", "refined");
    }
    if raw || !refines {
        set(settings, "fuse", "off");
    }
    if !refines {
        set(settings, "key", "shared");
        if is(settings, "query", &["refined"]) {
            set(settings, "query", "centers");
        }
    }
    if is(settings, "assign", &["soft"]) && is(settings, "regroup", &["mean", "mixed"]) {
        set(settings, "regroup", "weighted");
    }
    let regroups = !is(settings, "regroup", &["off"]);
    if refines && regroups && is(settings, "query", &["centers", "pooled"]) {
        set(settings, "query", "refined");
    }
    if refines && !raw && !is(settings, "query", &["refined", "centers"]) {
        set(settings, "spare", "off");
    }
}

/// A pool that gives this map, and a map that it makes it of.
fn pool(draw: &mut Draw, map: Size, said: &mut Vec<String>) -> (String, Size) {
    let kind = Pool::SLOT.kinds[draw.below(Pool::SLOT.kinds.len())];
    let (numbers, before) = match kind.field("kernel") {
        Some(_) => strided(draw, map, 2),
        None => {
            let windows = match draw.below(2) {
                0 => [1, 1],
                _ => map.map(|side| draw.divisor(side)),
            };
            let layers = draw.within(0..=3).to_string();
            (vec![("windows", times(windows)), ("layers", layers)], map.map(|side| 2 * side))
        }
    };
    let settings = body(draw, kind, numbers);
    (written(Pool::SLOT, kind, &settings, said), before)
}

fn embed(draw: &mut Draw, map: Size, said: &mut Vec<String>) -> (String, Size) {
    let kind = Embed::SLOT.kinds[draw.below(Embed::SLOT.kinds.len())];
    let (numbers, before) = strided(draw, map, 4);
    let settings = body(draw, kind, numbers);
    (written(Embed::SLOT, kind, &settings, said), before)
}

/// A convolution that gives this map, with a stride up to `most`, and a map that it makes it of: pixels
/// that do not fill a stride are left over.
fn strided(draw: &mut Draw, map: Size, most: usize) -> (Vec<Setting>, Size) {
    let (kernel, stride) = (draw.size(1..=4), draw.within(1..=most));
    let pad = draw.below(kernel[0].min(kernel[1]).div_ceil(2));
    let before = [0, 1].map(|axis| {
        let covered = (map[axis] - 1) * stride + kernel[axis] + draw.below(stride);
        covered.saturating_sub(2 * pad).max(1)
    });
    let numbers =
        vec![("kernel", times(kernel)), ("stride", stride.to_string()), ("pad", pad.to_string())];
    (numbers, before)
}
