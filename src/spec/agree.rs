//! Where the data contradicts the model in the same text: as far as that is known without looking at
//! an image.

use super::data::{Crop, Data, TestCrop};
use crate::diag::{Diagnostic, Help, Span, Spanned, Written, list};
use crate::graph::{Size, times};
use crate::schema::Count;

/// What CIFAR is published with, whatever the kind.
const CIFAR: Size = [32, 32];
/// As many kinds of shapes as are generated.
const MOST_SHAPES: usize = 100;
const CIFAR_CLASSES: [usize; 2] = [10, 100];

/// Everything that does not fit the images that a model takes, and the classes that it tells apart.
pub fn agree(
    data: &Spanned<Option<Data>>,
    input: Spanned<Size>,
    classes: Spanned<Count>,
) -> Vec<Diagnostic> {
    let Some(kind) = &data.value else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(count(kind, data.span, classes));
    let parts = [("training", trained(kind, data.span)), ("test", tested(kind, data.span))];
    let misfits = parts.into_iter().filter_map(|(part, given)| Some((part, given?)));
    let misfits: Vec<_> = misfits.filter(|(_, given)| !given.fit(*input)).collect();
    match &misfits[..] {
        // Of one size both parts are one mistake.
        [(_, one), (_, other)] if one.size == other.size => found.push(misfit(&misfits, input)),
        _ => found.extend(misfits.chunks(1).map(|part| misfit(part, input))),
    }
    found
}

/// Parts whose images are of one size, which is not that of the model.
fn misfit(parts: &[(&str, Given)], input: Spanned<Size>) -> Diagnostic {
    let takes = times(*input);
    let words: Vec<&str> = parts.iter().map(|(part, _)| *part).collect();
    let size = parts[0].1.size;
    let message = format!(
        "the model takes images of {takes} (rows x columns), and the {} images are {}",
        list(&words, "and"),
        size.words()
    );
    let mut diagnostic = Diagnostic::error("E0702", message);
    let mut settings: Vec<Written> = Vec::new();
    for (_, given) in parts {
        // Images that nothing crops are the same in both parts.
        if diagnostic.labels.iter().all(|label| label.span != given.span) {
            diagnostic = diagnostic.at(given.span, format!("{} here", size.words()));
            settings.extend(given.setting.map(|setting| Written::new(setting, &takes)));
        }
    }
    let help = match (&settings[..], size) {
        ([_, ..], Known::Whole(size)) => {
            let help = Help::from("write ").settings(settings, "and").words(", or ");
            help.setting("input", times(size))
        }
        _ => "crop the images to what the model takes, or let it take what there is".into(),
    };
    diagnostic.at(input.span, "the images it takes").help(help)
}

fn count(data: &Data, place: Span, classes: Spanned<Count>) -> Option<Diagnostic> {
    let (there, span) = match data {
        Data::Shapes(shapes) => (vec![shapes.classes.value.0], shapes.classes.span),
        Data::Cifar(_) => (CIFAR_CLASSES.to_vec(), place),
        _ => return None,
    };
    let here = classes.value.0;
    if there.contains(&here) {
        return None;
    }
    let words: Vec<String> = there.iter().map(usize::to_string).collect();
    let words = list(&words.iter().map(String::as_str).collect::<Vec<_>>(), "or");
    let message = format!("the model tells {here} classes apart, and the data has {words}");
    let diagnostic = Diagnostic::error("E0701", message)
        .at(classes.span, format!("{here} here"))
        .at(span, format!("{words} here"));
    let counts = there.iter().map(|count| Written::new("classes", count.to_string()));
    let mut help = Help::from("write ").settings(counts.collect(), "or");
    if matches!(data, Data::Shapes(_)) && here <= MOST_SHAPES {
        help = help.words(", or ").setting("data.classes", here.to_string());
    }
    Some(diagnostic.help(help))
}

/// What is known of the size of images when they come to the model, and what says so.
struct Given {
    size: Known,
    span: Span,
    /// What says it, where it can be another.
    setting: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum Known {
    Whole(Size),
    /// Only the shorter side.
    Shorter(usize),
}

impl Given {
    fn fit(&self, input: Size) -> bool {
        match self.size {
            Known::Whole(size) => size == input,
            Known::Shorter(side) => side == input[0].min(input[1]),
        }
    }
}

impl Known {
    fn words(self) -> String {
        match self {
            Known::Whole(size) => times(size),
            Known::Shorter(side) => format!("{side} pixels on their shorter side"),
        }
    }
}

/// As stored, where every image of a kind has one size.
fn stored(data: &Data, place: Span) -> Option<Given> {
    match data {
        Data::Shapes(shapes) => {
            let size = Known::Whole(shapes.size.value.0);
            Some(Given { size, span: shapes.size.span, setting: Some("data.size") })
        }
        Data::Cifar(_) => Some(Given { size: Known::Whole(CIFAR), span: place, setting: None }),
        _ => None,
    }
}

fn trained(data: &Data, place: Span) -> Option<Given> {
    let size = match &data.said().train.crop.value {
        Some(Crop::Padded(crop)) => crop.size,
        Some(Crop::Resized(crop)) => crop.size,
        None => return stored(data, place),
    };
    let setting = Some("data.train.crop.size");
    Some(Given { size: Known::Whole(*size), span: size.span, setting })
}

fn tested(data: &Data, place: Span) -> Option<Given> {
    let Some(prepare) = data.said().test else { return stored(data, place) };
    match (&prepare.crop.value, &prepare.resize.value) {
        (Some(TestCrop::Center(crop)), _) => {
            let setting = Some("data.test.crop.size");
            Some(Given { size: Known::Whole(*crop.size), span: crop.size.span, setting })
        }
        (None, Some(resize)) => {
            let size = Known::Shorter(resize.shorter.value.0);
            Some(Given { size, span: resize.shorter.span, setting: None })
        }
        (None, None) => stored(data, place),
    }
}
